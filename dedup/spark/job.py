"""The stages of clustering joined; every one is kept, so that a job can go on where it stood."""

from __future__ import annotations

from typing import Any

from dedup.settings import ClusterSettings
from dedup.spark import blobs, candidates, components, members, texts
from dedup.spark.stages import Stages

# Bytes of records that one task holds at once, about; it takes some four times as much memory.
_PARTITION = 1 << 26
# Bytes from which a size is Spark's way to say that it does not know.
_UNKNOWN = 1 << 60
# Links that one task joins to components.
_LINKS = 2_000_000
# Texts of a bucket that one task compares with its pivots; see `candidates`.
_CROWD = 200_000


def find_members(
    frame: Any,
    settings: ClusterSettings,
    stages: Stages,
    *,
    partitions: int | None = None,
    links_a_task: int = _LINKS,
    crowd: int = _CROWD,
) -> Any:
    """The rows of `members.MEMBERS` for articles. `frame` is read twice and must be the same both times."""
    from pyspark.sql import functions  # noqa: PLC0415 - not everywhere

    spark = frame.sparkSession
    articles = texts.read(frame)
    homes = blobs.homes(stages.fact("homes", lambda: partitions or homes_for(articles)))

    def counts(stage: Any) -> dict[str, int]:
        sums: dict[str, int] = {}
        for row in stage.select("kind", "count").collect():  # one a batch: few
            sums[row["kind"]] = sums.get(row["kind"], 0) + row["count"]
        return sums

    distinct = stages.keep("texts", lambda: texts.distinct(articles, settings, homes, strong=False))
    held = stages.fact("texts", lambda: counts(distinct))
    strong = "collision" in held
    if strong:
        distinct = stages.keep("strong-texts", lambda: texts.distinct(articles, settings, homes, strong=True))
        held = stages.fact("strong-texts", lambda: counts(distinct))
        if "collision" in held:
            raise ValueError("two texts have one 64-bit hash; so many do not fit into one job: split it")
    record = 17 + settings.permutations
    buckets = 1 + held.get("text", 0) * settings.permutations // 5 * record // _PARTITION
    buckets = blobs.homes(max(buckets, min(len(homes), spark.sparkContext.defaultParallelism)))
    found = stages.keep(
        "candidates", lambda: candidates.candidates(distinct, settings, homes, buckets, crowd)
    )
    links = stages.keep("links", lambda: candidates.links(distinct, found, settings, homes))
    linked = stages.fact("links", lambda: counts(links)).get("link", 0)
    parts = blobs.homes(1 + linked // links_a_task)
    edges = components.components(links, parts, stages)
    stars = stages.keep("stars", lambda: members.star_rows(distinct, links, edges, settings, homes))
    stars = functions.broadcast(stars) if _size(stars) <= _PARTITION else stars
    return members.member_rows(articles, stars, settings, strong=strong)


def homes_for(frame: Any) -> int:
    """Partitions for what `frame` holds."""
    spark, size = frame.sparkSession, _size(frame)
    if size > _UNKNOWN:
        return int(spark.conf.get("spark.sql.shuffle.partitions"))
    least: int = spark.sparkContext.defaultParallelism
    return max(least, 1 + size // _PARTITION)


def _size(frame: Any) -> int:
    """Bytes, as far as Spark knows without a look at them."""
    return int(frame._jdf.queryExecution().optimizedPlan().stats().sizeInBytes())
