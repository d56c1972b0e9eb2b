"""Clean articles from scraped news pages, and the paragraphs that outlets share.

    import dedup

    articles = dedup.clean(page, url="https://outlet.example/story")
    clusters = dedup.cluster(articles)

Names are loaded when they are first used, so that `import dedup` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dedup._version import __version__

if TYPE_CHECKING:
    from dedup.cleaner import Cleaner
    from dedup.columns import Paragraphs
    from dedup.decode import DecodeError
    from dedup.explanation import explain
    from dedup.index import Index, StoreError
    from dedup.outlet import Profiles
    from dedup.pipeline import clean, clean_many, cluster, learn
    from dedup.runs import diff
    from dedup.settings import Settings
    from dedup.sharing import relations, rethreshold
    from dedup.types import (
        Article,
        Block,
        Cleaned,
        Cluster,
        Comparison,
        Difference,
        Evidence,
        Failure,
        JudgedBlock,
        Kind,
        Media,
        Reason,
        Relation,
        Relations,
        Source,
        Verdict,
    )
    from dedup.viewer import report

__all__ = [
    "Article",
    "Block",
    "Cleaned",
    "Cleaner",
    "Cluster",
    "Comparison",
    "DecodeError",
    "Difference",
    "Evidence",
    "Failure",
    "Index",
    "JudgedBlock",
    "Kind",
    "Media",
    "Paragraphs",
    "Profiles",
    "Reason",
    "Relation",
    "Relations",
    "Settings",
    "Source",
    "StoreError",
    "Verdict",
    "__version__",
    "clean",
    "clean_many",
    "cluster",
    "diff",
    "explain",
    "learn",
    "relations",
    "report",
    "rethreshold",
]

_HOMES = {
    "Cleaner": "cleaner",
    "DecodeError": "decode",
    **dict.fromkeys(("Index", "StoreError"), "index"),
    "Paragraphs": "columns",
    "Profiles": "outlet",
    "Settings": "settings",
    "diff": "runs",
    "explain": "explanation",
    "report": "viewer",
    **dict.fromkeys(("relations", "rethreshold"), "sharing"),
    **dict.fromkeys(("clean", "clean_many", "cluster", "learn"), "pipeline"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'dedup' has no attribute {name!r}")
    return getattr(import_module(f"dedup.{_HOMES.get(name, 'types')}"), name)


def __dir__() -> list[str]:
    return __all__
