"""Segment flat text: one block a line, with the offsets where the line stood."""

from __future__ import annotations

import regex

from dedup.types import Block, Document, Metadata, Page

# What str.splitlines breaks at, without the separators that stand inside dumped lines (\x1c-\x1e).
_LINE = regex.compile(r"[^\n\r\v\f\x85\u2028\u2029]+")
# A link of Markdown.
_LINK = regex.compile(r"(?<!!)\[([^\[\]\n]{1,300})\]\((?:https?://|/)[^()\s]*\)")
# Zero-width and directional marks at the edges of a line are not part of what it says.
_EDGE = " \t\u00a0\u3000\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"


def segment_text(document: Document) -> Page:
    """Split flat text into blocks, one for each line that has a visible character.

    `Block.text` is the line with its white space folded; the span is the line without the white space
    around it. `Block.tag` is `line`, or `h1` to `h6` for a heading of Markdown, whose signs are markup
    and no text, as are the addresses of its links.
    """
    blocks = []
    line, counted = 1, 0
    for match in _LINE.finditer(document.text):
        raw = match.group()
        stripped = raw.strip(_EDGE)
        text = " ".join(stripped.split())
        if not text:
            continue
        start = match.start() + len(raw) - len(raw.lstrip(_EDGE))
        line += document.text.count("\n", counted, start)
        counted = start
        linked = sum(len(label) for label in _LINK.findall(text))
        text = _LINK.sub(r"\1", text)
        level = len(text) - len(text.lstrip("#"))
        heading = 0 < level <= 6 and text[level : level + 1] == " "
        blocks.append(
            Block(
                text=text[level + 1 :] if heading else text,
                start=start,
                end=start + len(stripped),
                line=line,
                tag=f"h{level}" if heading else "line",
                link_share=linked / max(len(text), 1),
            )
        )
    return Page(document, tuple(blocks), Metadata())
