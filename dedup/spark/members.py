"""Components to clusters: the representative rule of the local engine, and its members as rows.

    texts + links + components -> stars, a row a text that joins -> members, a row a paragraph

The rule looks at a component alone: which text takes which depends on the links among them, on how many
paragraphs each stands for, and on the first of those. So every component goes to one task, which calls the
local engine's function. A task holds a component's texts once, however many copies they have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from dedup import compare, facts, sign
from dedup.clustering import neighbours, stars
from dedup.columns import precedence, text_id
from dedup.relation_rows import change_row
from dedup.settings import ClusterSettings
from dedup.spark.blobs import (
    KINDS,
    PARAGRAPH,
    Row,
    apply,
    compiled,
    exchange,
    from_spark,
    gathered,
    numbers,
    send,
)
from dedup.spark.texts import paragraphs, with_ids
from dedup.types import (
    Change,
    Cluster,
    Fact,
    Member,
    Pairs,
    Paragraph,
    Relation,
    Spread,
)

_SIDE = pa.struct([("text", pa.string()), ("start", pa.int64()), ("end", pa.int64())])
_CHANGE = pa.struct([("fact", pa.string()), ("left", _SIDE), ("right", _SIDE)])
_STAR = pa.schema(
    [
        ("id", pa.int64()),
        ("cluster", pa.string()),
        ("similarity", pa.float64()),
        ("exact", pa.bool_()),
        *((f"first_{name}", kind) for name, kind in PARAGRAPH),
    ]
)
_STARS = "id long, cluster string, similarity double, exact boolean, " + ", ".join(
    f"first_{name} {'long' if name == 'index' else 'string'}" for name, _ in PARAGRAPH
)
_MEMBER = pa.schema(
    [
        ("cluster", pa.string()),
        ("representative", pa.bool_()),
        ("document", pa.string()),
        ("paragraph", pa.int64()),
        ("outlet", pa.string()),
        ("published", pa.string()),
        ("text", pa.string()),
        ("similarity", pa.float64()),
        ("kind", pa.string()),
        ("changes", pa.list_(_CHANGE)),
    ]
)
_SIDE_COLUMNS = "struct<text: string, start: long, end: long>"
MEMBERS = (
    "cluster string, representative boolean, document string, paragraph long, outlet string, "
    "published string, text string, similarity double, kind string, "
    f"changes array<struct<fact: string, left: {_SIDE_COLUMNS}, right: {_SIDE_COLUMNS}>>"
)


def star_rows(texts: Any, links: Any, edges: Any, settings: ClusterSettings, homes: Sequence[int]) -> Any:
    """A row for every text that joins a cluster: which one, how alike, and the cluster's first paragraph."""
    from pyspark.sql.functions import col  # noqa: PLC0415 - not everywhere

    labels = apply(edges.where(col("kind") == "edge"), partial(_to_texts, homes=homes))
    known = texts.where(col("kind") == "text").union(links).union(labels)
    nodes = apply(exchange(known, len(homes)), partial(_by_component, homes=homes))
    found = exchange(nodes, len(homes)).select("home", "kind", "rows")
    return found.mapInArrow(partial(_stars, settings=settings), _STARS)


def member_rows(articles: Any, found: Any, settings: ClusterSettings, *, strong: bool) -> Any:
    """The paragraphs of every cluster, from what `texts.read` and `star_rows` gave."""
    joined = with_ids(articles, settings, strong=strong).join(found, "id")
    return joined.mapInArrow(_members, MEMBERS)


def _to_texts(rows: Iterator[Row], *, homes: Sequence[int]) -> Iterator[Row]:
    edges = gathered(rows, "edge")["edge"]
    place = (numbers(edges, "left") % np.uint64(len(homes))).astype(np.int64)
    yield from send("edge", edges, place, homes)
    ends = np.unique(numbers(edges, "right"))
    place = (ends % np.uint64(len(homes))).astype(np.int64)
    both = pa.RecordBatch.from_arrays([pa.array(ends), pa.array(ends)], schema=KINDS["edge"])
    yield from send("edge", both, place, homes)


