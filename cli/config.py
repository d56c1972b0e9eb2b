"""Settings from where they are made: environment over `dedup.toml` over `[tool.dedup]` over default.

A flag goes before all of these; the options take what is found here as their defaults. Keys are
those of `dedup.settings.Settings` (`cluster.threshold`) and the few of the commands (`jobs`). Files
are looked for in the working folder. In the environment `cluster.threshold` is
`DEDUP_CLUSTER_THRESHOLD`.
"""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dedup.settings import Settings

Value = bool | int | float | str

# What the commands can be given besides the library's settings.
_COMMAND: dict[str, Value] = {
    "jobs": 1,
    "keep": "earliest",
    "quiet": False,
    "verbose": False,
    "log_json": False,
    "durable": False,
    "facts": False,
}
# The settings that options of commands set, by the name of the option.
_WORK = {name: name for name in ("jobs", "quiet", "verbose", "log_json")}
_COMPARE = {name: f"cluster.{name}" for name in ("threshold", "shingle", "min_characters")}
_ASK = {"limit": "index.matches", "facts": "facts"}
_OPTIONS = {
    "clean": _WORK,
    "cluster": _WORK | _COMPARE,
    "run": _WORK | _COMPARE | {"keep": "keep"},
    "learn": _WORK,
}
_INDEX_OPTIONS = {"add": _ASK | {"durable": "durable"}, "query": _ASK}
_PREFIX = "DEDUP_"
# Read elsewhere: it asks for the traceback of a fault.
_NO_SETTING = {"DEDUP_TRACEBACK"}


class ConfigError(ValueError):
    """A setting that is none, or whose value can't be one; the text says where it stands."""


@dataclass(frozen=True, slots=True)
class Found:
    """The value of a setting and what it came from: `default`, a file, or a variable."""

    value: Value
    origin: str


def resolve(folder: Path | None, environment: Mapping[str, str]) -> dict[str, Found]:
    """Every setting by key, in the order of `Settings`, with the value that holds; no folder, no files.

    Raises `ConfigError`.
    """
    found = {key: Found(value, "default") for key, value in _defaults().items()}
    for origin, table in () if folder is None else _files(folder):
        for key, value in _flat(table):
            found[key] = Found(_checked(key, value, found, origin), origin)
    names = {_PREFIX + key.replace(".", "_").upper(): key for key in found}
    for name in sorted(environment):
        if name.startswith(_PREFIX) and name not in _NO_SETTING:
            if name not in names:
                raise ConfigError(f"{name} is no setting{_suggestion(name, names)}")
            key = names[name]
            found[key] = Found(_read(name, environment[name], found[key].value), name)
    return found


def settings_of(found: Mapping[str, Found]) -> Settings:
    """The library's settings."""
    settings = Settings()
    for part in asdict(settings):
        values = {
            key.partition(".")[2]: one.value for key, one in found.items() if key.startswith(f"{part}.")
        }
        settings = replace(settings, **{part: replace(getattr(settings, part), **values)})
    return settings


def with_limits(settings: Settings, seconds: float | None, megabytes: int | None) -> Settings:
    """With the limits for one page that were given."""
    worker = settings.worker
    if seconds is not None:
        worker = replace(worker, seconds=seconds)
    if megabytes is not None:
        worker = replace(worker, memory=megabytes * 1_000_000)
    return replace(settings, worker=worker)


def with_comparison(settings: Settings, threshold: float, shingle: int, min_characters: int) -> Settings:
    """With the options by which paragraphs are compared."""
    changed = replace(settings.cluster, threshold=threshold, shingle=shingle, min_characters=min_characters)
    return replace(settings, cluster=changed)


def with_workers(settings: Settings, jobs: int) -> Settings:
    """`-j` also compares paragraphs in parallel; no result depends on it, so run.json does not tell it."""
    workers = max(jobs, settings.cluster.workers)
    return replace(settings, cluster=replace(settings.cluster, workers=workers))


def option_defaults(found: Mapping[str, Found]) -> dict[str, Any]:
    """What the options of each command are when they are not given; those of `index` a level down."""

    def of(options: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        return {
            command: {name: found[key].value for name, key in keys.items()}
            for command, keys in options.items()
        }

    return of(_OPTIONS) | {"index": of(_INDEX_OPTIONS)}


def as_toml(found: Mapping[str, Found]) -> Iterator[tuple[str, str]]:
    """Lines of a `dedup.toml` that says the same, and what each came from."""
    table = ""
    for key, one in found.items():
        part, _, name = key.rpartition(".")
        if part != table:
            yield "", ""
            yield f"[{part}]", ""
            table = part
        yield f"{name} = {json.dumps(one.value, ensure_ascii=False)}", one.origin


def _defaults() -> dict[str, Value]:
    return _COMMAND | dict(_flat(asdict(Settings())))


def _files(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tables of settings, the nearer one last; `pyproject.toml` is often another tool's alone."""
    tool = _toml(folder / "pyproject.toml").get("tool", {})
    for origin, table in (
        ("pyproject.toml", tool.get("dedup", {}) if isinstance(tool, dict) else {}),
        ("dedup.toml", _toml(folder / "dedup.toml")),
    ):
        if not isinstance(table, dict):
            raise ConfigError(f"{origin}: tool.dedup must be a table, not {json.dumps(table, default=str)}")
        yield origin, table


def _toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is no TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path.name} can't be read: {error.strerror}") from None


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _checked(key: str, value: Any, known: Mapping[str, Found], origin: str) -> Value:
    """The value of a key in a file, of the type of its default."""
    if key not in known:
        raise ConfigError(f"{origin}: {key} is no setting{_suggestion(key, known)}")
    default = known[key].value
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(default):
        raise ConfigError(
            f"{origin}: {key} must be {_NAMES[type(default)]}, not {json.dumps(value, default=str)}"
        )
    return _in_range(f"{origin}: {key}", value)


def _read(name: str, text: str, default: Value) -> Value:
    """The value of a variable, of the type of its default."""
    try:
        match default:
            case bool():
                return {"1": True, "true": True, "0": False, "false": False}[text.lower()]
            case int():
                return _in_range(name, int(text))
            case float():
                return _in_range(name, float(text))
            case _:
                return text
    except (KeyError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{name} must be {_NAMES[type(default)]}, not {text!r}") from None


_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def _in_range(name: str, value: Any) -> Value:
    if isinstance(value, float | int) and not (math.isfinite(value) and value >= 0):
        raise ConfigError(f"{name} must be 0 or more, not {value}")
    return value  # type: ignore[no-any-return]


def _suggestion(name: str, known: Mapping[str, object]) -> str:
    """What may have been meant: a name written alike, or one whose last part is."""
    by_fold = {key.lower(): key for key in known} | {key.rpartition(".")[2].lower(): key for key in known}
    close = difflib.get_close_matches(name.replace("-", "_").lower(), by_fold, n=1)
    close = close or difflib.get_close_matches(
        name.rpartition(".")[2].replace("-", "_").lower(), by_fold, n=1
    )
    return f"; is {by_fold[close[0]]} meant?" if close else "; `dedup config` names all"
