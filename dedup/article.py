"""Judged blocks to articles: text, title and the fields that stood in the page as lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import regex

from dedup.dates import iso_date
from dedup.lexicon import fold, lexicon, lexicon_for
from dedup.types import Article, JudgedBlock, Kind, Page, Piece, Reason

_MARK = regex.compile(r"^[\s▽▼■□◆◇●○★☆▲△#*・]+")
_BRACKETS = regex.compile(
    r"^[\s\[\]【】［］（）()〔〕<>＜＞/／=＝\-–—]+|[\s\[\]【】［］（）()〔〕<>＜＞/／=＝\-–—]+$"
)
_EXCERPT = regex.compile(r"\s*[（(]抜粋[)）]$")
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_SCRIPTS = (
    ("ko", regex.compile(r"\p{Hangul}")),
    ("zh", regex.compile(r"\p{Han}")),
    ("ru", regex.compile(r"\p{Cyrillic}")),
    ("el", regex.compile(r"\p{Greek}")),
    ("ar", regex.compile(r"\p{Arabic}")),
    ("th", regex.compile(r"\p{Thai}")),
)
_ENGLISH = regex.compile(r"\b(?:the|and|of|to|in|that|for|was|with|said)\b", regex.IGNORECASE)
_WORD = regex.compile(r"\p{L}+")
# Characters from which a language is told: a megabyte takes as long as judging it.
_TELLING = 100_000

# Where an agency's name is looked for, the surest place first.
_AGENCY_PLACES = (Reason.DATELINE, Reason.AGENCY, Reason.SOURCE_LINE, Reason.BYLINE, Reason.COPYRIGHT)


def assemble(page: Page, judged: Sequence[JudgedBlock], ordinal: int) -> Article:
    """The article of a judged page, or of one part of a digest.

    `ordinal` counts the articles of the document from 0. A page of which nothing was kept gives an
    article with an empty text, so that what was stripped can still be looked at.
    """
    document, metadata = page.document, page.metadata
    headline = next((j for j in judged if j.verdict.kind is Kind.TITLE), None)
    paragraphs = tuple(j for j in judged if j.verdict.kind not in (None, Kind.TITLE))
    stripped = tuple(j for j in judged if j.verdict.reason is not None)
    text = "\n".join(j.block.text for j in paragraphs)
    title = _MARK.sub("", headline.block.text) if headline else metadata.title
    agency = _agency(stripped, metadata.author)
    return Article(
        id=_id(document.key, str(ordinal), title or "", text),
        source=document.source,
        ordinal=ordinal,
        url=document.url or metadata.url,
        outlet=document.outlet,
        title=title,
        published=document.published or _published(stripped, metadata.published, headline),
        author=_author(stripped, metadata.author, paragraphs[0].block.start if paragraphs else 0),
        agency=agency,
        original_title=_original_title(stripped),
        language=metadata.language or _language(text),
        encoding=document.encoding,
        text=text,
        headline=headline,
        paragraphs=paragraphs,
        stripped=stripped,
    )


def _id(*parts: str) -> str:
    content = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _agency(stripped: Sequence[JudgedBlock], author: str | None) -> str | None:
    for reason in _AGENCY_PLACES:
        for j in _of(stripped, reason):
            if reason is Reason.DATELINE and j.block.tag not in (Piece.PREFIX, Piece.ENTRY_TAIL):
                continue
            folded = fold(j.block.text)
            if name := lexicon_for(folded).agency(folded):
                return name
    return _agency_name(author) if author else None


def _agency_name(text: str) -> str | None:
    folded = fold(text)
    return lexicon_for(folded).agency(folded) or lexicon("en").agency(folded)


def _author(stripped: Sequence[JudgedBlock], author: str | None, body: int) -> str | None:
    """The name in a byline above the body (before offset `body`), else the metadata's, else any."""
    named = [
        (j.block.start, name)
        for j in _of(stripped, Reason.BYLINE)
        if (name := _name(j.block.text)) is not None
    ]
    above = next((name for start, name in named if start < body), None)
    said = _name(author) if author else None
    return above or said or (named[0][1] if named else None)


def _name(text: str) -> str | None:
    """The person in a byline, without role and office; None for an agency."""
    if _agency_name(text):
        return None
    return lexicon_for(text).field("byline", _BRACKETS.sub("", text)) or _BRACKETS.sub("", text) or None


def _published(
    stripped: Sequence[JudgedBlock], metadata: str | None, headline: JudgedBlock | None
) -> str | None:
    """The date of a digest's entry line, else of the page's metadata, else the one nearest to the title."""
    dated = [(j, date) for j in _of(stripped, Reason.DATELINE) if (date := iso_date(j.block.text))]
    entry = next((date for j, date in dated if j.block.tag == Piece.ENTRY_TAIL), None)
    if entry or metadata:
        return entry or metadata
    at = headline.block.start if headline else 0
    return min(dated, key=lambda pair: abs(pair[0].block.start - at))[1] if dated else None


def _original_title(stripped: Sequence[JudgedBlock]) -> str | None:
    for j in _of(stripped, Reason.ORIGINAL_TITLE):
        if value := lexicon_for(j.block.text).field("original_title", j.block.text):
            return _EXCERPT.sub("", value)
    return None


def _of(stripped: Iterable[JudgedBlock], reason: Reason) -> Iterator[JudgedBlock]:
    return (j for j in stripped if j.verdict.reason is reason)


def _language(text: str) -> str | None:
    """The language by script, and English by its commonest words; None where that does not tell."""
    text = text[:_TELLING]
    letters = len(_WORD.findall(text))
    if not letters:
        return None
    characters = sum(c.isalpha() for c in text)
    if len(_KANA.findall(text)) > 0.05 * characters:
        return "ja"
    for code, pattern in _SCRIPTS:
        if len(pattern.findall(text)) > 0.3 * characters:
            return code
    return "en" if len(_ENGLISH.findall(text)) > 0.1 * letters else None