def _by_component(rows: Iterator[Row], *, homes: Sequence[int]) -> Iterator[Row]:
    """Texts and links to the home of their component; a text with copies and no link is its own."""
    held = gathered(rows, "text", "link", "edge")
    texts, links = held["text"], held["link"]
    nodes, label = numbers(held["edge"], "left"), numbers(held["edge"], "right")
    order = np.argsort(nodes, kind="stable")
    nodes, label = nodes[order], label[order]
    ids, sizes = numbers(texts, "id"), numbers(texts, "size")
    place = np.minimum(np.searchsorted(nodes, ids), max(nodes.size - 1, 0))
    linked = nodes[place] == ids if nodes.size else np.zeros(ids.size, bool)
    root = ids.copy()
    root[linked] = label[place[linked]]
    chosen = np.flatnonzero(linked | (sizes > 1))
    taken = texts.take(pa.array(chosen))
    columns = [pa.array(root[chosen]), *taken.columns]
    count = np.uint64(len(homes))
    batch = pa.RecordBatch.from_arrays(columns, schema=KINDS["node"])
    yield from send("node", batch, (root[chosen] % count).astype(np.int64), homes)
    if links.num_rows:
        root = label[np.searchsorted(nodes, numbers(links, "left"))]
        batch = pa.RecordBatch.from_arrays([pa.array(root), *links.columns], schema=KINDS["tie"])
        yield from send("tie", batch, (root % count).astype(np.int64), homes)


def _stars(batches: Iterable[pa.RecordBatch], *, settings: ClusterSettings) -> Iterator[pa.RecordBatch]:
    held = gathered(from_spark(batches), "node", "tie")
    nodes, ties = held["node"], held["tie"]
    if not nodes.num_rows:
        return
    nodes = nodes.take(pa.array(np.argsort(numbers(nodes, "id"), kind="stable")))
    ids, sizes = numbers(nodes, "id"), numbers(nodes, "size")
    left, right = numbers(ties, "left"), numbers(ties, "right")
    order = np.lexsort((right, left))
    once = np.append(True, (np.diff(left[order]) != 0) | (np.diff(right[order]) != 0))[: order.size]
    order = order[once]
    pairs = Pairs(np.searchsorted(ids, left[order]), np.searchsorted(ids, right[order]))
    firsts = paragraphs(nodes)
    rank = np.empty(ids.size, np.int64)
    rank[sorted(range(ids.size), key=lambda number: precedence(firsts[number]))] = np.arange(ids.size)
    worth = compiled(ids.size * 100, settings)
    near = neighbours(sizes, pairs, numbers(ties, "similarity")[order])
    centre, similarity = stars(rank, near, compiled=worth)
    members = np.bincount(centre, sizes, ids.size)
    joins = np.flatnonzero(members[centre] > 1)
    centres = centre[joins]
    names = {
        number: text_id(compare.comparison_text(firsts[number].text))
        for number in np.unique(centres).tolist()
    }
    first = nodes.take(pa.array(centres))
    yield pa.RecordBatch.from_arrays(
        [
            pa.array(ids[joins].view(np.int64)),
            pa.array([names[number] for number in centres.tolist()], pa.string()),
            pa.array(similarity[joins]),
            pa.array(centres == joins),
            *(first.column(name) for name, _ in PARAGRAPH),
        ],
        schema=_STAR,
    )


