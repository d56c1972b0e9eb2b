"""A run as one HTML file to look at, which asks no network and lets no page's content run.

What a page said is hostile. It reaches the file only as gzip in base64, one script element of data
a chunk, which the browser never reads as markup; the script unpacks a chunk when it is looked at and
makes text nodes of it. The content security policy allows this file's own script and style by their
hash and nothing else; with Trusted Types no string can become markup.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from dedup._version import __version__
from dedup.explanation import edits
from dedup.runs import read_rows

Row = dict[str, Any]
Span = tuple[int, int, int, int]
"""Half-open, in the left and in the right text, in characters."""

# The script, in this order, within one block.
_SCRIPTS = ("base.js", "overview.js", "lists.js", "items.js", "start.js")
# Items unpacked together: 40 articles are about 300 kB of JSON, which takes a browser 10 ms.
_CHUNK = {"articles": 40, "clusters": 80, "stories": 80, "passages": 80, "quotations": 80}
# Characters of a cluster that its list shows.
_EXCERPT = 120
# Characters in a row that a quotation and what stands around it have in common by accident.
_ACCIDENT = 5
# Outlets of one cluster that count in the matrix, whose cells grow with their square.
_MATRIX = 50

_POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def report(folder: Path) -> Iterator[bytes]:
    """The HTML file of what `dedup run` wrote to `folder`, part by part.

    Raises `ValueError` where the folder holds no run.
    """
    try:
        yield from _parts(folder)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder} holds rows that are not those of this version's run: {error}") from error


def _parts(folder: Path) -> Iterator[bytes]:
    style, page = _file("style.css"), _file("page.html")
    script = '"use strict";\n{\n' + "".join(map(_file, _SCRIPTS)) + "}\n"
    policy = _POLICY.format(script=_hash(script), style=_hash(style))
    head, _, tail = page.partition("<!-- data -->")
    yield head.format(policy=html.escape(policy), style=style).encode()
    clusters = list(read_rows(folder, "clusters"))
    in_cluster = {
        (member["document"], member["paragraph"]): number
        for number, row in enumerate(clusters)
        for member in row["members"]
    }
    index: dict[str, Any] = {
        "version": __version__,
        "chunk": _CHUNK,
        "words": json.loads(_file("words.json")),
    }
    index["figures"] = _figures(folder)
    index["matrix"] = _matrix(clusters)
    articles = (_article(row, in_cluster) for row in read_rows(folder, "articles"))
    for name, items in (
        ("articles", articles),
        ("clusters", map(_cluster, clusters)),
        ("stories", map(_story, read_rows(folder, "stories"))),
        ("passages", map(_passage, read_rows(folder, "passages"))),
        ("quotations", map(_quotation, read_rows(folder, "quotations"))),
    ):
        index[name] = []
        for number, chunk in enumerate(_chunks(items, _CHUNK[name])):
            index[name] += [listed for listed, _ in chunk]
            yield _data(f"{name}-{number}", [whole for _, whole in chunk])
    yield _data("index", index)
    yield tail.replace("{script}", script).encode()


def _file(name: str) -> str:
    return files("dedup.viewer").joinpath(name).read_text("utf-8").replace("\r\n", "\n")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _data(name: str, value: object) -> bytes:
    """Data as a script element that is no script. A lone surrogate becomes its JSON escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    packed = gzip.compress(text.encode("utf-8", "backslashreplace"), 6, mtime=0)
    return b'<script type="application/gzip" id="%b">%b</script>\n' % (
        name.encode(),
        base64.b64encode(packed),
    )


def _chunks(items: Iterable[tuple[Row, Row]], size: int) -> Iterator[list[tuple[Row, Row]]]:
    remaining = iter(items)
    while chunk := list(itertools.islice(remaining, size)):
        yield chunk


def _figures(folder: Path) -> Row:
    path = folder / "run.json"
    try:
        row = json.loads(path.read_bytes()) if path.is_file() else {}
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise ValueError(f"{path} is no run.json of dedup run")
    return row


def _matrix(clusters: Iterable[Row]) -> list[tuple[str, str, int]]:
    """How many paragraphs each two outlets share."""
    count: Counter[tuple[str, str]] = Counter()
    for row in clusters:
        count.update(itertools.combinations(sorted(row["outlets"])[:_MATRIX], 2))
    return [(*pair, number) for pair, number in sorted(count.items())]


