"""Doctests import every module of the library; those of an extra that is not installed are left out."""

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parent

# What cannot be imported without an extra. Where its libraries are, a failing import is an error.
EXTRAS = {
    "dedup/adapters/arrow.py": "parquet",
    "dedup/adapters/datatrove.py": "datatrove",
    "dedup/adapters/scrapy.py": "scrapy",
    "dedup/adapters/warc.py": "warc",
    "dedup/index/redis.py": "redis",
    "dedup/spark": "spark",
}


def _installed(extra: str) -> bool:
    """Whether all that `pyproject.toml` asks for an extra is there; these import by their own names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return all(find_spec(re.split(r"\W", one)[0]) for one in project["optional-dependencies"][extra])


collect_ignore = [path for path, extra in EXTRAS.items() if not _installed(extra)]


def pytest_report_header() -> list[str]:
    """What is left out, and how to have it."""
    extras = ",".join(EXTRAS[path] for path in collect_ignore)
    told = f"left out, for want of extras: {' '.join(collect_ignore)} (pip install '.[{extras}]')"
    return [told] if collect_ignore else []
