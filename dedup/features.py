"""What a block looks like, in numbers: the judge's own testimony.

One row a block. A row holds the block's own shape, what its neighbours look like, where it stands
against the densest run of prose on the page, and for HTML what stands in the same elements. No
column knows a word of any language: words are weighed by a linear model over runs of characters
(`dedup.grams`), whose score is one column. Cross-validated on 1,336 pages as flat text, its columns
raise the mean F1 over eight sets from .876 to .886. The word lists of `dedup.lexicon` are left to the
judge: matching them took 70 us a block, more than all columns here.

All is computed for a whole page at once: with the forest, a page takes a fifth of trafilatura's time
(11 ms and 57 ms on 50 pages of 197 blocks).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dedup import grams, lines
from dedup.grams import QUESTIONS, Characters, characters, hashes, weigh_places, weigh_texts
from dedup.series import FAR, Column, Columns, beside, since, sums, until
from dedup.types import Block, Media, Page, Recurrence

_DATE = re.compile(r"\d{4}\s*[年/.-]\s*\d{1,2}|\d{1,2}月\d{1,2}日|\d{1,2}:\d{2}|(?<!\d)(?:19|20)\d{2}(?!\d)")
_NUMBERED = re.compile(r"[(（]?\d{1,3}[.)）．、位:：\s]")
_TAGS = ("p", "li", "h1", "h2", "h3", "h4", "td", "div", "blockquote", "figcaption", "dd")
_ANCESTORS = (
    *("article", "main", "aside", "footer", "header", "nav"),
    *("figure", "li", "table", "form", "blockquote", "section"),
)
# Shortest sentence that counts as prose, in characters (an ideograph counts as two).
_PROSE = 40
_LONG_PROSE = 150
_ECHO = 1 << 16
# Characters from which a page's description may be the lead of its article.
_DESCRIPTION = 20
_STEPS = (-2, -1, 1, 2)
_RADII = (2, 4, 8, 16)
_NEIGHBOURS = ("log_chars", "sentence_end", "text_score", "sentences")
_SUMMED = ("sentence_chars", "log_chars", "sentence_end", "text_score", "truncated", "date")


def features(
    page: Page,
    text_weights: NDArray[np.float32],
    place_weights: NDArray[np.float32],
    known: Sequence[Recurrence] = (),
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """One row of features a block, shape `(len(page.blocks), n)`, and the `n` column names.

    The weights are those of the linear models: `text_weights` a row of `grams.TEXT_BUCKETS` for each of
    `grams.QUESTIONS`, for HTML the first alone, `place_weights` of shape `(grams.PLACE_BUCKETS,)`.
    `known` says of each block who else carries it, and is empty where that is not known.
    """
    return describe(page, read_page(page, text_weights, place_weights), known)


def read_page(page: Page, text_weights: NDArray[np.float32], place_weights: NDArray[np.float32]) -> Columns:
    """The columns for which neither trafilatura nor the outlet has to be heard; see `features`."""
    chars = characters([block.text for block in page.blocks])
    return own(page, chars, weigh_texts(chars, text_weights), weigh_places(page.blocks, place_weights))


def own(page: Page, chars: Characters, text_scores: Sequence[Column], place_score: Column) -> Columns:
    """As `read_page`, for scores that are known already: training must not use those of the final weights.

    `text_scores` are the answers to the questions that pages of this medium are asked.
    """
    asked = QUESTIONS[1:] if page.document.media is Media.TEXT else ()
    columns = _shape(page.blocks, chars)
    columns |= dict(zip(("text_score", *asked), text_scores, strict=True))
    columns |= _echoes(page, chars, columns["sentence_chars"])
    if page.document.media is Media.HTML:
        return columns | _markup(page.blocks, place_score)
    return columns | lines.gaps(page) | lines.names(page.blocks)


def describe(
    page: Page, columns: Columns, known: Sequence[Recurrence]
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """`features` of a page whose blocks were read."""
    blocks = page.blocks
    html = page.document.media is Media.HTML
    if html:  # in its place: a forest knows columns by their order
        columns = columns | {"extracted": np.array([block.extracted or 0.0 for block in blocks])}
    columns = columns | _outlet(known, len(blocks), html=html)
    columns |= _position(columns)
    columns |= _windows(columns, html=html)
    prose, text_score = columns["sentence_chars"], columns["text_score"]
    chrome = np.where(prose > 0, 0.0, -2.0 + np.clip(text_score, -2.0, 1.0))
    evidence = text_score - 0.5
    if html:
        columns |= _headings(columns)
        columns |= _containers(blocks, columns)
        chrome -= 2.0 * columns["link_share"]
        evidence = evidence + columns["place_score"] + 2.0 * columns["extracted"]
    columns |= _core("core", np.where(prose > 0, np.log1p(prose), chrome), prose)
    columns |= _core("felt", evidence, prose)
    if not html:
        columns |= lines.describe(page, columns)
    # A column's values stand side by side in memory, as the forest takes them.
    table = np.concatenate(list(columns.values()), dtype=np.float32, casting="same_kind")
    return table.reshape(len(columns), len(blocks)).T, tuple(columns)


def _shape(blocks: Sequence[Block], chars: Characters) -> Columns:
    """What each block is by its characters alone."""
    length, count = np.maximum(chars.lengths, 1), chars.count
    first = chars.classes[chars.starts]
    end = chars.starts + chars.lengths - 1
    last, last_code = chars.classes[end], chars.codes[end]
    letters = chars.are(grams.LETTER)
    word_starts = letters & ~np.append(False, letters[:-1])
    before_gap = np.append((chars.classes[1:] & (grams.SPACE | grams.CLOSING)) != 0, True)
    alphabetic, words, ideographs = (
        count(letters),
        count(word_starts),
        count(chars.are(grams.IDEOGRAPH)) / length,
    )
    upper, digits = chars.are(grams.UPPER), count(chars.are(grams.DIGIT))
    sentences = count(chars.are(grams.STOP) | (chars.are(grams.DOT) & before_gap))
    ends = (last & (grams.STOP | grams.DOT | grams.CLOSING)) != 0
    size = chars.lengths * (1 + ideographs)  # an ideograph says about as much as two letters
    texts = [block.text for block in blocks]
    seen = Counter(texts)
    return {
        "log_chars": np.log1p(size),
        "ideographs": ideographs,
        "kana": count(chars.are(grams.KANA)) / length,
        "sentence_end": _number(ends),
        "stop_end": _number((last & (grams.STOP | grams.DOT)) != 0),
        "sentences": np.minimum(sentences, 12),
        "sentence_length": size / np.maximum(sentences, 1) * (sentences > 0),
        "sentence_chars": np.where(ends & (sentences > 0) & (size > _PROSE), size, 0.0),
        "clauses": count(chars.are(grams.CLAUSE)) / length,
        "digits": digits / length,
        "words": np.minimum(words, 60),
        "word_length": alphabetic / np.maximum(words, 1),
        "capitals": np.where(words > 0, count(word_starts & upper) / np.maximum(words, 1), -1.0),
        "upper": count(upper) / np.maximum(alphabetic, 1),
        "bullet": _number((first & grams.BULLET) != 0),
        "first_upper": _number((first & grams.UPPER) != 0),
        "first_letter": _number((first & (grams.LETTER | grams.IDEOGRAPH)) != 0),
        "symbols": count(chars.are(grams.SYMBOL)) / length,
        "separators": np.minimum(count(chars.are(grams.BAR)), 8),
        "quotes": np.minimum(count(chars.are(grams.QUOTE)), 4),
        "truncated": _number((last_code == 0x2026) | ((last_code == 46) & (chars.codes[end - 1] == 46))),
        "colon_end": _number((last_code == 58) | (last_code == 0xFF1A)),
        "numbered": _number(text[0] in "(（0123456789" and _NUMBERED.match(text) for text in texts),
        "url": _number("http" in text or "www." in text for text in texts),
        "date": _number(many > 1 and _DATE.search(text) for many, text in zip(digits, texts, strict=True)),
        "repeats": np.array([min(seen[text], 5) - 1.0 for text in texts]),
    }


def _number(values: Iterable[object]) -> Column:
    return np.array([1.0 if value else 0.0 for value in values])


def _echoes(page: Page, chars: Characters, prose: Column) -> Columns:
    """How much of each block stands in other prose of the page, in its title and in its description."""
    n = len(prose)
    found = hashes(chars.folded, 4) % np.uint32(_ECHO)
    owner = chars.owner[: len(found)]
    position = np.arange(len(found))
    inside = (position >= chars.starts[owner]) & (position + 4 <= (chars.starts + chars.lengths)[owner])
    found, owner = found[inside], owner[inside]
    number = np.maximum(np.bincount(owner, minlength=n), 1)
    is_prose = prose[owner] > 0
    first, last = np.full(_ECHO, -1), np.full(_ECHO, -1)
    last[found[is_prose]] = owner[is_prose]
    first[found[is_prose][::-1]] = owner[is_prose][::-1]
    elsewhere = (first[found] >= 0) & ((first[found] != owner) | (last[found] != owner))

    def shared(text: str) -> tuple[Column, Column]:
        """The share of each block that stands in `text`, and of `text` that stands in it."""
        wanted = hashes(characters([text]).folded[1:-1], 4) % np.uint32(_ECHO) if len(text) > 4 else found[:0]
        known = np.zeros(_ECHO, bool)
        known[wanted] = True
        hits = np.bincount(owner, known[found], n)
        return hits / number, np.minimum(hits / max(len(wanted), 1), 1.0)

    overlap, cover = shared(page.metadata.title or "")
    titles = ((overlap > 0.7) & (cover > 0.6)).astype(float)
    columns = {
        "echo": np.bincount(owner, elsewhere, n) / number,
        "title_overlap": overlap,
        "title_cover": cover,
        "titles_before": np.minimum(np.cumsum(titles), 3),
        "titles_after": np.minimum(titles.sum() - np.cumsum(titles), 3),
    }
    if page.document.media is Media.HTML:
        description = (page.metadata.description or "").rstrip(" .…")
        overlap, cover = shared(description if len(description) > _DESCRIPTION else "")
        lead = cover > 0.6
        columns |= {
            "description": np.full(n, float(len(description) > _DESCRIPTION)),
            "description_overlap": overlap,
            "description_cover": cover,
            "leads_before": np.minimum(np.cumsum(lead), 4).astype(float),
            "since_lead": since(lead),
            "until_lead": until(lead),
        }
    return columns


def _markup(blocks: Sequence[Block], place_score: Column) -> Columns:
    numbers: dict[tuple[str, str], int] = {}
    place = [numbers.setdefault((block.path, block.tag), len(numbers)) for block in blocks]
    marks = []
    for path, tag in numbers:
        ancestors = path.split("/")
        marks.append(
            [*(tag == one for one in _TAGS), *(one in ancestors for one in _ANCESTORS), len(ancestors)]
        )
    names = (*(f"tag_{tag}" for tag in _TAGS), *(f"in_{tag}" for tag in _ANCESTORS), "depth")
    return {
        "link_share": np.array([block.link_share for block in blocks]),
        "hidden": np.array([float(block.hidden) for block in blocks]),
        "extracted": np.array([block.extracted or 0.0 for block in blocks]),
        "declared": np.array([block.declared or 0.0 for block in blocks]),
        "place_score": place_score,
        **dict(zip(names, np.array(marks, float).T[:, place], strict=True)),
    }


def _outlet(known: Sequence[Recurrence], n: int, *, html: bool) -> Columns:
    """What other pages of the outlet say, as shares of those pages; -1 where there are none."""
    known = known or (Recurrence(),)
    of = np.array([float(one.of) for one in known])
    pages = np.array([float(one.pages) for one in known])
    columns = {
        "outlet_pages": np.minimum(of, 20.0),
        "recurs": np.where(of > 0, pages / np.maximum(of, 1.0), -1.0),
    }
    if html:
        there = np.array([float(one.place_pages) for one in known])
        content = np.array([one.place_content for one in known])
        columns["place_pages"] = np.where(of > 0, there / np.maximum(of, 1.0), -1.0)
        columns["place_content"] = np.where(there > 0, content, -1.0)
    return {name: np.broadcast_to(column, n) for name, column in columns.items()}


def _position(columns: Columns) -> Columns:
    prose = columns["sentence_chars"]
    n, total = len(prose), max(float(prose.sum()), 1.0)
    index = np.arange(n, dtype=float)
    ordered = np.sort(columns["log_chars"])  # `np.median` loads masked arrays for this
    return {
        "blocks": np.full(n, math.log1p(n)),
        "place": index / n,
        "from_start": np.minimum(index, FAR),
        "from_end": np.minimum(n - index, FAR),
        "typical_chars": np.full(n, (ordered[(n - 1) // 2] + ordered[n // 2]) / 2),
        "prose_total": np.full(n, math.log1p(total)),
        "prose_before": np.cumsum(prose) / total,
        "since_prose": since(prose > 0),
        "until_prose": until(prose > 0),
        "since_long": since(prose > _LONG_PROSE),
        "until_long": until(prose > _LONG_PROSE),
    }


def _headings(columns: Columns) -> Columns:
    """Where a block stands against headings, and against what trafilatura kept."""
    size = np.expm1(columns["log_chars"])
    kept = columns["extracted"] * size
    prose = columns["sentence_chars"]
    n, total = len(size), float(kept.sum())
    first = columns["tag_h1"] > 0
    heading = first | (columns["tag_h2"] > 0) | (columns["tag_h3"] > 0)
    extracted = columns["extracted"] > 0.5
    return {
        "h1_before": np.minimum(np.cumsum(first), 4).astype(float),
        "since_h1": since(first),
        "until_h1": until(first),
        "since_heading": since(heading),
        "until_heading": until(heading),
        "extracted_total": np.full(n, math.log1p(total)),
        "extracted_prose": np.full(n, (columns["extracted"] * prose).sum() / max(float(prose.sum()), 1.0)),
        "extracted_sum": np.cumsum(kept) / max(total, 1.0),
        "declared_total": np.full(n, math.log1p((columns["declared"] * size).sum())),
        "declared_sum": np.cumsum(columns["declared"] * size)
        / max(float((columns["declared"] * size).sum()), 1.0),
        "since_extracted": since(extracted),
        "until_extracted": until(extracted),
    }


def _windows(columns: Columns, *, html: bool) -> Columns:
    """Values of the nearest blocks, and sums over windows before and after."""
    markup = ("link_share", "extracted", "place_score") if html else ()
    near, summed = _NEIGHBOURS + (markup or ("gap_before",)), _SUMMED + markup + ("declared",) * html
    values, addends = (np.array([columns[name] for name in names]) for names in (near, summed))
    neighbours = [(f"{step:+d}", beside(values, step, -1.0)) for step in _STEPS]
    sides = [f"_{side}{radius}" for radius in _RADII for side in ("before", "after")]
    windows = list(zip(sides, sums(addends, *_RADII), strict=True))
    out = {f"{name}{step}": there[i] for i, name in enumerate(near) for step, there in neighbours}
    return out | {f"{name}{side}": total[i] for i, name in enumerate(summed) for side, total in windows}


def _core(name: str, score: Column, prose: Column) -> Columns:
    """Where the blocks stand against the run of blocks with the largest sum of `score`.

    Maximum subsequence segmentation: Pasternack and Roth, "Extracting Article Text from the Web
    with Maximum Subsequence Segmentation", WWW 2009.
    """
    best, low, high, total, begin = 0.0, 0, 0, 0.0, 0
    for i, value in enumerate(score.tolist()):
        if total <= 0:
            total, begin = 0.0, i
        total += value
        if total > best:
            best, low, high = total, begin, i + 1
    n = len(score)
    index = np.arange(n)
    outside = np.where(index < low, low - index, np.maximum(index - high + 1, 0))
    return {
        name: (outside == 0).astype(float),
        f"{name}_distance": np.minimum(outside, FAR) * np.where(index < low, -1.0, 1.0),
        f"{name}_place": (index - low) / max(high - low, 1),
        f"{name}_score": np.full(n, best),
        f"{name}_prose": np.full(n, prose[low:high].sum() / max(float(prose.sum()), 1.0)),
    }


def _containers(blocks: Sequence[Block], columns: Columns) -> Columns:
    """What stands in blocks with the same path, parent, grandparent and class words."""
    parents = [block.path.rpartition("/")[0] for block in blocks]
    out = _group("path", [(block.path, block.tag) for block in blocks], columns)
    out |= _group("parent", list(zip(parents, (b.hints for b in blocks), strict=True)), columns)
    out |= _group("hints", [block.hints for block in blocks], columns)
    out |= _group("grandparent", [parent.rpartition("/")[0] for parent in parents], columns)
    return out


def _group(name: str, keys: Sequence[Hashable], columns: Columns) -> Columns:
    numbers: dict[Hashable, int] = {}
    group = np.array([numbers.setdefault(key, len(numbers)) for key in keys])
    size, prose = np.expm1(columns["log_chars"]), columns["sentence_chars"]
    count, sizes = np.bincount(group), np.maximum(np.bincount(group, size), 1.0)
    kept = np.bincount(group, columns["extracted"] * size) / sizes
    linked = np.bincount(group, columns["link_share"] * size) / sizes
    return {
        f"{name}_prose": (np.bincount(group, prose) / max(float(prose.sum()), 1.0))[group],
        f"{name}_extracted": kept[group],
        f"{name}_count": np.log1p(count)[group],
        f"{name}_links": linked[group],
        f"{name}_text_score": (np.bincount(group, columns["text_score"]) / count)[group],
    }
