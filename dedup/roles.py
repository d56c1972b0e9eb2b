"""What to call a judged block: the kind of what is kept, the reason of what is stripped."""

from __future__ import annotations

import re
from functools import lru_cache

import regex

from dedup.types import Block, Kind, Media, Reason

_BULLET = regex.compile(r"^(?:[•・*●○■□◆▪◦‣⁃✅💡✔☑▶►]|[-–—](?=\s))")
_NUMBERED = regex.compile(r"^(?:[(（]?\d{1,2}[.)）．、]\s?\S|[①-⑳])")
_STOPS = tuple('。！？!?.」』”"’)）')
TABLE_TAGS = frozenset({"td", "th", "tr", "caption"})
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
# Characters of a line that can be prose, and the most of a heading of flat text.
_PROSE = 40
_HEADING = 60
# Characters of the class words that are looked at: those of the nearest ancestors come last.
_NEAREST_HINTS = 120

# Stems in class and id words that name the chrome they stand on, in English and in other languages that
# sites are built in: first the boxes that hold all sorts of lines, then the lines themselves. Among each
# the one nearest to the block speaks.
_BOXES = (
    (
        Reason.COOKIE_NOTICE,
        ("cookie", "consent", "gdpr", "onetrust", "optanon", "didomi", "usercentrics", "privacy"),
    ),
    (
        Reason.COMMENTS,
        ("comment", "disqus", "respond", "komment", "coment", "komentar", "reactie", "leserbrief", "yorum"),
    ),
    (
        Reason.RANKING,
        (
            *("rank", "popular", "trending", "mostread", "most-read", "most_read", "mostview", "most-view"),
            *("most_view", "meistgel", "meestgelezen", "plus-lus", "pluslus", "mas-leid", "masleid"),
        ),
    ),
    (
        Reason.ADVERTISEMENT,
        (
            *("advert", "banner", "sponsor", "outbrain", "taboola", "adslot", "adsense", "adunit"),
            *("werbung", "anzeige", "publicid", "publicit", "pubblicit", "reklam", "annons"),
        ),
    ),
    (Reason.PAYWALL, ("paywall", "premium", "regwall")),
    (
        Reason.SUBSCRIPTION,
        (
            *("newsletter", "subscri", "signup", "sign-up", "mailmag", "melmaga", "donat", "member"),
            *("abonn", "suscri", "prenumer"),
        ),
    ),
    (
        Reason.RELATED,
        (
            *("relat", "recommend", "readnext", "read-next", "kanren", "teaser", "verwandt", "weiterlesen"),
            *("relacion", "correlat", "powiazan", "lire-aussi", "leggi-anche", "lees-ook", "leia-mais"),
        ),
    ),
    (Reason.SHARE, ("share", "social", "sns", "follow", "teilen", "partage", "compart", "condivid")),
)
_LINES = (
    (Reason.CAPTION, ("caption", "credit", "figure", "photo", "bildunter", "bildtext", "legende")),
    (Reason.BYLINE, ("byline", "author", "writer", "autor", "auteur")),
    (Reason.DATELINE, ("date", "time", "publish")),
    (Reason.COPYRIGHT, ("copyright", "copy-right")),
    (Reason.RELATED, ("also", "more", "promo")),
    (
        Reason.NAVIGATION,
        ("nav", "menu", "breadcrumb", "pager", "pagination", "header", "footer", "search", "topic"),
    ),
)
# The same for words that must stand alone: "ad" is a part of "shadow" too. A drop cap is no caption.
_BOX_WORDS = {"ad": Reason.ADVERTISEMENT, "ads": Reason.ADVERTISEMENT, "pr": Reason.ADVERTISEMENT}
_LINE_WORDS = {"cap": Reason.CAPTION, "tag": Reason.NAVIGATION, "tags": Reason.NAVIGATION}
_TIERS = ((_BOXES, _BOX_WORDS), (_LINES, _LINE_WORDS))
_ALONE = regex.compile(rf"(?<![a-z]|drop[-_])(?:{'|'.join((*_BOX_WORDS, *_LINE_WORDS))})(?![a-z])")
_STEMS = [stem for stems, _ in _TIERS for _, listed in stems for stem in listed]
_ANY = re.compile("|".join(map(re.escape, (*_STEMS, *_BOX_WORDS, *_LINE_WORDS))))


