"""HTML to blocks: one pass over the tags of the source, keeping the stack of open elements.

A block is the text between two block boundaries as a browser would lay it out. The stack follows
the tree construction rules of the WHATWG standard as far as they move text from one element to
another: implied end tags (`p`, `li`, `dt`, `td` ...), stray end tags, table cells as barriers.
Offsets are exact by construction, and the walk is linear: the stack is never deeper than
`HtmlSettings.max_depth`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import replace

from dedup.markup import RAW_TEXT, Tag, attributes, tags
from dedup.metadata import read_metadata
from dedup.settings import HtmlSettings
from dedup.types import Block, Document, Page
from dedup.witness import extracted_shares

# Elements a browser puts on lines of their own; `button` is one too, so that its label is not
# glued to the text beside it.
_BLOCK = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "button", "caption", "center", "dd",
        "details", "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer",
        "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "legend", "li", "main", "menu",
        "nav", "ol", "p", "pre", "search", "section", "summary", "table", "tbody", "td", "tfoot", "th",
        "thead", "tr", "ul",
    }
)
_VOID = frozenset(
    {
        "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input",
        "link", "meta", "param", "source", "track", "wbr",
    }
)
# Content of these is not text of the page: it is code, vector graphics, a fallback or a form value.
_SILENT = frozenset(
    {
        "audio", "canvas", "datalist", "math", "object", "rp", "rt", "rtc", "select", "svg", "template",
        "video",
    }
)
_TRANSPARENT = frozenset({"#comment", "html", "head", "body"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_CELLS = frozenset({"td", "th", "caption"})
_TABLE = frozenset({"table", "tbody", "tfoot", "thead", "tr"}) | _CELLS
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
_PARAGRAPH = (frozenset({"p"}), frozenset({"button", "table"}) | _CELLS)

_CJK = "\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60\uff66-\uff9f\U00020000-\U0003ffff"
# A line feed between two ideographs or kana is the page author's editor, not a space of the text.
_SOURCE_BREAK = re.compile(f"(?<=[{_CJK}])[ \t\r\f]*\n\\s*(?=[{_CJK}])")
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_HINT_ATTRIBUTES = ("class", "id", "role", "itemprop", "aria-label")


class _Element:
    """An open element. `link`, `hidden` and `silent` hold for all that stands in it."""

    __slots__ = ("_hints", "attributes", "hidden", "link", "name", "silent")
    link: bool
    hidden: bool
    silent: bool

    def __init__(self, tag: Tag, parent: _Element | None) -> None:
        lowered = tag.attributes.lower()
        self.name = tag.name
        self.attributes = tag.attributes
        self.link = bool(parent and parent.link) or (tag.name == "a" and "href" in lowered)
        self.silent = bool(parent and parent.silent) or tag.name in _SILENT
        self.hidden = bool(parent and parent.hidden) or (
            (tag.name == "dialog" or any(word in lowered for word in ("hidden", "none", "dialog")))
            and _is_hidden(tag)
        )
        self._hints: str | None = None

    def hints(self, words: int) -> str:
        """At most `words` lower-cased words of the naming attributes."""
        if self._hints is None:
            found = attributes(self.attributes) if self.attributes else {}
            named = " ".join(found[name] for name in _HINT_ATTRIBUTES if name in found)
            self._hints = " ".join(named.lower().split(None, words)[:words])
        return self._hints


def _is_hidden(tag: Tag) -> bool:
    found = attributes(tag.attributes)
    return (
        "hidden" in found
        # In a line it marks what is drawn but not read out: icons, bars between links.
        or (tag.name in _BLOCK and found.get("aria-hidden", "").lower() == "true")
        or found.get("role", "").lower() in {"dialog", "alertdialog"}
        or (tag.name == "dialog" and "open" not in found)
        or _HIDDEN_STYLE.search(found.get("style", "")) is not None
    )


class _Walker:
    """The state of the walk: the open elements and the block that is being gathered."""

    def __init__(self, source: str, settings: HtmlSettings) -> None:
        self.source = source
        self.settings = settings
        self.blocks: list[Block] = []
        self.stack = [_Element(Tag("body", False, "", "", 0, 0), None)]
        self._pieces: list[str] = []
        self._links = 0
        self._start = self._end = 0
        self._around: list[_Element] = []
        self._hidden = False
        self._line, self._line_at = 1, 0

    def text(self, start: int, end: int) -> None:
        """Take the source between two tags as text."""
        top = self.stack[-1]
        if top.silent:
            return
        raw = self.source[start:end]
        text = html.unescape(raw) if "&" in raw else raw
        if not text or text.isspace():
            if self._pieces:
                self._pieces.append(text)
            return
        if self._pieces and top.hidden != self._hidden:
            self.flush()
        if not self._pieces:
            self._start = start + len(raw) - len(raw.lstrip())
            self._around = self.stack[:]
            self._hidden = top.hidden
        else:
            # Only what is still open encloses all of the block.
            while self._around[-1] not in self.stack:
                self._around.pop()
        self._end = start + len(raw.rstrip())
        self._pieces.append(text)
        if top.link:
            self._links += _visible(text)

    def open(self, tag: Tag) -> None:
        """Take a start tag."""
        name = tag.name
        if name == "br":
            self.line_break()
        elif name == "hr":
            self.flush()
        if name in _VOID or name in _TRANSPARENT or name in RAW_TEXT:
            return
        if name in _BLOCK:
            self.flush()
            self._close_nearest(*_PARAGRAPH)
        if name in _IMPLIED_END:
            self._close_nearest(*_IMPLIED_END[name])
        if name == "a":
            self._close_inline("a")
            if self._links:  # neighbours in a bar of links are set apart by style sheets
                self._pieces.append(" ")
        if tag.attributes.endswith("/") and (self.stack[-1].silent or name in _SILENT):
            return  # only foreign elements end at their own slash
        if len(self.stack) >= self.settings.max_depth:
            self.stack.pop()
        self.stack.append(_Element(tag, self.stack[-1]))

    def close(self, name: str) -> None:
        """Take an end tag; one that closes nothing is passed over."""
        if name == "br":
            self.line_break()
        elif name in _BLOCK:
            self.flush()
            names = _HEADINGS if name in _HEADINGS else frozenset({name})
            self._close_nearest(names, frozenset({"table"}) if name in _TABLE else _CELLS)
        else:
            self._close_inline(name)

    def line_break(self) -> None:
        """End a line: a new block, but for titles and links that are set in two lines."""
        top = self.stack[-1]
        if self._pieces and (top.link or any(element.name in _HEADINGS for element in self.stack[-4:])):
            self._pieces.append("\n")
        else:
            self.flush()

    def flush(self) -> None:
        """End the block that is being gathered, if there is one."""
        if not self._pieces:
            return
        text = " ".join(_SOURCE_BREAK.sub("", "".join(self._pieces).replace("\0", "")).split())
        self._line += self.source.count("\n", self._line_at, self._start)
        self._line_at = self._start
        around, settings = self._around, self.settings
        if text:
            self.blocks.append(
                Block(
                    text=text,
                    start=self._start,
                    end=self._end,
                    line=self._line,
                    path="/".join(element.name for element in around[-settings.path_elements :]),
                    tag=next(element.name for element in reversed(around) if element.name in _BLOCK),
                    hints=_joined(around[-settings.hint_elements :], settings.hint_words),
                    link_share=self._links / _visible(text) if self._links else 0.0,
                    hidden=self._hidden,
                )
            )
        self._pieces, self._links = [], 0

    def _close_nearest(self, names: frozenset[str], barriers: frozenset[str]) -> None:
        for index in range(len(self.stack) - 1, 0, -1):
            name = self.stack[index].name
            if name in names:
                del self.stack[index:]
                return
            if name in barriers:
                return

    def _close_inline(self, name: str) -> None:
        # Blocks opened inside stay open: `<b><p></b>` does not end the paragraph.
        end: int | None = None
        for index in range(len(self.stack) - 1, 0, -1):
            if self.stack[index].name == name:
                del self.stack[index : index + 1 if end and name not in _SILENT else None]
                return
            if self.stack[index].name in _BLOCK:
                end = index


def _visible(text: str) -> int:
    return len("".join(text.split()))


def _joined(elements: Sequence[_Element], words: int) -> str:
    return " ".join(filter(None, (element.hints(words) for element in elements)))


def segment_html(document: Document, settings: HtmlSettings | None = None, *, witness: bool = True) -> Page:
    """Cut a page into its blocks in reading order and read its metadata.

    Every character of the page that is not white space stands in exactly one block, but for
    readings of ruby, which lie in the span of their block and not in its text, and for what no
    reader sees (scripts, form values, drawings); text that is hidden when the page opens is in
    blocks with `hidden` set. With `witness` trafilatura is asked what it would keep
    (`Block.extracted`), which is most of the cost. Nothing is raised for broken markup.

    >>> from dedup.types import Encoding, Media
    >>> source = "<h1>Rain</h1><p>It rained<br>on <a href=x>Monday</a>."
    >>> page = segment_html(Document("-", "-", source, Media.HTML, Encoding("utf-8", "given")), witness=False)
    >>> [(block.path, block.text) for block in page.blocks]
    [('body/h1', 'Rain'), ('body/p', 'It rained'), ('body/p', 'on Monday.')]
    """
    settings = settings or HtmlSettings()
    source = document.text
    found = list(tags(source))
    blocks = _blocks(source, found, settings)
    if witness:
        shares = extracted_shares(source, blocks, settings)
        blocks = [replace(block, extracted=share) for block, share in zip(blocks, shares, strict=True)]
    return Page(document, tuple(blocks), read_metadata(source, found, blocks))


def _blocks(source: str, found: Sequence[Tag], settings: HtmlSettings) -> list[Block]:
    walker = _Walker(source, settings)
    position = 0
    for tag in found:
        if tag.start > position:
            walker.text(position, tag.start)
        position = tag.end
        if tag.closing:
            walker.close(tag.name)
        else:
            walker.open(tag)
    if position < len(source):
        walker.text(position, len(source))
    walker.flush()
    return walker.blocks
