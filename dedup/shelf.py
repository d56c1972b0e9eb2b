"""What is too much for memory, in files of this run: looks at pages, and the profiles of many outlets.

Nothing but this program's own processes reads or writes these files, and they end with the run.
"""

from __future__ import annotations

import hashlib
import pickle
import shutil
import tempfile
import zlib
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from dedup.outlet import Article, Place, Profile, Seen, Trace
from dedup.types import Block, Page, Source

Value = TypeVar("Value")
Default = TypeVar("Default")

# Profiles that a process holds; pages of one outlet mostly come one after the other.
_HELD = 16
# A block as a plain tuple: pickled as an object it takes ten times as long.
_BLOCK = attrgetter(*(field.name for field in fields(Block)))
_TOLD = attrgetter(*(field.name for field in fields(Source) if field.name != "content"))


@dataclass(frozen=True, slots=True)
class Looked:
    """What the first look finds at a source: what its outlet learns of it, and the page in `packed` form."""

    trace: Trace | None
    page: bytes = b""


@dataclass(frozen=True, slots=True)
class Again(Source):
    """A source at the second look, with what the first one found at a source of this name."""

    look: Looked = Looked(None)


def packed(source: Source, page: Page, chances: NDArray[np.float64] | None) -> bytes:
    """A page as it was segmented, without its text, and what it was scored."""
    bare = replace(page.document, text="")
    row = _digest(source), bare, page.metadata, [_BLOCK(block) for block in page.blocks], chances
    return zlib.compress(pickle.dumps(row, pickle.HIGHEST_PROTOCOL), 1)


def unpacked(source: Again) -> tuple[Page, NDArray[np.float64] | None] | None:
    """What was `packed`, None if that was nothing or another content. The text of the page is empty."""
    if not source.look.page:
        return None
    digest, bare, metadata, rows, chances = pickle.loads(zlib.decompress(source.look.page))  # noqa: S301
    if digest != _digest(source):
        return None
    return Page(bare, tuple(Block(*row) for row in rows), metadata), chances


def _digest(source: Source) -> bytes:
    content = source.content
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return hashlib.blake2b(repr(_TOLD(source)).encode() + raw, digest_size=16).digest()


class Spool:
    """Values in a file without a name, each at a place; use it as a context manager."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, value: object) -> int:
        """Where the value is from now on."""
        try:
            place = self._file.seek(0, 2)
            pickle.dump(value, self._file, pickle.HIGHEST_PROTOCOL)
        except OSError as error:  # the file has no name
            raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from error
        return place

    def get(self, place: int) -> Any:
        """The value that was put there."""
        self._file.seek(place)
        return pickle.load(self._file)  # noqa: S301 - a file of this process


def room(most: int) -> int:
    """Bytes that a spool may use for what can be done without: no more than half of what is free."""
    return min(most, shutil.disk_usage(tempfile.gettempdir()).free // 2)


class Table(Mapping[int, Value], Generic[Value]):
    """A mapping of 64-bit hashes in sorted columns: 24 bytes for what takes 300 as a `dict` of objects."""

    __slots__ = ("_keys", "_make", "_rows", "_width")

    def __init__(self, rows: Mapping[int, tuple[int, ...]], make: Callable[..., Value]) -> None:
        self._keys = array("Q", sorted(rows))
        self._rows = array("Q", (number for key in self._keys for number in rows[key]))
        self._width = len(self._rows) // max(len(self._keys), 1)
        self._make = make

    def __getitem__(self, key: int) -> Value:
        at = bisect_left(self._keys, key)
        if at == len(self._keys) or self._keys[at] != key:
            raise KeyError(key)
        return self._make(*self._rows[at * self._width : (at + 1) * self._width])

    def get(self, key: int, default: Any = None) -> Any:
        """As of any mapping; most keys that are asked for are not there."""
        at = bisect_left(self._keys, key)
        if at == len(self._keys) or self._keys[at] != key:
            return default
        return self._make(*self._rows[at * self._width : (at + 1) * self._width])

    def __iter__(self) -> Iterator[int]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def compact(profile: Profile) -> Profile:
    """An equal profile in tables."""
    return replace(
        profile,
        blocks=Table({key: (seen.count, seen.last) for key, seen in profile.blocks.items()}, Seen),
        places=Table(
            {
                key: (place.count, place.last, place.characters, place.content)
                for key, place in profile.places.items()
            },
            Place,
        ),
        pages=numbers(profile.pages),
        articles=tuple(Article(numbers(article.prose)) for article in profile.articles),
    )


def numbers(values: Mapping[int, int]) -> Table[int]:
    """An equal mapping as a table."""
    return Table({key: (value,) for key, value in values.items()}, int)


class Shelf(Mapping[str, Profile]):
    """Profiles by outlet in a file, of which each process holds the last few it looked at.

    Use it as a context manager in the process that fills it. It may be pickled, for other processes to
    read it meanwhile.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="dedup-")
        self._path = str(Path(self._folder.name, "profiles"))
        self._places: dict[str, int] = {}
        self._held: OrderedDict[str, Profile] = OrderedDict()
        Path(self._path).touch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def __getstate__(self) -> object:
        return self._path, self._places

    def __setstate__(self, state: tuple[str, dict[str, int]]) -> None:
        self._path, self._places = state
        self._held = OrderedDict()

    def put(self, profile: Profile) -> None:
        """Adds it; the outlet has none here yet."""
        with Path(self._path).open("ab") as file:
            self._places[profile.outlet] = file.tell()
            pickle.dump(compact(profile), file, pickle.HIGHEST_PROTOCOL)

    def __getitem__(self, outlet: str) -> Profile:
        place = self._places[outlet]
        if outlet not in self._held:
            with Path(self._path).open("rb") as file:
                file.seek(place)
                self._held[outlet] = pickle.load(file)  # noqa: S301 - a file of this run
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(outlet)
        return self._held[outlet]

    def __contains__(self, outlet: object) -> bool:
        return outlet in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
