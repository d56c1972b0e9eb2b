"""HTML to blocks: one pass over the tags of the source, keeping the stack of open elements.

A block is the text between two block boundaries as a browser would lay it out. The stack follows
the tree construction rules of the WHATWG standard as far as they move text from one element to
another: implied end tags (`p`, `li`, `dt`, `td` ...), stray end tags, table cells as barriers.
Offsets are exact by construction, and the walk is linear: the stack is never deeper than
`HtmlSettings.max_depth`. On 1,335 of 1,336 real pages the text of the blocks is, letter by letter,
that of libxml2's tree, whose text nodes would have to be searched for in the source.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import repeat
from typing import TypeAlias

from dedup.embedded import with_embedded
from dedup.markup import RAW_TEXT, VOID, Tag, attributes, tags, without_boxes, without_code
from dedup.metadata import declared_text, read_metadata
from dedup.settings import HtmlSettings
from dedup.types import Block, Document, Page
from dedup.witness import extracted_shares, match_blocks


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Elements a browser puts on lines of their own.
_BLOCK = _names(
    """
    address article aside blockquote body caption center dd details dialog dir div dl dt fieldset
    figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup legend li main menu nav ol p pre
    search section summary table tbody td tfoot th thead tr ul
    """
)
# Content of these is not text of the page: it is code, vector graphics, a fallback or a form value.
_SILENT = _names(
    """
    audio canvas datalist math object rp rt rtc select svg template video
    """
)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_CELLS = frozenset({"td", "th", "caption"})
_TABLE = frozenset({"table", "tbody", "tfoot", "thead", "tr"}) | _CELLS
# These are not opened: they are empty, or the lexer has taken their content, or they frame the page.
_NOT_OPENED = VOID | RAW_TEXT | {"#comment", "html", "head", "body"}
# A start tag ends the nearest open element of the first set, unless one of the second lies between.
_IMPLIED_END: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "li": (frozenset({"li"}), frozenset({"ul", "ol", "menu", "dir"}) | _CELLS),
    **dict.fromkeys(("dt", "dd"), (frozenset({"dt", "dd"}), frozenset({"dl"}) | _CELLS)),
    **dict.fromkeys(("td", "th"), (frozenset({"td", "th"}), frozenset({"table", "tr"}))),
    "tr": (frozenset({"tr"}), frozenset({"table"})),
    **dict.fromkeys(
        ("tbody", "thead", "tfoot"), (frozenset({"tbody", "thead", "tfoot", "caption"}), frozenset({"table"}))
    ),
    **dict.fromkeys(("rt", "rp", "rb"), (frozenset({"rt", "rp", "rb"}), frozenset({"ruby"}))),
    **dict.fromkeys(_HEADINGS, (_HEADINGS, _BLOCK - _HEADINGS)),
}

_CJK = "\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60\uff66-\uff9f\U00020000-\U0003ffff"
# A line feed between two ideographs or kana is the page author's editor, not a space of the text.
_SOURCE_BREAK = re.compile(f"(?<=[{_CJK}])[ \t\r\f]*\n\\s*(?=[{_CJK}])")
_EMPTY_LINE = re.compile(r"\n\s*\n")
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_BREAK_CLASS = re.compile(r"class=[\"']?(?:[^\"'>]*\s)?br(?:[\s\"']|$)")
_HINT_ATTRIBUTES = ("class", "id", "role", "itemprop", "aria-label")


class _Element:
    """An open element. `link`, `hidden` and `silent` hold for all that stands in it."""

    __slots__ = ("attributes", "block", "depth", "hidden", "link", "name", "parent", "place", "silent")

    def __init__(self, name: str, source: str, parent: _Element | None) -> None:
        self.name = name
        self.attributes = source
        self.parent = parent
        self.depth: int = parent.depth + 1 if parent else 1
        self.place: tuple[str, str] | None = None
        self.block: str = name if parent is None or name in _BLOCK else parent.block
        self.link: bool = parent is not None and parent.link
        self.silent: bool = parent is not None and (parent.silent or name in _SILENT)
        self.hidden: bool = parent is not None and parent.hidden
        if source or name == "dialog":
            lowered = source.lower()
            self.link = self.link or (name == "a" and "href" in lowered)
            self.hidden = self.hidden or (
                ("hidden" in lowered or "none" in lowered or "dialog" in lowered or name == "dialog")
                and _is_hidden(name, source)
            )


def _is_hidden(name: str, source: str) -> bool:
    found = attributes(source)
    return (
        "hidden" in found
        # In a line it marks what is drawn but not read out: icons, bars between links.
        or (name in _BLOCK and found.get("aria-hidden", "").lower() == "true")
        or found.get("role", "").lower() in {"dialog", "alertdialog"}
        or (name == "dialog" and "open" not in found)
        or _HIDDEN_STYLE.search(found.get("style", "")) is not None
    )


# The fields of a block but for the last, in their order.
_Draft: TypeAlias = tuple[str, int, int, int, str, str, str, float, bool]


class _Walker:
    """The state of the walk: the open elements and the block that is being gathered."""

    def __init__(self, source: str, settings: HtmlSettings) -> None:
        self.drafts: list[_Draft] = []
        self._source = source
        self._settings = settings
        self._stack = [_Element("body", "", None)]
        self._pieces: list[str] = []
        self._linked = 0
        self._after_link = False
        self._start = self._end = 0
        self._around = self._stack[0]
        self._between_cells = False
        self._cell = 0
        self._line, self._line_at = 1, 0

    def text(self, start: int, end: int) -> None:
        """Take the source between two tags as text."""
        top = self._stack[-1]
        if top.silent:
            return
        raw = self._source[start:end]
        if raw.isspace():
            if self._pieces:
                self._pieces.append(raw)
        elif top.block == "pre" and "\n" in raw:
            position = 0
            for gap in _EMPTY_LINE.finditer(raw):
                self._run(top, raw[position : gap.start()], start + position)
                self.flush()
                position = gap.end()
            self._run(top, raw[position:], start + position)
        else:
            self._run(top, raw, start)

    def _run(self, top: _Element, raw: str, start: int) -> None:
        text = html.unescape(raw) if "&" in raw else raw
        inner = text.strip()
        if not inner:
            if self._pieces:
                self._pieces.append(text)
            return
        if self._pieces and (
            top.hidden != self._around.hidden or (self._between_cells and len(inner) > self._settings.cell)
        ):
            self.flush()
        self._between_cells = False
        if not self._pieces:
            self._start = start + len(raw) - len(raw.lstrip())
            self._around = top
        elif top is not self._around:
            # Only what is still open encloses all of the block.
            while self._around.parent and self._around not in self._stack:
                self._around = self._around.parent
        self._end = start + len(raw.rstrip())
        self._pieces.append(text)
        self._after_link = top.link
        if top.link:
            self._linked += _visible(inner)

    def open(self, name: str, source: str) -> None:
        """Take a start tag and the source of its attributes."""
        if name in _NOT_OPENED:
            if name == "br":
                self._break()
            elif name == "hr":
                self.flush()
            return
        top = self._stack[-1]
        if top.silent and source.endswith("/"):
            return  # in drawings and formulas an element may end at its own slash
        if name in _BLOCK:
            if self._pieces:
                self._boundary(name)
            if top.block == "p":
                self._close_nearest(frozenset({"p"}), frozenset())
        elif name == "a":
            self._close_inline("a")
            if self._after_link:  # neighbours in a bar of links are set apart by style sheets
                self._pieces.append(" ")
        elif name == "span" and _BREAK_CLASS.search(source):
            self._break()
        elif name == "button" and top.block != "p":
            self.flush()  # in a bar its label is not glued to its neighbour's
        if name in _IMPLIED_END:
            self._close_nearest(*_IMPLIED_END[name])
        if len(self._stack) >= self._settings.max_depth:
            self._stack.pop()
        if not (name in _SILENT and source.endswith("/")):
            self._stack.append(_Element(name, source, self._stack[-1]))

    def close(self, name: str) -> None:
        """Take an end tag; one that closes nothing is passed over."""
        if name in _BLOCK:
            if self._pieces:
                self._boundary(name)
            if self._stack[-1].name == name and name != "body":
                self._stack.pop()
            else:
                names = _HEADINGS if name in _HEADINGS else frozenset({name})
                self._close_nearest(names, frozenset({"table"}) if name in _TABLE else _CELLS)
        elif name == "br":
            self._break()
        else:
            if name == "button" and self._stack[-1].block != "p":
                self.flush()
            self._close_inline(name)

    def _break(self) -> None:
        # At 213 of 243 line breaks whose two sides stand in the gold text it begins a new line; those
        # in titles and links are there for the looks.
        top = self._stack[-1]
        if self._pieces and (top.link or top.block in _HEADINGS):
            self._pieces.append("\n")
        else:
            self.flush()

    def _boundary(self, name: str) -> None:
        """End the block, but let the short cells of a table row be one."""
        if (
            name in {"td", "th"}
            and self._around.block in {"td", "th", "tr"}
            and sum(map(len, self._pieces[self._cell :])) <= self._settings.cell
        ):
            self._pieces.append(" ")
            self._between_cells = True
            self._cell = len(self._pieces)
        else:
            self.flush()

    def flush(self) -> None:
        """End the block that is being gathered, if there is one."""
        if not self._pieces:
            return
        text = "".join(self._pieces)
        if "\n" in text:
            text = _SOURCE_BREAK.sub("", text)
        text = " ".join(text.replace("\0", "").split())
        if text:
            around = self._around
            path, hints = self._place(around)
            self._line += self._source.count("\n", self._line_at, self._start)
            self._line_at = self._start
            self.drafts.append(
                (
                    text,
                    self._start,
                    self._end,
                    self._line,
                    path,
                    around.block,
                    hints,
                    self._linked / _visible(text) if self._linked else 0.0,
                    around.hidden,
                )
            )
        self._pieces, self._linked, self._after_link = [], 0, False
        self._between_cells, self._cell = False, 0

    def _place(self, element: _Element) -> tuple[str, str]:
        """The names of the last elements down to `element`, and the naming words of it and all around it.

        The words are in lower case, nearest last.
        """
        missing: list[_Element] = []
        path = hints = ""
        around: _Element | None = element
        while around:
            if around.place is not None:
                path, hints = around.place
                break
            missing.append(around)
            around = around.parent
        limit, most = self._settings.hint_characters, self._settings.path_elements
        for around in reversed(missing):
            path = f"{path}/{around.name}" if path else around.name
            if around.depth > most:
                path = path.partition("/")[2]
            if source := around.attributes:
                named = _named if len(source) <= limit else _named.__wrapped__  # what is long comes once
                hints = f"{hints} {named(source, self._settings.hint_words)}".strip()
                if len(hints) > limit:
                    hints = hints[-limit:].partition(" ")[2]
            around.place = path, hints
        return path, hints

    def _close_nearest(self, names: frozenset[str], barriers: frozenset[str]) -> None:
        stack = self._stack
        for index in range(len(stack) - 1, 0, -1):
            name = stack[index].name
            if name in names:
                del stack[index:]
                return
            if name in barriers:
                return

    def _close_inline(self, name: str) -> None:
        # Blocks opened inside stay open: `<b><p></b>` does not end the paragraph.
        stack = self._stack
        crossed = False
        for index in range(len(stack) - 1, 0, -1):
            if stack[index].name == name:
                del stack[index : index + 1 if crossed and name not in _SILENT else None]
                return
            crossed = crossed or stack[index].name in _BLOCK


# Lists repeat the same attributes over and over, and so do the pages of an outlet.
@lru_cache(maxsize=4096)
def _named(source: str, most: int) -> str:
    """The first words that the attributes of a tag call it by, in lower case."""
    found = attributes(source)
    words = " ".join(found[name] for name in _HINT_ATTRIBUTES if name in found).lower().split()
    return " ".join(words[:most])


def _visible(text: str) -> int:
    return len("".join(text.split()))


def segment_html(document: Document, settings: HtmlSettings | None = None) -> Page:
    """Cut a page into its blocks in reading order and read its metadata.

    Every character of the page that is not white space stands in exactly one block, but for
    readings of ruby, which lie in the span of their block and not in its text, and for what no
    reader sees (scripts, form values, drawings); text that is hidden when the page opens is in
    blocks with `hidden` set. Nothing is raised for broken markup.

    >>> from dedup.types import Encoding, Media
    >>> source = "<h1>Rain</h1><p>It rained<br>on <a href=x>Monday</a>."
    >>> page = segment_html(Document("-", "-", source, Media.HTML, Encoding("utf-8", "given")))
    >>> [(block.path, block.text) for block in page.blocks]
    [('body/h1', 'Rain'), ('body/p', 'It rained'), ('body/p', 'on Monday.')]
    """
    settings = settings or HtmlSettings()
    found = list(tags(document.text))
    drafts = _drafts(document.text, found, settings)
    shares: Iterable[float | None] = repeat(None, len(drafts))
    if (body := declared_text(document.text, found)) and len(drafts) <= settings.witness_blocks:
        shares = match_blocks([text for text, *_ in drafts], body)
    blocks = tuple(Block(*draft, declared=said) for draft, said in zip(drafts, shares, strict=True))
    metadata = read_metadata(document.text, found, blocks)
    blocks = with_embedded(document.text, found, blocks, metadata, settings)
    return Page(document, blocks, metadata, found)


def heard(page: Page, settings: HtmlSettings | None = None) -> Page:
    """The page with what trafilatura would keep of each block (`Block.extracted`): most of the cost."""
    text, found = page.document.text, page.tags or list(tags(page.document.text))
    shares = extracted_shares(
        without_boxes(text, found),
        lambda: without_code(text, found),
        [block.text for block in page.blocks],
        settings or HtmlSettings(),
    )
    pairs = zip(page.blocks, shares, strict=True)
    return replace(page, blocks=tuple(replace(block, extracted=share) for block, share in pairs), tags=())


def _drafts(source: str, found: Sequence[Tag], settings: HtmlSettings) -> list[_Draft]:
    walker = _Walker(source, settings)
    position = 0
    for name, closing, attributes_source, start, end in found:
        if start > position:
            walker.text(position, start)
        position = end
        if closing:
            walker.close(name)
        else:
            walker.open(name, attributes_source)
    if position < len(source):
        walker.text(position, len(source))
    walker.flush()
    return walker.drafts