def is_bullet(block: Block) -> bool:
    """Whether the block is an item of a list, by its element or by the sign it begins with.

    >>> is_bullet(Block("• bread", 0, 7, 1))
    True
    """
    return (
        block.tag in ("li", "dd", "dt")
        or "li" in block.path.split("/")
        or _BULLET.match(block.text) is not None
    )


def is_prose(block: Block) -> bool:
    """Whether the block reads like a paragraph: long enough, and ended like a sentence."""
    return len(block.text) >= _PROSE and _is_ended(block.text)


def kind_of(block: Block, media: Media, paragraphs: int) -> Kind:
    """The kind of a kept block with so many kept paragraphs before it, bullets not counted."""
    path = block.path.split("/")
    if "blockquote" in path or block.tag == "blockquote":
        return Kind.QUOTE
    if block.tag in HEADINGS:
        return Kind.HEADING
    if block.tag in TABLE_TAGS and "table" in path:
        return Kind.TABLE
    if is_bullet(block):
        # Bullets before the body, or behind its lead, sum the article up.
        return Kind.SUMMARY if paragraphs <= 1 else Kind.LIST_ITEM
    if media is Media.HTML:
        return Kind.PARAGRAPH
    if _NUMBERED.match(block.text) and len(block.text) < 200:
        return Kind.LIST_ITEM
    return Kind.HEADING if _reads_like_heading(block.text) else Kind.PARAGRAPH


def reason_of(
    block: Block, line: Reason | None, header: Reason | None, region: Reason | None, *, above: bool
) -> Reason:
    """Why a block that nothing more certain decided was stripped.

    `line` and `header` are what the lexicon calls it, `region` is the header it stands under, `above`
    says that no kept block stands before it.
    """
    if line is Reason.EMBEDDED_SOURCE:
        return Reason.SOURCE_LINE
    if line or header:
        return line or header or Reason.BOILERPLATE
    if region is Reason.OTHER_ARTICLE and block.link_share < 0.5:
        return region
    if named := named_by_markup(block):
        return named
    if block.hidden:
        return Reason.HIDDEN
    if region and not (above and not block.path):
        return region
    if block.link_share > 0.8:
        return Reason.RELATED if len(block.text) > 30 else Reason.NAVIGATION
    # In flat text the short lines above the body are the menu.
    return Reason.NAVIGATION if above and not block.path and len(block.text) <= 30 else Reason.BOILERPLATE


def _is_ended(text: str) -> bool:
    return text.endswith("…") or text.rstrip().endswith(_STOPS)


def _reads_like_heading(text: str) -> bool:
    """A short line of flat text that is no sentence; a question or a call may end it."""
    ends = _is_ended(text[:-1]) or text.endswith(("。", ".", "」", "”", '"'))
    return len(text) <= _HEADING and not ends


def named_by_markup(block: Block) -> Reason | None:
    """What the elements around the block call it."""
    return _named(block.tag, block.path, block.hints[-_NEAREST_HINTS:])


# A page asks for few places many times.
@lru_cache(maxsize=256)
def _named(tag: str, path: str, hints: str) -> Reason | None:
    ancestors = {tag, *path.split("/")}
    if "figcaption" in ancestors:
        return Reason.CAPTION
    words = [reasons_of_word(word) for word in reversed(hints.split())]
    for tier in range(len(_TIERS)):
        if named := next((names[tier] for names in words if names[tier]), None):
            return named
    if ancestors & {"nav", "header", "footer"}:
        return Reason.NAVIGATION
    return Reason.RELATED if "aside" in ancestors else None


# The class words of a page stand on many of its elements, and many of them on other sites too.
@lru_cache(maxsize=8192)
def reasons_of_word(word: str) -> tuple[Reason | None, ...]:
    """What a class or id word names, as a box and as a line: the stem that begins last in it.

    >>> [str(reason) for reason in reasons_of_word("newsletter-caption")]
    ['subscription', 'caption']
    """
    if not _ANY.search(word):
        return (None,) * len(_TIERS)
    alone = [(match.start(), match[0]) for match in _ALONE.finditer(word)]
    found: list[Reason | None] = []
    for stems, words in _TIERS:
        named = [(word.rfind(stem), reason) for reason, listed in stems for stem in listed if stem in word]
        named += [(start, words[part]) for start, part in alone if part in words]
        found.append(max(named)[1] if named else None)
    return tuple(found)
