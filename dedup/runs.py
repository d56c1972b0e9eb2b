"""The folder that a run wrote: its files as rows, and how two runs differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dedup.types import ArticleChange, BlockChange, Difference, Kind, Reason

Row = dict[str, Any]

# Fields of an article that a reader of it sees; the others follow from these or from its blocks.
_FIELDS = ("title", "outlet", "url", "published", "author", "agency", "original_title", "language")

# Without these a row is none of that file.
_NEEDED = {
    "articles": {"id", "source", "article", "text", "paragraphs", "stripped"},
    "clusters": {"members"},
}


def read_rows(folder: Path, name: str) -> Iterator[Row]:
    """The rows of `articles`, `clusters`, `stories`, ... of a run; none where it did not write the file.

    Raises `ValueError` for what is no such file.
    """
    path, needed = folder / f"{name}.jsonl", _NEEDED.get(name, set())
    if not path.is_file():
        if name in ("articles", "clusters"):
            raise ValueError(f"{folder} is no output of dedup run: it has no {path.name}")
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict) or not row.keys() >= needed:
                raise ValueError(f"{path}: line {number} is no row of dedup run")
            yield row


def diff(old: Path, new: Path) -> Difference:
    """How the run in folder `new` differs from that in `old`.

    An article is known by its source and its number there, a block by its text. Raises `ValueError`
    for folders that hold no run.
    """
    ours, theirs = ({_place(row): row for row in read_rows(folder, "articles")} for folder in (old, new))
    changed = [_change(place, ours[place], theirs[place]) for place in ours if place in theirs]
    gone, come = _clusters(old, ours), _clusters(new, theirs)
    return Difference(
        added=tuple(place for place in theirs if place not in ours),
        removed=tuple(place for place in ours if place not in theirs),
        changed=tuple(change for change in changed if change.fields or change.blocks),
        clusters_added=tuple((come - gone).elements()),
        clusters_removed=tuple((gone - come).elements()),
    )


def _place(row: Row) -> tuple[str, int]:
    return row["source"], row["article"]


def _change(place: tuple[str, int], old: Row, new: Row) -> ArticleChange:
    fields = [(name, old.get(name), new.get(name)) for name in _FIELDS]
    ours, theirs = _verdicts(old), _verdicts(new)
    blocks = [
        BlockChange(key[0], ours.get(key), theirs.get(key))
        for key in ours | theirs
        if ours.get(key) is not theirs.get(key)
    ]
    return ArticleChange(*place, tuple(field for field in fields if field[1] != field[2]), tuple(blocks))


def _verdicts(row: Row) -> dict[tuple[str, int], Kind | Reason]:
    """The verdict on every block, by its text and how many of the same text stand before it."""
    seen: Counter[str] = Counter()
    found: dict[tuple[str, int], Kind | Reason] = {}
    for block in sorted((*row["paragraphs"], *row["stripped"]), key=lambda block: block["start"]):
        text = block["text"]
        reason = block.get("reason")
        found[text, seen[text]] = Kind(block["kind"]) if reason is None else Reason(reason)
        seen[text] += 1
    return found


def _clusters(folder: Path, articles: Mapping[tuple[str, int], Row]) -> Counter[tuple[str, ...]]:
    """The clusters of a run, each as `source#article: text` of its members, sorted."""
    source = {row["id"]: place for place, row in articles.items()}
    return Counter(
        tuple(sorted(_member(member, source) for member in row["members"]))
        for row in read_rows(folder, "clusters")
    )


def _member(member: Row, source: Mapping[str, tuple[str, int]]) -> str:
    name, number = source.get(member["document"], (member["document"], 0))
    return f"{name}#{number}: {member['text']}"


def find_article(rows: Iterable[Row], identity: str) -> Row:
    """The article with this id, which may be cut short. Raises `ValueError` where not exactly one has it."""
    found = [row for row in rows if identity and row["id"].startswith(identity)]
    if len(found) != 1:
        raise ValueError(f"{len(found) or 'no'} articles of the run have an id that begins with {identity!r}")
    return found[0]


def find_text(rows: Iterable[Row], name: str) -> str:
    """The text of an article by its id, or of its paragraph by `id#number`. Raises `ValueError`."""
    identity, _, number = name.partition("#")
    article = find_article(rows, identity)
    if not number:
        return str(article["text"])
    paragraphs = article["paragraphs"]
    if not number.isdecimal() or int(number) >= len(paragraphs):
        raise ValueError(f"{article['id']} has the paragraphs 0 to {len(paragraphs) - 1}, not {number}")
    return str(paragraphs[int(number)]["text"])
