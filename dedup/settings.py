"""The numbers of a run that can be set, with what they mean and, where one was made, the measurement.

A number without a figure beside it was chosen, not measured. What a stage is made of (the shapes its
rules look for, the columns of its features) stands in that stage.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """Limits on input."""

    # Bytes of one page or record, unpacked; news pages are under 5 MB, whole-site dumps are no articles.
    max_bytes: int = 50_000_000
    # Times its packed size that a gzipped file of more than that may hold: a record 1,000 times
    # over packs 140 times, zeros 1,030 times.
    max_expansion: int = 500
    # Bytes of a page by whose reading its encoding is chosen, markup and ASCII lines left out: 1,024
    # to 16,384 bytes misread the same pieces; 2,048 cost 11 ms a page.
    sample_bytes: int = 2048
    # Bits by which a declared encoding is ahead. True declarations bring 126 misread pieces of 5,587
    # down to 24 (with 5 bits 29, with 20 bits 19), lies bring them up to 187 at worst (155, 362).
    declared_bits: float = 10.0
    # Bits a byte, and a start for short input, above which bytes are no text: text of 60 characters
    # takes 7.2 at most, random bytes from 200 on 8.6 and more.
    max_bits: float = 8.0
    slack_bits: float = 64.0
    # Control characters a byte above which bytes are binary: text has next to none, random bytes .11.
    max_control_share: float = 0.02
    # Known characters in UTF-16 without its mark; text has .94 and more, random bytes .16.
    min_known_share: float = 0.8


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What one page may cost where worker processes clean; 0 is no limit."""

    # Seconds of the clock; pages of the training sets take .01 to .1, the slowest hostile one 9.
    seconds: float = 20.0
    # Bytes of address space beyond what the process has at its start.
    memory: int = 2_000_000_000
    # Pages after which a worker is replaced, because parsers keep what they have seen. A new one takes
    # .2 s to be as fast as the old one.
    pages: int = 2_000
    # Sources read ahead for each worker, and most bytes of them in all: while the slowest page holds the
    # order up, the others go on.
    ahead: int = 16
    ahead_bytes: int = 100_000_000
    # Bytes on disk, or half of what is free, from which pages are no longer kept as the first look cut and
    # scored them, but cut and scored again at the second. A page takes 11 kB (as HTML 82 kB), and what is
    # learned of it 7 kB.
    kept: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class HtmlSettings:
    """How pages are cut into blocks."""

    # Open elements; the deepest of 1,300 pages has 137, browsers stop at 512. It bounds the work
    # for one tag.
    max_depth: int = 256
    # Blocks of a page of either medium above which it is refused: 200,000 take 20 to 28 s. The largest
    # of 1,300 pages has 4,400.
    max_blocks: int = 50_000
    # Innermost elements told in a block's path.
    path_elements: int = 12
    # Class words of one element, and characters of a block's hints; utility classes run to dozens
    # and say nothing of content.
    hint_words: int = 8
    hint_characters: int = 300
    # Characters of a table cell up to which it is one block with its row; above, cells hold prose.
    cell: int = 80
    # Characters of prose below which a page's data is looked at for an article that its markup lacks, and of
    # a script above which it is not. On 1,336 pages it takes .3 ms a page, 27 ms at most.
    data_below: int = 3000
    data_characters: int = 2_000_000
    # Pages above are not shown to trafilatura, whose time grows faster than the page: 10,000
    # paragraphs take it up to 5 s, 20,000 up to 14 s. The largest of 1,300 pages has 4,400 blocks.
    witness_blocks: int = 10_000
    witness_characters: int = 5_000_000


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How blocks are weighed."""

    # Folder of the forests that `dedup train` wrote; those of the package where it is empty.
    models: str = ""
    # Probability of content from which a block is kept: `keep`, or less where the page lets expect little
    # (see `expected.bar`), but never less than `least_keep`. Held out, F1 with it and at .5: HTML ja_web .935
    # (.906), ja .987 (.979), aed .952 (.949), wcxb, daniel, cwced +.002, fundus, l3s the same; flat text
    # ja_web .817 (.762), cwced .920 (.918), aed .915 (.912), daniel .917 (.914), wcxb +.002, ja .950 (.966,
    # one page of twelve). The price: pages whose article was cut out keep 794 characters of the site (575),
    # in flat text 695 (484). With .2 HTML pages of daniel and cwced lose .002 and .006, with .3 flat text of
    # ja_web loses .03.
    keep: float = 0.5
    least_keep: float = 0.3
    least_keep_flat: float = 0.2
    # Probability from which it is kept although the lexicon calls it chrome, or although lexicon and class
    # words call it the same chrome.
    sure: float = 0.9
    # That of what only the page's data has as its article; less than `sure`, because teasers stand there too.
    data: float = 0.8
    agreed: float = 0.97
    # Probability below which a block is stripped that class words call chrome and trafilatura did not keep:
    # such blocks are content less often than the forest says (.77 where it says .95). Held out, F1 with it
    # and with .8: aed .953 (.952), ja_web .934 (.928), the others within .0006.
    boxed: float = 0.95
    # Characters expected to be misjudged, as a share of the content, from which trafilatura is asked; at 0
    # it is for every page. Of the held-out pages that places do not settle .08 leaves 63 % to the forest that
    # judges without it, in a third of the time; mean F1 of eight sets .9542, .9543 at 0 (aed -.0008, l3s
    # -.0005, ja_web +.0004), .9541 at .1, which leaves 67 %.
    doubt: float = 0.08
    # Weight of the forest that judged without trafilatura, in log-odds, beside the one that heard it: where
    # trafilatura took the wrong part of the page, the first knows better. Held out, F1: ja_web .920 to .928,
    # l3s .9620 to .9637, daniel .9313 to .9326, wcxb +.001, aed -.001, cwced -.003; with .2 to .5 much the
    # same.
    first: float = 0.3
    # Share of the characters trafilatura keeps below which the forest is not believed and trafilatura
    # is: 3 of 1,336 held-out pages (F1: ja_web .905 to .920; the same from .05 to .2).
    witness_share: float = 0.1
    # In flat text a stretch of `long_prose` blocks or more, `long_share` of them prose, is judged in pieces
    # of so many, each with `long_around` other blocks before and behind. 20 of 2,671 held-out texts have one
    # (mean F1 .800 to .871, none loses more than .013; 40 blocks or .8 did no better). Of 1,000 paragraphs
    # of news in sequence .94 to 1.00 is kept, .15 without.
    long_prose: int = 60
    long_share: float = 0.7
    long_around: int = 100
    # Probability from which a block between kept paragraphs is kept, and most blocks in such a run.
    bridge: float = 0.15
    bridge_blocks: int = 12
    # Mean probability from which a table or list is kept whole. Held out, mean F1 of six sets: HTML .9545, at
    # .5 .9544, at .3 .9543; flat text .9336 at each; .9543 and .9333 where only tables within the body and
    # half kept ones are.
    whole: float = 0.4
    # As `bridge`, for paragraphs of flat text in unbroken sequence.
    bridge_prose: float = 0.3
    # Other pages of the outlet on which a block must recur to be chrome: in HTML at the same element
    # path, in flat text anywhere.
    recurs: int = 1
    recurs_flat: int = 2
    # The same for a block that is content for certain (`sure`), and the least share of the outlet's pages.
    # On the sets with several pages an outlet no F1 changes by more than .0001.
    recurs_sure: int = 2
    recurs_share: float = 0.3
    # Probability from which the likeliest line of flat text is its title: held out it is right .93 of the
    # time from .8 on, .6 from .1 to .2, .4 below.
    title: float = 0.1
    # The same behind the first paragraph: a text without its title has headings of sections.
    title_below: float = 0.5
    # Bytes of UTF-8 from which a first paragraph is no title that reads like a sentence.
    lead_bytes: int = 120
    # First paragraphs that tell whether the article is about cookies and the like.
    consent_paragraphs: int = 3
    # Kept paragraphs after which the title of another article cuts an HTML page.
    other_article: int = 3
    # Characters of kept prose after which a header that stands alone opens a region.
    region_body: int = 120
    # Share of the prose before a header in an alphabet that may follow it in a region: «Top stories»
    # stands above articles too. Headers in Japanese do not. The forest has heard the lexicon: held out, mean
    # F1 of the six large sets .9336 with 0 and .1, .9334 with .2, .9328 with .3 (fundus .956, .953).
    region_share: float = 0.1
    # Paragraphs of prose in unbroken sequence that end a region, the probability of each (.7 to .85 differ
    # by .0001, .9 is .0005 less).
    region_resume: int = 3
    region_sure: float = 0.8
    # Signed or dated lines, one in so many on the average, behind a head of comments in flat text, and the
    # characters of kept prose before it, from which all that follows is comments (13 of 1,336 held-out
    # pages, no page worse; one in six finds 9, 2 lines or 400 characters much the same).
    comments_signed: int = 3
    comments_lines: int = 10
    comments_body: int = 200
    # Folded characters from which a repeat within the document is a duplicate: shorter lines recur
    # in body text too ("for iOS", "はい"), but for the title.
    repeat_characters: int = 40
    repeat_title: int = 12
    # Characters up to which a line above the body of flat text is a short one, and the probability from which
    # it is kept (.9323 with .6, .9310 with .9).
    short_line: int = 400
    short_sure: float = 0.6
    # Posts of a thread from which a page of flat text is a digest of it, and most lines of a post. Three
    # pages of one outlet are (F1 .01 to .39 without it, .93 to .96), and were in view when it was written.
    thread_posts: int = 5
    post_lines: int = 20
    # Most bullets of a card that quotes another site.
    card_bullets: int = 8


@dataclass(frozen=True, slots=True)
class OutletSettings:
    """What the other pages of an outlet say."""

    # Folded characters from which a sentence counts as prose.
    prose: int = 40
    # Share of an outlet's pages on which prose is the outlet's own and not an article's.
    chrome_share: float = 0.3
    # Share of the smaller page's own prose from which two pages carry the same article.
    same_article: float = 0.5
    # Pages that may share a run of prose and still be compared pair by pair.
    carriers: int = 50
    # Witnesses whose prose a profile remembers, to know a copy of them again.
    articles: int = 500
    # Witnesses after which a block that one witness carried is forgotten; one that n carried is
    # remembered n times as long, ten times at most.
    forget: int = 100
    # Pages that carried an article known already and are known when they come again: a live page that
    # changes at every fetch is one each time. Chosen: 10,000 take 300 kB of a profile.
    pages: int = 10_000
    # Witnesses of a profile that was given from which new pages of its outlet are cleaned at the first look.
    # 178 pages of nine outlets by the profile of 15 others: F1 .9412, by that of all pages of the run .9408.
    covered: int = 20
    # Pages of an outlet that are learned at once.
    batch: int = 500
    # Other pages of the outlet from which its places may be trusted without the witnesses of the page;
    # share of them on which a block must stand to be known, and a place; distance from 0 or 1 up to which
    # the share of content at a place is clear; share of the content that may stand at unclear places;
    # characters of content below which all witnesses are heard. Of 426 held-out pages with three others
    # these take 331 by their places, at F1 .950 where all witnesses make .949; with a place_share of .2 and
    # clear .3 it is 303 at .949 (.950), with .2, .05 and 300 of them 171 at .961 (.961).
    trusted: int = 3
    known_share: float = 0.2
    place_share: float = 0.1
    clear: float = 0.35
    unclear: float = 0.1
    whole: int = 150


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How paragraphs are compared."""

    # Jaccard of 5-gram sets; a 1 % edit of a paragraph leaves .87 (Japanese) to .91 (English).
    threshold: float = 0.8
    # Code points in a shingle of the comparison text.
    shingle: int = 5
    # Below this many characters of comparison text only exact copies join: near-duplicates
    # there are accidents.
    min_characters: int = 30
    # Chance of missing a pair that lies exactly at the threshold; pairs above are missed less. On
    # c20000 .9994 of the pairs are found at .7 and .9997 at .8 (with .02: .9989 and .9989).
    miss: float = 0.012
    # Most permutations of a signature; see band.choose_bands. With 130, 1.5 times as many
    # permutations are made (16 x 6 for 12 x 5 at .8) for the same recall.
    permutations: int = 72
    # Seed of datasketch's permutations.
    seed: int = 1
    # Texts in one bucket that are paired all with all. The largest of c200000 at .7 holds 51;
    # fillings of one template make larger ones.
    bucket: int = 200
    # Rounds of comparing a larger bucket with one of its texts; see clustering. 20,000 fillings of one
    # template that share too little take 150 us each with 20 rounds, twice what 10 take.
    pivots: int = 10
    # Share of a paragraph's shingles that a longer one must hold to count as quoting it.
    containment: float = 0.8
    # Characters of comparison text that a shared passage holds at least: in scripts that write
    # words in few characters, and in others, where it also has that many whole words.
    passage_narrow: int = 10
    passage_wide: int = 20
    passage_words: int = 6
    # Content words of a passage. With 2, the five documents in seeds/ give their true passages
    # and none of the strings of names, titles and reporting formulas (1 lets those in).
    passage_content: int = 2
    # Places in a corpus from which a window is a formula and no passage.
    passage_spread: int = 50
    # Share of a document's characters in common from which two documents carry one story, and from
    # which nothing is missing. Chosen, not measured: no labelled stories were at hand.
    story_share: float = 0.5
    story_whole: float = 0.9
    # Threads that compiled code uses; the result is the same for any number.
    workers: int = 1
    # Folder for files that hold what is large in compiled code, "" for memory.
    scratch: str = ""
    # Characters (about 5,000 paragraphs) from which compiled kernels (the extra `fast`) repay the
    # time they take to load.
    compile_from: int = 640_000


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """How a live index is used; none of it is part of the file."""

    # Most matches told for one paragraph; a notice that every page carries has one a page.
    matches: int = 10
    # Paragraphs of one transaction of `add_many`, at the next whole article.
    transaction: int = 32_768
    # Seconds that a writer waits for others to finish.
    patience: float = 60.0
    # Articles that one transaction of `expire` removes.
    expire: int = 5_000
    # Pages of an outlet after which a `Cleaner` learns them.
    learn_pages: int = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a run."""

    read: ReadSettings = field(default_factory=ReadSettings)
    html: HtmlSettings = field(default_factory=HtmlSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    outlet: OutletSettings = field(default_factory=OutletSettings)
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    index: IndexSettings = field(default_factory=IndexSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
