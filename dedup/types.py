"""The types that flow between the stages. No logic lives here.

A `Source` is decoded into a `Document`, segmented into a `Page` of `Block`s, judged into
`JudgedBlock`s and assembled into `Article`s; the paragraphs of articles become `Cluster`s.
Everything is frozen: a stage returns new values and never changes what it was given.

Offsets are always character offsets (code points, half open) into `Document.text`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Media(StrEnum):
    """What a document's text is made of."""

    HTML = "html"
    TEXT = "text"


class Kind(StrEnum):
    """What a kept block is to the article."""

    TITLE = "title"
    SUMMARY = "summary"
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    QUOTE = "quote"
    TABLE = "table"


class Reason(StrEnum):
    """Why a block was stripped. The set is closed: a consumer may match on all of it."""

    NAVIGATION = "navigation"
    RELATED = "related"
    RANKING = "ranking"
    ADVERTISEMENT = "advertisement"
    SUBSCRIPTION = "subscription"
    COOKIE_NOTICE = "cookie_notice"
    COPYRIGHT = "copyright"
    CAPTION = "caption"
    BYLINE = "byline"
    DATELINE = "dateline"
    AGENCY = "agency"
    SOURCE_LINE = "source_line"
    ORIGINAL_TITLE = "original_title"
    SHARE = "share"
    PAYWALL = "paywall"
    COMMENTS = "comments"
    EMBEDDED_SOURCE = "embedded_source"
    REPEATED_ON_OUTLET = "repeated_on_outlet"
    DUPLICATE = "duplicate_in_document"
    HIDDEN = "hidden"
    OTHER_ARTICLE = "other_article"
    BOILERPLATE = "boilerplate"


@dataclass(frozen=True, slots=True)
class Source:
    """One input as it came, before decoding.

    `name` is what the user calls it (a path as given, `-`, or `file.jsonl#3` for line 3) and
    goes into every output row; `key` is the same relative to the input root, so that ids do not
    depend on where the input lies.
    """

    name: str
    key: str
    content: bytes | str
    media: Media
    declared_encoding: str | None = None
    url: str | None = None
    outlet: str | None = None
    published: str | None = None
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that could not be used, and what the user can do about it."""

    source: str
    error: str
    message: str


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding a document was decoded with (WHATWG name) and how it was found."""

    name: str
    found_by: str


@dataclass(frozen=True, slots=True)
class Document:
    """A decoded source. `outlet` is settled here: record, URL, canonical link, folder, in that order."""

    source: str
    key: str
    text: str
    media: Media
    encoding: Encoding
    url: str | None = None
    outlet: str | None = None
    published: str | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the page says of itself outside its visible text."""

    title: str | None = None
    author: str | None = None
    published: str | None = None
    site: str | None = None
    language: str | None = None
    url: str | None = None
    description: str | None = None


class Piece(StrEnum):
    """`Block.tag` of what division cuts off a line: it has no element of its own."""

    PREFIX = "prefix"
    ENTRY_TITLE = "entry_title"
    ENTRY_TAIL = "entry_tail"


@dataclass(frozen=True, slots=True)
class Block:
    """A run of visible text between two block boundaries, and where it stood.

    `text` has white space folded; `start:end` is the span of `Document.text` it was read from
    (markup inside the span included), `line` its first line there, counted from 1. `path` is the
    element path (`body/div/article/p`), empty for flat text. `hints` are the class and id words on
    that path, `link_share` the share of characters that stand in links (0 to 1), `extracted` the share
    of its characters that trafilatura kept, `None` where it was not asked, and `declared` the share that
    stands in the article's text as the page gives it to machines, `None` where it does not.
    """

    text: str
    start: int
    end: int
    line: int
    path: str = ""
    tag: str = ""
    hints: str = ""
    link_share: float = 0.0
    hidden: bool = False
    extracted: float | None = None
    declared: float | None = None

    @property
    def from_data(self) -> bool:
        """Whether it stands in the data of a script, from which the article is made (see `embedded`)."""
        return self.path.startswith("script/")


@dataclass(frozen=True, slots=True)
class Page:
    """A segmented document: every visible character of it stands in exactly one block.

    `tags` are those of its source as `markup.tags` yields them, where they are still needed.
    """

    document: Document
    blocks: tuple[Block, ...]
    metadata: Metadata
    tags: Sequence[tuple[str, bool, str, int, int]] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """What the other pages of its outlet say of a block; copies of one article count as one page.

    `of` other pages are known; `pages` of them carry the block at the same place, `place_pages` have any
    block at its place, and of the characters there, on this page too if it was learned, `place_content`
    (0 to 1) are likely content. `outlets` others carry the block too.
    """

    pages: int = 0
    outlets: int = 0
    of: int = 0
    place_pages: int = 0
    place_content: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one witness says of a block. `vote` is above 0 for content, below for chrome, 0 for neither."""

    witness: str
    says: str
    vote: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Kept with a kind or stripped with a reason, never both, and the evidence that decided."""

    kind: Kind | None
    reason: Reason | None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgedBlock:
    """A block and its verdict."""

    block: Block
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Article:
    """One article of a document.

    `paragraphs` are the kept blocks but for the title, `stripped` all others, both in the order of
    the source; `text` is the paragraphs joined by newlines. `headline` is the title as a block,
    where the title stood in the visible text. `id` is a hash of content (16 hex digits).
    """

    id: str
    source: str
    ordinal: int
    url: str | None
    outlet: str | None
    title: str | None
    published: str | None
    author: str | None
    agency: str | None
    original_title: str | None
    language: str | None
    encoding: Encoding
    text: str
    headline: JudgedBlock | None
    paragraphs: tuple[JudgedBlock, ...]
    stripped: tuple[JudgedBlock, ...]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What became of one source: its articles, or the failure that says why there are none."""

    source: str
    articles: tuple[Article, ...]
    failure: Failure | None = None


