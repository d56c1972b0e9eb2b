"""Bytes to text.

The encoding is looked for in this order, and `Encoding.found_by` tells which step found it:

=====================  ==========================================================================
`text`                 the input was text already
`bom`                  a byte order mark (UTF-8, UTF-16, UTF-32)
`escape sequences`     ISO-2022-JP: it is valid UTF-8 too, so it must be looked for first
`utf-8`                it is valid UTF-8 (ASCII included)
`utf-8 with errors`    UTF-8 with a few broken bytes, read as U+FFFD, rather than a legacy code page
`declared`             the likeliest reading, and the one that was declared
`detected`             the likeliest reading (UTF-16 without a byte order mark included)
=====================  ==========================================================================

The likeliest reading is the one with the fewest bits (minimum description length): every candidate
encoding explains the same bytes, each by a language whose characters have known frequencies
(`lexicon/characters.toml`), so a wrong encoding, which turns frequent characters into rare ones,
costs more. A declared encoding starts with a bonus, which a long text outweighs: declarations lie.

Names are those of the WHATWG Encoding Standard, and bytes are read as browsers read them: `shift_jis`
is code page 932, `gb2312` is `gbk` (read as GB18030), `iso-8859-1` is `windows-1252`, and EUC-JP and
ISO-2022-JP know NEC's and IBM's characters.

Text is returned as decoded, without the byte order mark: line ends stay as they are, so offsets into
it are offsets into what was read.
"""

from __future__ import annotations

import codecs
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import log2
from typing import Any

import webencodings

from dedup.settings import ReadSettings
from dedup.types import Encoding