def _article(row: Row, in_cluster: Mapping[tuple[str, int], int]) -> tuple[Row, Row]:
    """What the list of articles shows, and the article with its blocks as they stood."""
    stripped: Counter[str] = Counter()
    for block in row["stripped"]:
        stripped[block["reason"]] += len(block["text"])
    titles = [row["title"]] if row["title_span"] else []
    places = [in_cluster.get((row["id"], number)) for number in range(len(row["paragraphs"]))]
    blocks = [
        {"start": block["start"], "text": block["text"], "kind": block["kind"], "n": number, "cluster": place}
        for number, (block, place) in enumerate(zip(row["paragraphs"], places, strict=True))
    ] + [
        {
            "start": block["start"],
            "text": block["text"],
            "reason": block["reason"],
            "why": [[one["witness"], one["says"], one["vote"]] for one in block["evidence"]],
        }
        for block in row["stripped"]
    ]
    listed = {
        "id": row["id"],
        "title": row["title"],
        "source": row["source"],
        "outlet": row["outlet"],
        "published": row["published"],
        "language": row["language"],
        "kept": sum(len(text) for text in (*titles, *(block["text"] for block in row["paragraphs"]))),
        "stripped": stripped,
        "shared": sum(place is not None for place in places),
    }
    fields = ("url", "author", "agency", "original_title", "encoding")
    whole = {name: row[name] for name in fields} | {"blocks": sorted(blocks, key=lambda one: one["start"])}
    return listed, whole


def _cluster(row: Row) -> tuple[Row, Row]:
    base = row["representative"]["text"]
    listed = {
        "id": row["id"],
        "kind": row["kind"],
        "spread": row["spread"],
        "size": row["size"],
        "outlets": row["outlets"],
        "excerpt": base if len(base) <= _EXCERPT else f"{base[:_EXCERPT]}…",
    }
    members = [
        member
        | {
            "edits": []
            if member["kind"] == "exact"
            else _with_facts(_spans(base, member["text"]), member["changes"])
        }
        for member in row["members"]
    ]
    return listed, {"members": members}


def _spans(left: str, right: str) -> list[Span]:
    """Where two texts differ, in characters."""
    return [(one.left_start, one.left_end, one.right_start, one.right_end) for one in edits(left, right)]


def _with_facts(spans: Iterable[Span], changes: Iterable[Row]) -> list[Span]:
    """The spans, those within a changed fact joined to the whole fact: 120 → 150, not a 2 → a 5 in it.

    They come in order and overlap on neither side.
    """
    facts = [
        tuple(change[side][end] for side in ("left", "right") for end in ("start", "end"))
        for change in changes
    ]
    found: list[Span] = []
    for left, left_end, right, right_end in sorted([*spans, *facts], key=lambda span: (span[2], span[0])):
        span = (left, left_end, right, right_end)
        while found and (span[0] < found[-1][1] or span[2] < found[-1][3]):
            last = found.pop()
            span = (
                min(last[0], span[0]),
                max(last[1], span[1]),
                min(last[2], span[2]),
                max(last[3], span[3]),
            )
        found.append(span)
    return found


def _story(row: Row) -> tuple[Row, Row]:
    versions = [
        {name: one[name] for name in ("document", "outlet", "published", "carriage", "of_first", "of_this")}
        for one in row["versions"]
    ]
    whole = {
        "versions": [
            {name: one[name] for name in ("in_order", "added", "left_out")} for one in row["versions"]
        ]
    }
    return {"id": row["id"], "outlets": row["outlets"], "versions": versions}, whole


def _passage(row: Row) -> tuple[Row, Row]:
    listed = {name: row[name] for name in ("id", "text", "weight", "outlets")}
    return listed, {"places": row["places"]}


def _quotation(row: Row) -> tuple[Row, Row]:
    listed = {
        "containment": row["containment"],
        "similarity": row["similarity"],
        "outlets": sorted({row[end]["outlet"] or "" for end in ("quote", "source")}),
    }
    quote, source = row["quote"], row["source"]
    around = _joined(_spans(quote["text"], source["text"]))
    return listed, {"quote": quote, "source": source, "edits": around}


def _joined(spans: list[Span]) -> list[Span]:
    """The spans, joined over the few characters between two that are equal by accident."""
    found: list[Span] = []
    for span in spans:
        if found and span[0] - found[-1][1] < _ACCIDENT:
            found[-1] = (found[-1][0], span[1], found[-1][2], span[3])
        else:
            found.append(span)
    return found