class Relation(StrEnum):
    """How two paragraphs of a cluster relate.

    The same comparison text; Jaccard at or above the threshold; the same but for numbers, dates or names.
    """

    EXACT = "exact"
    NEAR = "near"
    CHANGED_FACTS = "changed_facts"


class Spread(StrEnum):
    """Where a cluster's words stand: repeated by one outlet (chrome) or carried by several (syndication)."""

    WITHIN_OUTLET = "within_outlet"
    ACROSS_OUTLETS = "across_outlets"
    UNKNOWN = "unknown"


class Fact(StrEnum):
    """What kind of word a changed fact is."""

    NUMBER = "number"
    DATE = "date"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph as clustering sees it: which document it stands in, at which place, and its words."""

    document: str
    index: int
    outlet: str | None
    text: str
    published: str | None = None


@dataclass(frozen=True, slots=True)
class CodePoints:
    """Texts as arrays: text `i` is `codes[starts[i] : starts[i] + lengths[i]]` (uint32, int64, int64)."""

    codes: NDArray[np.uint32]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of text numbers, `left < right`, each pair once, sorted; two int64 arrays of one length."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Change:
    """A fact of one text that stands otherwise in the other; half-open spans into the texts as given."""

    fact: Fact
    left: str
    left_start: int
    left_end: int
    right: str
    right_start: int
    right_end: int


@dataclass(frozen=True, slots=True)
class Link:
    """Two paragraphs whose similarity (Jaccard of their shingles, 0 to 1) was computed, not estimated.

    Of changed facts `changes` are those that differ.
    """

    left: Paragraph
    right: Paragraph
    kind: Relation
    similarity: float
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A paragraph of a cluster and its Jaccard similarity to the representative (0 to 1).

    `kind` is exact, near or changed facts; `changes` are the facts that differ, the
    representative's left.
    """

    paragraph: Paragraph
    similarity: float
    kind: Relation = Relation.NEAR
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Cluster:
    """Paragraphs that carry the same words. Every member is at or above the threshold to the representative.

    The representative is the first member. `kind` is exact where all members are, else changed
    facts where one member is, else near. `outlets` are sorted; `spread` is unknown where a member
    has no outlet and the rest do not settle it. `id` is a hash of the representative's comparison
    text (16 hex digits).
    """

    id: str
    kind: Relation
    outlets: tuple[str, ...]
    representative: Paragraph
    members: tuple[Member, ...]
    spread: Spread = Spread.UNKNOWN


@dataclass(frozen=True, slots=True)
class Clustering:
    """What `cluster` found: every verified link, and the clusters made of them.

    `histogram` counts verified pairs of distinct texts by similarity in steps of .05 from 0, the
    last step with its upper end. Below the threshold it is a lower bound, because candidates were
    chosen for the threshold: a lower one adds at least these.
    """

    links: Sequence[Link]
    clusters: Sequence[Cluster]
    histogram: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Quotation:
    """A paragraph that stands within a longer one.

    `containment` is the share of its shingles that the longer one has, `similarity` the Jaccard
    similarity of the two (both 0 to 1).
    """

    quote: Paragraph
    source: Paragraph
    containment: float
    similarity: float


@dataclass(frozen=True, slots=True)
class Place:
    """A half-open span of a paragraph's text."""

    paragraph: Paragraph
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passage:
    """Words that paragraphs of different documents have in common and that neither extends further.

    `text` is as the first place has it, `weight` the number of its content words. `id` is a hash
    of its comparison text (16 hex digits).
    """

    id: str
    text: str
    weight: int
    outlets: tuple[str, ...]
    places: tuple[Place, ...]


