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
    from dedup.decode import DecodeError
    from dedup.index import Index, StoreError
    from dedup.outlet import Profiles
    from dedup.pipeline import clean, clean_many, cluster, learn
    from dedup.settings import Settings
    from dedup.types import (
        Article,
        Block,
        Cleaned,
        Cluster,
        Evidence,
        Failure,
        JudgedBlock,
        Kind,
        Media,
        Reason,
        Source,
        Verdict,
    )

__all__ = [
    "Article",
    "Block",
    "Cleaned",
    "Cluster",
    "DecodeError",
    "Evidence",
    "Failure",
    "Index",
    "JudgedBlock",
    "Kind",
    "Media",
    "Profiles",
    "Reason",
    "Settings",
    "Source",
    "StoreError",
    "Verdict",
    "__version__",
    "clean",
    "clean_many",
    "cluster",
    "learn",
]

_HOMES = {
    "DecodeError": "decode",
    **dict.fromkeys(("Index", "StoreError"), "index"),
    "Profiles": "outlet",
    "Settings": "settings",
    **dict.fromkeys(("clean", "clean_many", "cluster", "learn"), "pipeline"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'dedup' has no attribute {name!r}")
    return getattr(import_module(f"dedup.{_HOMES.get(name, 'types')}"), name)


def __dir__() -> list[str]:
    return __all__