_SETTINGS = ReadSettings()

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32le"),
    (codecs.BOM_UTF32_BE, "utf-32be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16le"),
    (codecs.BOM_UTF16_BE, "utf-16be"),
)
_FORMATS = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"RIFF", "a WebP, WAV or AVI file"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an office document"),
    (b"\x1f\x8b\x08", "gzip-compressed data"),
    (b"BZh", "bzip2-compressed data"),
    (b"\xfd7zXZ\x00", "xz-compressed data"),
    (b"\x28\xb5\x2f\xfd", "Zstandard-compressed data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"wOF", "a font"),
)
# Control characters that text has: tab, line feed, vertical tab, form feed, carriage return, and
# escape, which ISO-2022-JP and terminal logs use.
_CONTROLS = bytes(set(range(0x20)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"
_ISO_2022_JP = re.compile(rb"\x1b(?:\$[@B]|\$\(D|\([JI])")
_META = re.compile(
    rb"""<meta\b[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml\b[^>]*?encoding\s*=\s*["']([\w.:-]+)""", re.I
)
# The standard looks for a declaration in the first 1,024 bytes; pages have it later.
_META_WITHIN = 4096
_JIS_PAIR = re.compile(rb"[\xa1-\xfe]{2}|[\x21-\x7e]{2}")
_LINE = re.compile(rb"[^<>\r\n]+")
_HIGH = re.compile(rb"[\x80-\xff]")
_LEAD_IN = 80
_SURROGATE = re.compile("[\ud800-\udfff]")
_ERROR = "\ufffd"

# Python's names for code pages that people write where a web name is due.
_ALIASES = {"cp932": "shift_jis", "cp936": "gbk", "cp949": "euc-kr", "cp950": "big5", "cp51932": "euc-jp"}
# Codecs that are nearer to the standard than those webencodings names.
_CODECS = {
    "gbk": "gb18030",
    "iso-2022-jp": "iso2022_jp_ext",
    "utf-32le": "utf-32-le",
    "utf-32be": "utf-32-be",
}
_ON_ERROR = {"euc-jp": "dedup.code_page_932", "iso-2022-jp": "dedup.code_page_932"}
# Where Python's tables and the standard's differ.
_JIS_AS_WEB = tuple(zip("〜‖−¢£¬", "～∥－￠￡￢", strict=True))
_AS_WEB = {
    "euc-jp": _JIS_AS_WEB,
    "iso-2022-jp": _JIS_AS_WEB,
    "big5": tuple(zip("•､‾∼♁☉¥¢£", "‧﹑¯～⊕⊙￥￠￡", strict=True)),
}


class DecodeError(ValueError):
    """The bytes are not text in any encoding known here.

    `error` is `binary` or `undecodable`; the message says what to do.
    """

    def __init__(self, error: str, message: str) -> None:
        """Keep the code of the error beside its message."""
        super().__init__(message)
        self.error = error


def decode(
    content: bytes | str,
    declared: str | None = None,
    *,
    html: bool = False,
    settings: ReadSettings = _SETTINGS,
) -> tuple[str, Encoding]:
    """Decode bytes to text and tell the encoding.

    `declared` is what a header or a record says of the encoding (any label; one that is not known is
    ignored); with `html`, what the page says of itself counts as declared too. Text that is a `str`
    already is returned with lone surrogates replaced, as no file can hold them.

    Raises `DecodeError` for binary data and for bytes that are no likely text in any encoding.

    >>> decode("株式会社の発表によると".encode("euc_jp"))
    ('株式会社の発表によると', Encoding(name='euc-jp', found_by='detected'))
    >>> decode(b"plain")
    ('plain', Encoding(name='utf-8', found_by='utf-8'))
    """
    if isinstance(content, str):
        return _SURROGATE.sub(_ERROR, content), Encoding("utf-8", "text")
    for mark, name in _MARKS:
        if content.startswith(mark):
            return _text(content[len(mark) :], name), Encoding(name, "bom")
    if name := _wide(content, settings):
        return _text(content, name), Encoding(name, "detected")
    _refuse_binary(content, settings)
    if content.isascii() and _ISO_2022_JP.search(content):
        return _text(content, "iso-2022-jp"), Encoding("iso-2022-jp", "escape sequences")
    try:
        return content.decode(), Encoding("utf-8", "utf-8")
    except UnicodeDecodeError:
        pass
    if _is_broken_utf8(content, settings):
        return _text(content, "utf-8"), Encoding("utf-8", "utf-8 with errors")
    declarations = _declarations(declared, content[:_META_WITHIN] if html else b"")
    name = _likeliest(content, declarations, settings)
    return _text(content, name), Encoding(name, "declared" if name in declarations else "detected")


def _refuse_binary(content: bytes, settings: ReadSettings) -> None:
    for magic, what in _FORMATS:
        if content.startswith(magic):
            raise DecodeError("binary", f"this is {what}, not text: give the page or its text instead")
    head = content[: settings.sample_bytes]
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > settings.max_control_share * len(head):
        raise DecodeError("binary", "this is binary data, not text: give the page or its text instead")


def _wide(content: bytes, settings: ReadSettings) -> str | None:
    """UTF-16 without its mark: it has zero bytes, and read so, nearly all of it is known characters."""
    head = content[: settings.sample_bytes // 2 * 2]
    if b"\0" not in head:
        return None
    known = _known()
    for name in ("utf-16le", "utf-16be"):
        text = _text(head, name)
        if sum(char in known for char in text) >= settings.min_known_share * len(text):
            return name
    return None


def _is_broken_utf8(content: bytes, settings: ReadSettings) -> bool:
    text = content.decode(errors="replace")
    errors = text.count(_ERROR)
    sound = sum(map(str.isascii, text))
    return len(text) - sound - errors >= settings.min_utf8_share * (len(text) - sound)


def _declarations(declared: str | None, head: bytes) -> list[str]:
    labels = [declared] if declared else []
    labels += [(match[1] or match[2]).decode("ascii") for match in _META.finditer(head)]
    names = [_name(label) for label in labels]
    return [name for name in names if name and name not in {"utf-8", "replacement"}]


def _name(label: str) -> str | None:
    label = label.strip().lower()
    encoding = webencodings.lookup(_ALIASES.get(label, label))
    return encoding.name if encoding else None


def _text(content: bytes, name: str) -> str:
    codec = _CODECS.get(name) or webencodings.lookup(name).codec_info.name
    text = content.decode(codec, _ON_ERROR.get(name, "replace"))
    for python, web in _AS_WEB.get(name, ()):
        text = text.replace(python, web)
    return text


def _as_code_page_932(error: UnicodeError) -> tuple[str, int]:
    """A character of NEC or IBM (①, ㈱, 髙), which Python's JIS codecs lack, by its row and cell."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    pair = error.object[error.start : error.start + 2]
    if _JIS_PAIR.fullmatch(pair):
        row, cell = (byte % 0x80 - 0x20 for byte in pair)
        lead = (row + 1) // 2 + (0x80 if row <= 62 else 0xC0)
        trail = cell + (0x9E if row % 2 == 0 else 0x3F if cell < 64 else 0x40)
        with suppress(UnicodeDecodeError):
            return bytes((lead, trail)).decode("cp932"), error.start + 2
    return _ERROR, error.start + 1


codecs.register_error("dedup.code_page_932", _as_code_page_932)


@dataclass(frozen=True, slots=True)
class _Language:
    """The encodings of a language and what its characters cost in bits (-log2 of their frequency)."""

    encodings: tuple[str, ...]
    bits: Mapping[str, float]


# What characters cost that no language table ranks, in bits. The order matters, the size little:
# halving or doubling the steps changes fewer than TODO readings in 100.
_ASCII_BITS = 5.0
_MARK_BITS = 12.0
_UNRANKED_BITS = 20.0
_BROKEN_BITS = 32.0
# Of a script of thousands, the characters of general use that `common` does not rank.
_USUAL_SHARE = 0.2


@cache
def _languages() -> tuple[_Language, ...]:
    table = tomllib.loads(files("dedup.lexicon").joinpath("characters.toml").read_text("utf-8"))
    marks = table.pop("marks")
    return tuple(_language(marks, **entry) for entry in table.values())


def _language(
    marks: str, encodings: list[str], share: float, common: str, usual: Mapping[str, Any] | None = None
) -> _Language:
    ranked = "".join(common.split())
    # Zipf's law: the frequency of a character is in inverse proportion to its rank.
    first = share / 100 / sum(1 / rank for rank in range(1, len(ranked) + 1))
    general = _general(**usual) if usual else ""
    letter = _ASCII_BITS - log2(1 - share / 100)
    bits = {char: letter if char.isalpha() else _ASCII_BITS for char in map(chr, range(0x20, 0x7F))}
    bits |= dict.fromkeys("\t\n\v\f\r", _ASCII_BITS)
    bits |= dict.fromkeys(marks, _MARK_BITS)
    bits |= dict.fromkeys(general, log2(len(general) / _USUAL_SHARE) if general else 0.0)
    bits |= {char: log2(rank / first) for rank, char in enumerate(ranked, 1)}
    return _Language(tuple(encodings), bits)


def _general(codec: str, lead: list[str]) -> str:
    spans = [tuple(int(byte, 16) for byte in span.split("-")) for span in lead]
    pairs = (
        bytes((first, trail))
        for low, high in spans
        for first in range(low, high + 1)
        for trail in range(0x40, 0xFF)
    )
    return "".join(char for pair in pairs if len(char := pair.decode(codec, "ignore")) == 1 and char > "\x7f")


@cache
def _known() -> frozenset[str]:
    return frozenset().union(*(language.bits for language in _languages()))


def _likeliest(content: bytes, declarations: list[str], settings: ReadSettings) -> str:
    """The encoding whose reading of a sample takes the fewest bits."""
    sample = _sample(content, settings.sample_bytes)
    languages: dict[str, list[_Language]] = {}
    for language in _languages():
        for name in language.encodings:
            languages.setdefault(name, []).append(language)
    bits = {
        name: _bits(_text(sample, name), languages.get(name, _languages()))
        - (settings.declared_bits if name in declarations else 0.0)
        for name in dict.fromkeys([*languages, *declarations])
    }
    best = min(bits, key=lambda name: bits[name])
    if best not in declarations and bits[best] > settings.max_bits * len(sample) + settings.slack_bits:
        raise DecodeError(
            "undecodable",
            "this is no text in any known encoding: convert it to UTF-8, or declare its encoding",
        )
    return best


def _bits(text: str, languages: Iterable[_Language]) -> float:
    counts = Counter(text).items()
    rest = {char: _unranked(char) for char, _ in counts}
    return min(
        sum(count * language.bits.get(char, rest[char]) for char, count in counts) for language in languages
    )


def _unranked(char: str) -> float:
    broken = char == _ERROR or unicodedata.category(char) in {"Cc", "Cn", "Co"}
    return _BROKEN_BITS if broken else _UNRANKED_BITS


def _sample(content: bytes, size: int) -> bytes:
    """The lines (between markup) that have bytes outside ASCII, up to the size; a long line from
    shortly before its first such byte, so that a script before it does not fill the sample."""
    lines: list[bytes] = []
    for match in _LINE.finditer(content):
        high = _HIGH.search(match[0])
        if high and size > 0:
            lines.append(match[0][max(0, high.start() - _LEAD_IN) :][:size])
            size -= len(lines[-1])
        if size <= 0:
            break
    return b"\n".join(lines)
