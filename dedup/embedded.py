"""The article in the data from which the page's own scripts build it, where the markup lacks it.

What a browser puts together is, without one, a page with a title and little else: the text stands in a
script, as JSON. It is taken for the article's if an object of the data has the page's title and prose
beside it, less than half of which the markup holds. Of 1,336 pages of eight sets two are such, of whose
articles the markup has 5 and 20 %; no other page is taken for one.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from dedup.lexicon import fold
from dedup.markup import Tag
from dedup.settings import HtmlSettings
from dedup.types import Block, Metadata

# Characters of prose from which data may hold an article, and of a paragraph that tell it from others.
_LEAST, _HEAD = 250, 40
# Paragraphs that are no summary.
_PARAGRAPHS = 3
# Characters of a block from which it may be a paragraph; the share of links from which it is none.
_PARAGRAPH, _LINKED = 80, 0.3
# Characters of a title that no other thing is called.
_TITLE = 12
# Pieces of data of a script, and objects in them with the title, that are looked into.
_OBJECTS = 16

# JSON alone in its script, or given to a name by it.
_DATA = re.compile(r"(?:<[^<>]*>|=)\s*(?=[\[{]\s*[\"\[{])")
_NAMED = re.compile("title|headline|heading|name", re.IGNORECASE)
# How the formats of rich text (ProseMirror, Slate, Contentful, Editor.js, Arc) call the kind of a node, and
# what stands in it.
_KINDS = ("type", "nodeType", "tag")
_CONTENT = frozenset(
    {
        *("blocks", "body", "children", "content", "content_elements", "data", "elements", "html", "nodes"),
        *("paragraphs", "rendered", "text", "value"),
    }
)
_TAGS = (
    ("p", re.compile("para|^p$|unstyled")),
    ("h2", re.compile("head|^h[1-6]$")),
    ("li", re.compile("list.?item|^li$")),
    ("blockquote", re.compile("quote")),
)
_SENTENCE = re.compile(r"[.!?。！？…][\"'”’»)」』\]]*$")
_CODE = re.compile(r"[{}<>\\]|\w=|;$|^https?:\S+$")
_ENDS = re.compile(r"</?(?:p|h[1-6]|li|blockquote|div|br)\b[^<>]*>|\n", re.IGNORECASE)
_MARKUP = re.compile(r"<[^<>]*+>")


class _Piece(NamedTuple):
    """A paragraph of the data: its tag, its text, and the strings that it is made of."""

    tag: str
    text: str
    strings: tuple[str, ...]

    @property
    def head(self) -> str:
        """What tells it from other paragraphs."""
        return fold(self.text)[:_HEAD]

    @property
    def prose(self) -> int:
        """How many characters of prose it has."""
        is_prose = len(self.text) >= _HEAD and _SENTENCE.search(self.text) and not _CODE.search(self.text)
        return len(self.text) if is_prose else 0


def with_embedded(
    text: str, tags: Sequence[Tag], blocks: Sequence[Block], metadata: Metadata, settings: HtmlSettings
) -> tuple[Block, ...]:
    """The blocks of a page, and among them the paragraphs of its article that only its data has.

    These are `Block.from_data` and have the span of the data that they were read from; they stand behind the
    last block that the data has too, else behind the headline. Nothing is raised for broken data.
    """
    prose = sum(len(b.text) for b in blocks if len(b.text) >= _PARAGRAPH and b.link_share < _LINKED)
    titles = {fold(title) for title in (metadata.title, *(b.text for b in blocks if b.tag == "h1")) if title}
    titles = {title for title in titles if len(title) >= _TITLE}
    if prose >= settings.data_below or not titles:
        return tuple(blocks)
    folded = [fold(block.text) for block in blocks]
    there, lines = "\n".join(folded), set(folded)

    def missing(pieces: Sequence[_Piece]) -> list[_Piece]:
        return [
            piece for piece in pieces if not (piece.head in there if piece.prose else piece.head in lines)
        ]

    best: tuple[int, list[_Piece], tuple[int, int]] = (_LEAST - 1, [], (0, 0))
    for span in _scripts(tags, settings):
        for pieces in islice(_articles(list(_parsed(text, *span)), titles), _OBJECTS):
            size = _prose(missing(pieces))
            if size > best[0] and 2 * size > _prose(pieces):
                best = size, pieces, span
    _, pieces, span = best
    heads = [piece.head for piece in pieces if piece.prose]
    known = [i for i, line in enumerate(folded) if any(head in line for head in heads)]
    titled = [i for i, line in enumerate(folded) if line in titles]
    at = known[-1] + 1 if known else titled[0] + 1 if titled else len(blocks)
    return (*blocks[:at], *_blocks(text, span, missing(pieces)), *blocks[at:])


def _prose(pieces: Iterable[_Piece]) -> int:
    return sum(piece.prose for piece in pieces)


def _scripts(tags: Sequence[Tag], settings: HtmlSettings) -> Iterator[tuple[int, int]]:
    for name, closing, _, start, end in tags:
        if name == "script" and not closing and _LEAST < end - start <= settings.data_characters:
            yield start, end


def _parsed(text: str, start: int, end: int) -> Iterator[Any]:
    """The data that a script holds."""
    decoder = json.JSONDecoder(strict=False)
    for _ in range(_OBJECTS):
        if (begin := _DATA.search(text, start, end)) is None:
            return
        start = begin.end()
        try:
            data, length = decoder.raw_decode(text[start:end])
        except (ValueError, RecursionError):
            continue
        start += length
        yield data


def _articles(data: Any, titles: set[str]) -> Iterator[list[_Piece]]:
    """What of the data stands beside one of the titles and has most prose."""
    longest = 2 * max(map(len, titles))
    waiting = [data]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            waiting.extend(node.values())
            if any(len(name) <= longest and fold(name) in titles for name in _names(node)):
                try:
                    found = {key: list(_pieces(value)) for key, value in node.items()}
                except RecursionError:
                    continue
                key = max(found, key=lambda key: _prose(found[key]))
                # A single one is a summary, unless it says that it is more.
                if key == "articleBody" or sum(piece.prose > 0 for piece in found[key]) >= _PARAGRAPHS:
                    yield found[key]


def _names(node: dict[str, Any]) -> Iterator[str]:
    """What an object is called, also as `{"title": {"rendered": ...}}`."""
    for key, value in node.items():
        if _NAMED.search(key):
            inner = value.values() if isinstance(value, dict) else (value,)
            yield from (name for name in inner if isinstance(name, str))


def _pieces(node: Any) -> Iterator[_Piece]:
    """The paragraphs of rich text, of markup and of prose; none of what has a title of its own."""
    if isinstance(node, str):
        lines = [_piece("p", line) for line in _ENDS.split(node)]
        if any(line.prose for line in lines):
            yield from (line for line in lines if line.text and not _CODE.search(line.text))
    elif isinstance(node, list):
        for part in node:
            yield from _pieces(part)
    elif isinstance(node, dict) and all(len(name) < _TITLE for name in _names(node)):
        kind = next((kind for key in _KINDS if isinstance(kind := node.get(key), str)), "")
        tag = next((tag for tag, pattern in _TAGS if pattern.search(kind)), None)
        strings = list(_strings(node)) if tag else []
        if tag is None:
            for key, value in node.items():
                if key in _CONTENT:
                    yield from _pieces(value)
        elif (piece := _piece(tag, *strings)).text:
            yield piece


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for part in node:
            yield from _strings(part)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in _CONTENT:
                yield from _strings(value)


def _piece(tag: str, *strings: str) -> _Piece:
    text = html.unescape(_MARKUP.sub("", "".join(strings)))
    return _Piece(tag, " ".join(text.split()), strings)


def _blocks(text: str, script: tuple[int, int], pieces: Sequence[_Piece]) -> Iterator[Block]:
    """Blocks with the span of their strings, with that of the script where it writes them oddly."""
    behind, limit = script
    line, line_at = text.count("\n", 0, behind) + 1, behind
    for piece in pieces:
        spans = []
        at = behind
        for string in filter(str.strip, piece.strings):
            spans.append(_found(text, string, at, limit))
            at = spans[-1][1]
        start, end = spans[0][0], spans[-1][1]
        if start < end:
            behind, line, line_at = end, line + text.count("\n", line_at, start), start
        else:
            start, end = script
        yield Block(piece.text, start, end, line, f"script/{piece.tag}", piece.tag, declared=1.0)


def _found(text: str, string: str, start: int, end: int) -> tuple[int, int]:
    """Where a string stands in JSON, which may write letters as numbers; nowhere is at the end."""
    for is_ascii in (False, True):
        written = json.dumps(string, ensure_ascii=is_ascii)[1:-1]
        place = text.find(written, start, end)
        if place >= 0:
            return place, place + len(written)
    return end, end
