"""What a block looks like, in numbers: the judge's own testimony.

One row a block. Rows hold the block's own shape, what its neighbours look like and where it stands
against the densest run of sentences on the page. The same columns serve HTML and flat text; what a
medium cannot know is 0.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import regex

from dedup.lexicon import fold, lexicon_for
from dedup.types import Block, Page, Reason

Matrix = np.ndarray

_CJK = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
_KANA = regex.compile(r"\p{Hiragana}")
_SENTENCE_END = regex.compile(r"[。！？!?.．…」』”\"’'）)]$")
_TERMINATOR = regex.compile(r"[。！？!?]|\.(?=\s|$|[”\"’'])")
_CLAUSE = regex.compile(r"[、，,;；:：]")
_BULLET = regex.compile(r"^\s*[•・*\-–—●○■□◆▶►✅💡✔☑▪◦‣⁃]\s*\S")
_NUMBERED = regex.compile(r"^\s*[(（]?\d{1,3}[.)）．、位:：\s]")
_URL = regex.compile(r"https?://|www\.|\.(?:com|jp|org|net)\b", regex.IGNORECASE)
_DATE = regex.compile(r"\d{4}\s*[年/.-]\s*\d{1,2}|\d{1,2}月\d{1,2}日|\d{1,2}:\d{2}|\b(?:19|20)\d{2}\b")
_SEPARATOR = regex.compile(r"[|｜/／>»›·•]")
_TRUNCATED = regex.compile(r"(?:…|\.\.\.?|‥)\s*$")
_QUOTE = regex.compile(r"[「『“\"]")
_DIGIT = regex.compile(r"\d")
_WORD = regex.compile(r"\p{L}[\p{L}\p{M}'’-]*")
_FUNCTION = frozenset(
    "the a an of to in and that is was for on with as it at by from be are has have had not but his her he she"
    " they which this who will would said their its were been more about or der die das und in den von zu mit"
    " ist im auf für de la le les des et en un une que el los las del y por con il di che e i na z w się do"
    " и в на что не с по как".split()
)

_GOOD_HINT = regex.compile(
    r"article|story|body|content|entry|post|text|main|honbun|kiji|detail|news|paragraph|prose|blog"
)
_BAD_HINT = regex.compile(
    r"comment|relat|rank|nav|menu|foot|side|widget|share|social|promo|advert|\bads?\b|banner|breadcrumb|cookie"
    r"|consent|newsletter|subscri|recommend|popular|trend|header|tag|caption|credit|byline|author|meta|date|time"
    r"|modal|popup|login|sponsor|teaser|list|more|pager|pagination|copyright|gallery|slide|thumb|card|read"
)
_BAD_HINTS = (
    ("comment", r"comment|disqus|respond|repl"),
    ("related", r"relat|recommend|more|read.?next|also|teaser|kanren|card|promo|list"),
    ("ranking", r"rank|popular|trend|most|access"),
    ("chrome", r"nav|menu|foot|head|side|breadcrumb|pager|pagination|search|login|widget"),
    ("share", r"share|social|sns|follow|tool"),
    ("advert", r"advert|\bads?\b|banner|sponsor|\bpr\b|outbrain|taboola|newsletter|subscri|paywall|cookie|consent"),
    ("caption", r"caption|credit|figure|photo|image|gallery|slide|thumb|media|video"),
    ("byline", r"byline|author|writer|date|time|meta|publish|info|source|profile|bio"),
    ("title", r"title|headline|heading"),
)
_BAD_PATTERNS = tuple((name, regex.compile(pattern)) for name, pattern in _BAD_HINTS)
_TAGS = ("p", "li", "h1", "h2", "h3", "td", "div", "blockquote", "figcaption", "a", "span", "line")
_PATH_TAGS = ("article", "main", "aside", "footer", "header", "nav", "figure", "li", "table", "form", "blockquote")
_LINES = tuple(Reason)[: len(Reason)]

LOCAL = (
    "log_chars", "cjk", "kana", "sentence_end", "sentences", "clauses", "digits", "capitals", "function_words",
    "bullet", "numbered", "url", "date", "separators", "truncated", "quotes", "header", "line",
    *(f"line_{reason}" for reason in _LINES),
    "repeats", "title_overlap", "title_before", "sentence_chars", "gap_before", "indent",
    "link_share", "hidden", "extracted", "witness2", "depth", "good_hint", "bad_hint",
    *(f"hint_{name}" for name, _ in _BAD_HINTS),
    *(f"tag_{tag}" for tag in _TAGS), *(f"in_{tag}" for tag in _PATH_TAGS),
)  # fmt: skip
_COLUMN = {name: i for i, name in enumerate(LOCAL)}
_NEIGHBOUR = ("log_chars", "sentence_end", "header", "line", "link_share", "extracted", "truncated", "sentences", "gap_before")
_RADII = (2, 4, 8, 16)


def features(page: Page, second: Sequence[float] | None = None) -> tuple[Matrix, tuple[str, ...]]:
    """One row of float32 features a block, shape `(len(page.blocks), n)`, and the `n` column names.

    `second` is the testimony of a second extractor, a share of kept characters for each block.
    """
    blocks = page.blocks
    local = _local(page, second)
    columns: dict[str, Matrix] = {name: local[:, i] for i, name in enumerate(LOCAL)}
    columns |= _position(blocks, columns)
    columns |= _windows(columns)
    columns |= _core(columns)
    columns |= _containers(blocks, columns)
    return np.column_stack([c.astype(np.float32) for c in columns.values()]), tuple(columns)


def _local(page: Page, second: Sequence[float] | None) -> Matrix:
    blocks = page.blocks
    folded = [fold(block.text) for block in blocks]
    repeats = Counter(folded)
    title = fold(page.metadata.title or "")
    grams = _grams(title)
    out = np.zeros((len(blocks), len(LOCAL)), np.float32)
    end, title_seen = 0, 0.0
    for i, (block, text) in enumerate(zip(blocks, folded, strict=True)):
        row = _shape(block, text)
        row["repeats"] = min(repeats[text], 5) - 1
        own = _grams(text)
        row["title_overlap"] = len(own & grams) / len(own | grams) if grams and own else 0.0
        row["title_before"] = title_seen
        title_seen = max(title_seen, float(row["title_overlap"] > 0.6))
        row["gap_before"] = min(page.document.text.count("\n", end, block.start), 6) if block.tag == "line" else 0
        row["indent"] = 0.0
        row["witness2"] = second[i] if second is not None else 0.0
        end = block.end
        for name, value in row.items():
            out[i, _COLUMN[name]] = value
    return out


def _shape(block: Block, folded: str) -> dict[str, float]:
    text = block.text
    n = max(len(text), 1)
    words = _WORD.findall(text)
    n_words = max(len(words), 1)
    cjk = len(_CJK.findall(text)) / n
    sentences = len(_TERMINATOR.findall(text))
    ends = bool(_SENTENCE_END.search(text))
    lexicon = lexicon_for(folded)
    header, line = lexicon.header(folded), lexicon.line(folded)
    row: dict[str, float] = {
        "log_chars": math.log1p(len(text) * (1 + cjk)),  # a CJK character says about as much as two letters
        "cjk": cjk,
        "kana": len(_KANA.findall(text)) / n,
        "sentence_end": ends,
        "sentences": min(sentences, 12),
        "clauses": len(_CLAUSE.findall(text)) / n,
        "digits": len(_DIGIT.findall(text)) / n,
        "capitals": sum(w[0].isupper() for w in words) / n_words,
        "function_words": sum(w.lower() in _FUNCTION for w in words) / n_words,
        "bullet": bool(_BULLET.search(text)),
        "numbered": bool(_NUMBERED.search(text)),
        "url": bool(_URL.search(text)),
        "date": bool(_DATE.search(text)),
        "separators": min(len(_SEPARATOR.findall(text)), 8),
        "truncated": bool(_TRUNCATED.search(text)),
        "quotes": bool(_QUOTE.search(text)),
        "header": header is not None,
        "line": line is not None,
        "sentence_chars": len(text) * (1 + cjk) if ends and sentences and len(text) * (1 + cjk) > 40 else 0.0,
        "link_share": block.link_share,
        "hidden": block.hidden,
        "extracted": block.extracted or 0.0,
    }
    for reason in {header, line} - {None}:
        row[f"line_{reason}"] = 1.0
    if block.path:
        row["depth"] = block.path.count("/")
        row["good_hint"] = len(_GOOD_HINT.findall(block.hints))
        row["bad_hint"] = len(_BAD_HINT.findall(block.hints))
        for name, pattern in _BAD_PATTERNS:
            row[f"hint_{name}"] = bool(pattern.search(block.hints))
        ancestors = set(block.path.split("/"))
        for tag in _PATH_TAGS:
            row[f"in_{tag}"] = tag in ancestors
    if block.tag in _TAGS:
        row[f"tag_{block.tag}"] = 1.0
    return row


def _grams(text: str) -> set[str]:
    squeezed = text.replace(" ", "")
    return {squeezed[i : i + 3] for i in range(len(squeezed) - 2)}


def _position(blocks: Sequence[Block], columns: dict[str, Matrix]) -> dict[str, Matrix]:
    n = len(blocks)
    index = np.arange(n)
    headers = np.where(columns["header"] > 0, index, -1)
    last_header = np.maximum.accumulate(headers) if n else headers
    prose = np.where(columns["sentence_chars"] > 0, index, -1)
    last_prose = np.maximum.accumulate(prose) if n else prose
    backwards = np.where(columns["sentence_chars"] > 0, index, n + 50)
    next_prose = np.minimum.accumulate(backwards[::-1])[::-1] if n else backwards
    cumulative = np.cumsum(columns["sentence_chars"])
    total = cumulative[-1] if n else 0.0
    at_header = np.where(last_header >= 0, cumulative[np.maximum(last_header, 0)], 0.0)
    return {
        "blocks": np.full(n, math.log1p(n)),
        "place": index / max(n, 1),
        "from_start": np.minimum(index, 50),
        "from_end": np.minimum(n - index, 50),
        "prose_total": np.full(n, math.log1p(total)),
        "prose_before": cumulative / max(total, 1.0),
        "headers_before": np.minimum(np.cumsum(columns["header"]), 20),
        "since_header": np.where(last_header >= 0, np.minimum(index - last_header, 50), 60),
        "prose_since_header": np.log1p(cumulative - at_header),
        "prose_at_header": np.where(last_header >= 0, at_header / max(total, 1.0), -1.0),
        "since_prose": np.where(last_prose >= 0, np.minimum(index - last_prose, 50), 60),
        "until_prose": np.minimum(next_prose - index, 50),
    }


def _windows(columns: dict[str, Matrix]) -> dict[str, Matrix]:
    out: dict[str, Matrix] = {}
    for name in _NEIGHBOUR:
        for step in (-2, -1, 1, 2):
            out[f"{name}{step:+d}"] = _shift(columns[name], step)
    for name in ("sentence_chars", "link_share", "log_chars", "extracted", "line", "header", "sentence_end"):
        sums = np.concatenate([[0.0], np.cumsum(columns[name], dtype=np.float64)])
        n = len(sums) - 1
        index = np.arange(n)
        for radius in _RADII:
            out[f"{name}_before{radius}"] = sums[index] - sums[np.maximum(index - radius, 0)]
            out[f"{name}_after{radius}"] = sums[np.minimum(index + radius + 1, n)] - sums[np.minimum(index + 1, n)]
    return out


def _shift(column: Matrix, step: int) -> Matrix:
    out = np.full(len(column), -1.0)
    if step < 0:
        out[-step:] = column[:step]
    elif step < len(column):
        out[:-step] = column[step:]
    return out


def _core(columns: dict[str, Matrix]) -> dict[str, Matrix]:
    """Where the block stands against the run of blocks with the largest sum of prose less chrome.

    Maximum subsequence segmentation: Pasternack and Roth, "Extracting Article Text from the Web
    with Maximum Subsequence Segmentation", WWW 2009.
    """
    n = len(columns["log_chars"])
    score = np.where(
        columns["sentence_chars"] > 0,
        np.log1p(columns["sentence_chars"]),
        -1.0 - 1.5 * columns["line"] - 4.0 * columns["header"] - 2.0 * columns["link_share"],
    )
    best, low, high, total, begin = 0.0, 0, 0, 0.0, 0
    for i, value in enumerate(score):
        if total <= 0:
            total, begin = 0.0, i
        total += float(value)
        if total > best:
            best, low, high = total, begin, i + 1
    index = np.arange(n)
    outside = np.where(index < low, low - index, np.where(index >= high, index - high + 1, 0))
    return {
        "core": (outside == 0).astype(float),
        "core_distance": np.minimum(outside, 50) * np.where(index < low, -1, 1),
        "core_place": (index - low) / max(high - low, 1),
        "core_score": np.full(n, best),
    }


def _containers(blocks: Sequence[Block], columns: dict[str, Matrix]) -> dict[str, Matrix]:
    """How much of the page's prose stands in blocks with the same path, parent and class words."""
    keys = {
        "same_path": [f"{b.path} {b.tag}" for b in blocks],
        "same_parent": [f"{b.path.rpartition('/')[0]} {b.hints}" for b in blocks],
        "same_hints": [b.hints for b in blocks],
    }
    prose, out = columns["sentence_chars"], {}
    extracted, total = columns["extracted"], max(float(columns["sentence_chars"].sum()), 1.0)
    for name, groups in keys.items():
        sums: dict[str, float] = defaultdict(float)
        seen: dict[str, float] = defaultdict(float)
        count: Counter[str] = Counter(groups)
        for i, key in enumerate(groups):
            sums[key] += float(prose[i])
            seen[key] += float(extracted[i])
        out[f"{name}_prose"] = np.array([sums[key] / total for key in groups])
        out[f"{name}_extracted"] = np.array([seen[key] / count[key] for key in groups])
        out[f"{name}_count"] = np.array([math.log1p(count[key]) for key in groups])
    return out