def _members(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        of = {name: batch.column(name) for name in batch.schema.names}
        exact = of["exact"].to_numpy(zero_copy_only=False)
        first = exact.copy()
        for name in ("document", "index", "outlet", "published", "text"):
            first[first] = [
                batch_value == first_value
                for batch_value, first_value in zip(
                    of[name].filter(pa.array(first)).to_pylist(),
                    of[f"first_{name}"].filter(pa.array(first)).to_pylist(),
                    strict=True,
                )
            ]
        kinds = np.where(exact, Relation.EXACT.value, Relation.NEAR.value).astype(object)
        changes: list[list[dict[str, Any]]] = [[] for _ in range(batch.num_rows)]
        for number in np.flatnonzero(~exact).tolist():
            found = facts.changes(of["first_text"][number].as_py(), of["text"][number].as_py())
            if found:
                kinds[number] = Relation.CHANGED_FACTS.value
                changes[number] = [change_row(change) for change in found]
        columns = [of["cluster"], pa.array(first), of["document"], of["index"]]
        columns += [of[name] for name in ("outlet", "published", "text", "similarity")]
        columns += [pa.array(kinds.tolist(), pa.string()), pa.array(changes, pa.list_(_CHANGE))]
        yield pa.RecordBatch.from_arrays(columns, schema=_MEMBER)


def cluster_rows(members: Any) -> Any:
    """A row for every cluster of `members`: `id`, `kind`, `spread`, `size`, `outlets`, `representative`."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - not everywhere

    first = f.struct("document", "paragraph", "outlet", "published", "text")
    changed, near = (f.max(f.col("kind") == kind.value) for kind in (Relation.CHANGED_FACTS, Relation.NEAR))
    outlets = f.size("outlets")
    kind = f.when(f.col("changed"), Relation.CHANGED_FACTS.value).when(f.col("near"), Relation.NEAR.value)
    spread = f.when(outlets > 1, Spread.ACROSS_OUTLETS.value).when(f.col("unknown"), Spread.UNKNOWN.value)
    grouped = members.groupBy("cluster").agg(
        changed.alias("changed"),
        near.alias("near"),
        f.max(f.col("outlet").isNull()).alias("unknown"),
        f.count("*").alias("size"),
        f.sort_array(f.collect_set("outlet")).alias("outlets"),
        f.max(f.when(f.col("representative"), first)).alias("representative"),
    )
    return grouped.select(
        f.col("cluster").alias("id"),
        kind.otherwise(Relation.EXACT.value).alias("kind"),
        spread.otherwise(Spread.WITHIN_OUTLET.value).alias("spread"),
        "size",
        "outlets",
        "representative",
    )


def to_clusters(members: Any) -> list[Cluster]:
    """The clusters as `dedup.cluster` gives them, largest first, all brought to this process."""
    by_cluster: dict[str, list[tuple[Any, Member]]] = {}
    for row in members.toArrow().to_pylist():
        paragraph = Paragraph(row["document"], row["paragraph"], row["outlet"], row["text"], row["published"])
        kind = Relation(row["kind"])
        changes = tuple(_change(change) for change in row["changes"])
        key = (kind is not Relation.EXACT, -row["similarity"], precedence(paragraph))
        member = Member(paragraph, row["similarity"], kind, changes)
        by_cluster.setdefault(row["cluster"], []).append((key, member))
    found = []
    for name, some in by_cluster.items():
        members_of = tuple(member for _, member in sorted(some, key=lambda one: one[0]))
        outlets = {member.paragraph.outlet for member in members_of}
        known = tuple(sorted(outlet for outlet in outlets if outlet is not None))
        kinds = {member.kind for member in members_of}
        kind = next(kind for kind in (Relation.CHANGED_FACTS, Relation.NEAR, Relation.EXACT) if kind in kinds)
        spread = Spread.UNKNOWN if None in outlets else Spread.WITHIN_OUTLET
        spread = Spread.ACROSS_OUTLETS if len(known) > 1 else spread
        found.append(Cluster(name, kind, known, members_of[0].paragraph, members_of, spread))
    hashes = sign.text_hashes(compare.encode([cluster.representative.text for cluster in found]))
    sizes = np.array([len(cluster.members) for cluster in found])
    order = np.lexsort((hashes, -sizes))
    return [found[number] for number in order.tolist()]


def _change(row: dict[str, Any]) -> Change:
    left, right = row["left"], row["right"]
    return Change(
        Fact(row["fact"]),
        left["text"],
        left["start"],
        left["end"],
        right["text"],
        right["start"],
        right["end"],
    )
