"""The finished work of a run, kept in a file, so that a run that was killed can go on where it stood.

A line of the file is the result of one stage for one source: its key, a checksum, the result as JSON. The
key is made of all that the result depends on (the source with its content, the settings, this
program's version), so work that is out of date is not found. A line that was cut short ends the file:
it and what follows are dropped. The file is locked while a run writes it.
"""

from __future__ import annotations

import collections.abc
import errno
import hashlib
import io
import json
import os
import time
from dataclasses import fields
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, TracebackType, UnionType
from typing import Any, Generic, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from dedup._version import __version__
from dedup.types import Source

Result = TypeVar("Result")

_KEY, _CHECK = 32, 16
# Seconds between two times that what was written is forced to the disk: so much work may a power
# failure cost. A kill costs none.
_SYNC = 5.0


class Journal:
    """Use it as a context manager around the run; `remove` it at the end of one that is complete.

    With `resume` what an earlier run left is kept, else it is dropped. Raises `OSError` if the file can't
    be written, or if another run writes it.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self._file = _locked(path)
        self._known: dict[str, tuple[int, int]] = {}
        end = self._read() if resume else 0
        self._file.truncate(end)
        self._file.seek(end)
        self._synced = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def remove(self) -> None:
        """The run is complete: nothing of it will have to go on."""
        self._path.unlink(missing_ok=True)

    def get(self, key: str) -> bytes | None:
        """The JSON that an earlier run kept under the key."""
        if key not in self._known:
            return None
        start, length = self._known[key]
        return os.pread(self._file.fileno(), length, start)

    def put(self, key: str, content: bytes) -> None:
        """Keep one line of JSON; it outlives this process at once, a power failure in a few seconds."""
        try:
            line = memoryview(b"%s %s %s\n" % (key.encode(), _check(key.encode(), content), content))
            while line:  # a disk that fills up takes a part
                line = line[self._file.write(line) :]
            if time.monotonic() - self._synced > _SYNC:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from error

    def _read(self) -> int:
        """Finds what is there; where the last whole line ends."""
        end = 0
        for line in io.BufferedReader(io.FileIO(self._file.fileno(), closefd=False)):
            key, check, content = (
                line[:_KEY],
                line[_KEY + 1 : _KEY + 1 + _CHECK],
                line[_KEY + _CHECK + 2 : -1],
            )
            if line[-1:] != b"\n" or check != _check(key, content):
                break
            self._known[key.decode()] = (end + _KEY + _CHECK + 2, len(content))
            end += len(line)
        return end


class Entries(Generic[Result]):
    """The results of one stage in a journal; `given` is what they depend on besides the source."""

    def __init__(self, journal: Journal, kind: Any, *given: object) -> None:
        self._journal = journal
        self._kind = kind
        self._given = repr((__version__, kind, given)).encode()

    def key(self, source: Source) -> str:
        """What the result for the source is kept under."""
        told = {field.name: getattr(source, field.name) for field in fields(Source)}
        content = told.pop("content")
        is_text = isinstance(content, str)
        made = hashlib.blake2b(
            repr((told, is_text)).encode(), digest_size=_KEY // 2, key=_digest(self._given)
        )
        made.update(content.encode("utf-8", "surrogatepass") if is_text else content)
        return made.hexdigest()

    def recall(self, key: str) -> tuple[Result] | None:
        """The result that is kept, as the only member, or None."""
        content = self._journal.get(key)
        return None if content is None else (unpack(self._kind, json.loads(content)),)

    def keep(self, key: str, result: Result) -> None:
        """Remember the result."""
        self._journal.put(key, json.dumps(pack(result), separators=(",", ":")).encode())


def pack(value: Any) -> Any:
    """A value of our types as lists and what JSON has; `unpack` gives an equal value back."""
    kind: Any = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        return [pack(getattr(value, name)) for name, _ in _members(kind)]
    if isinstance(value, tuple):
        return [pack(one) for one in value]
    if isinstance(value, collections.abc.Mapping):
        return [[pack(key), pack(one)] for key, one in value.items()]
    return value


def unpack(kind: Any, value: Any) -> Any:
    """The value of that type which was packed.

    >>> unpack(tuple[int, ...], pack((1, 2)))
    (1, 2)
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (kind,) = (one for one in inner if one is not NoneType)
        return None if value is None else unpack(kind, value)
    if origin is tuple:
        kinds = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(unpack(kind, one) for kind, one in zip(kinds, value, strict=True))
    if origin is collections.abc.Mapping:
        return {unpack(inner[0], key): unpack(inner[1], one) for key, one in value}
    if hasattr(kind, "__dataclass_fields__"):
        members = _members(kind)
        return kind(*(unpack(hint, one) for (_, hint), one in zip(members, value, strict=True)))
    return kind(value) if isinstance(kind, type) and issubclass(kind, Enum) else value


@cache
def _members(kind: Any) -> tuple[tuple[str, Any], ...]:
    hints = get_type_hints(kind)
    return tuple((field.name, hints[field.name]) for field in fields(kind))


def _check(key: bytes, content: bytes) -> bytes:
    return hashlib.blake2b(key + content, digest_size=_CHECK // 2).hexdigest().encode()


def _digest(given: bytes) -> bytes:
    return hashlib.blake2b(given, digest_size=32).digest()


def _locked(path: Path) -> io.FileIO:
    """The file, open to read and append, and no other run's."""
    file = io.FileIO(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666), "r+")
    try:
        import fcntl  # noqa: PLC0415 - not everywhere
    except ImportError:
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mine = path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except (BlockingIOError, FileNotFoundError):
        mine = False
    if not mine:
        file.close()
        raise OSError(errno.EBUSY, "another run writes there; wait for it or give another folder", str(path))
    return file