class Carriage(StrEnum):
    """How a document carries a story, seen from the document that had it first."""

    FIRST = "first"
    COPY = "copy"
    UPDATE = "update"
    EXCERPT = "excerpt"


@dataclass(frozen=True, slots=True)
class Version:
    """A document of a story beside the one that had it first.

    `of_first` is the share of the first document's characters that stand here too, `of_this` the
    share of this one's that stand there (0 to 1); `in_order` says that what they share comes in
    the same order. `added` and `left_out` are the paragraphs only this one or only the first has.
    """

    document: str
    outlet: str | None
    published: str | None
    carriage: Carriage
    of_first: float
    of_this: float
    in_order: bool
    added: tuple[Paragraph, ...]
    left_out: tuple[Paragraph, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """Documents that carry the same article. The first version is the one that had it first."""

    id: str
    outlets: tuple[str, ...]
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class Relations:
    """All that articles have in common: what `Clustering` says, and the relations beyond near-duplicates.

    Quotations and passages are empty where they were not asked for.
    """

    links: Sequence[Link]
    clusters: tuple[Cluster, ...]
    histogram: tuple[int, ...]
    quotations: tuple[Quotation, ...]
    passages: tuple[Passage, ...]
    stories: tuple[Story, ...]


class Keep(StrEnum):
    """Which copy of a shared paragraph stays: of the earliest article, the longest, the first in input."""

    EARLIEST = "earliest"
    LONGEST = "longest"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Reference:
    """Where the same words stand: article id, paragraph index there, Jaccard similarity to it (0 to 1)."""

    article: str
    paragraph: int
    similarity: float


@dataclass(frozen=True, slots=True)
class UniqueArticle:
    """An article and, for each of its paragraphs, `None` if it stays or the reference that replaces it."""

    article: Article
    same_as: tuple[Reference | None, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """An indexed paragraph that carries the words asked for.

    `cluster` names the words over time: a hash of the comparison text of the paragraph that the index
    had first (16 hex digits). `similarity` is the Jaccard similarity of the two (0 to 1), `text` the
    first of the exact copies, and `first_seen` when that article came into the index (UTC).
    """

    cluster: str
    article: str
    paragraph: int
    outlet: str | None
    similarity: float
    kind: Relation
    first_seen: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What an index knows of an article.

    `matches` are by paragraph, most similar first, then first seen first. `share` is the part of the
    article's comparison text that stands in matched paragraphs (0 to 1). `first_seen` is when the same
    id with the same words came into the index, `None` where it had not.
    """

    article: str
    first_seen: datetime | None
    share: float
    matches: tuple[tuple[Match, ...], ...]


@dataclass(frozen=True, slots=True)
class IndexStats:
    """What an index holds; `texts` are distinct comparison texts, `bytes` all it takes, `text_bytes` words.

    `first_seen` and `last_seen` are those of the articles it holds now (UTC).
    """

    articles: int
    paragraphs: int
    texts: int
    bytes: int
    text_bytes: int
    first_seen: datetime | None
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Edit:
    """A stretch in which two texts differ; half-open spans, one of them may be empty."""

    left_start: int
    left_end: int
    right_start: int
    right_end: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two texts side by side, with every figure by which they are or are not near-duplicates.

    `left` and `right` are as given, the edits and changes are places there; `left_compared` and
    `right_compared` are their comparison texts, from which the shingle sets come. `containment` is
    the share of the smaller set that the other one has. `kind` is what they would be to each other in
    a cluster, `None` below the threshold. The texts are candidates if they share a band.
    """

    left: str
    right: str
    left_compared: str
    right_compared: str
    left_shingles: int
    right_shingles: int
    shared_shingles: int
    similarity: float
    containment: float
    kind: Relation | None
    bands: int
    rows: int
    shared_bands: tuple[int, ...]
    edits: tuple[Edit, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class BlockChange:
    """A block that two runs judge differently: its kind or reason in each, `None` where it is not there."""

    text: str
    old: Kind | Reason | None
    new: Kind | Reason | None


@dataclass(frozen=True, slots=True)
class ArticleChange:
    """An article that two runs made differently. `fields` are (name, old value, new value)."""

    source: str
    ordinal: int
    fields: tuple[tuple[str, str | None, str | None], ...]
    blocks: tuple[BlockChange, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """How two runs differ. Articles are known by source and number, clusters by their paragraphs."""

    added: tuple[tuple[str, int], ...]
    removed: tuple[tuple[str, int], ...]
    changed: tuple[ArticleChange, ...]
    clusters_added: tuple[tuple[str, ...], ...]
    clusters_removed: tuple[tuple[str, ...], ...]
