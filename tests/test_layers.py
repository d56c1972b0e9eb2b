"""Data flows one way: what a module of the library may import."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "dedup").rglob("*.py"))

# What every module may import.
CONTRACTS = {"dedup._version", "dedup.types", "dedup.settings", "dedup.lexicon"}
# These join stages: the pipeline for users, the cleaner that also learns, what workers load, training and
# its examples for the model file; adapters, for other tools; and the engine on Spark.
JOINTS = (
    "dedup",
    "dedup.cleaner",
    "dedup.examples",
    "dedup.loaded",
    "dedup.looks",
    "dedup.pipeline",
    "dedup.train",
)
# A stage made of parts joins them; a part knows no stage. Whatever is not named here joins nothing.
PARTS = {
    "html": {"embedded", "markup", "metadata", "witness"},
    "embedded": {"markup"},
    "metadata": {"markup"},
    "flat": {"layout"},
    "forest": {"expected", "features", "grams", "series"},
    "features": {"grams", "lines", "series"},
    "lines": {"grams", "series"},
    "grams": {"roles"},
    "linear": {"examples", "gold", "grams"},
    "judge": {"context", "expected", "roles", "strip", "testimony", "title"},
    "testimony": {"roles"},
    "context": {"roles", "testimony", "title"},
    "strip": {"roles", "testimony"},
    "title": {"roles", "testimony"},
    "article": {"dates"},
    "schedule": {"journal", "workers"},
    "shelf": {"outlet"},
    "sharing": {"clustering", "facts", "relate", "stories"},
    "explanation": {"band", "compare", "facts", "sign", "verify"},
    "viewer": {"explanation", "runs"},
    "read": {"index.store"},  # and adapters for files that take an extra, by name
    "relate": {"clustering", "columns", "compare", "passages", "quote", "verify", "words"},
    "facts": {"words"},
    "passages": {"sorting", "span_kernels", "threads"},
    "span_kernels": {"kernels"},
    "quote": {"quote_kernels", "threads"},
    "quote_kernels": {"kernels"},
    "clustering": {"columns", "compare", "kernels", "pairing", "sign", "sorting"},
    "columns": {"compare", "strings"},
    "pairing": {"band", "sign", "sorting", "threads", "verify"},
    "index": {"index.core", "index.store"},
    "index.core": {"compare", "index.matching", "index.redis", "index.sqlite", "index.store"},
    "index.matching": {"band", "compare", "facts", "index.store", "sign", "verify"},
    "index.sqlite": {"index.store", "index.tree"},
    "index.tree": {"index.filter", "index.postings"},
    "index.filter": {"index.kernels"},
    "index.postings": {"index.kernels"},
    "index.redis": {"index.store"},
    "band": {"kernels", "threads"},
    "compare": {"fold_kernels", "strings", "threads"},
    "fold_kernels": {"kernels"},
    "sign": {"kernels", "threads"},
    "verify": {"kernels", "threads"},
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Modules of this project that a file imports, wherever in the file it does so."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            # `from dedup import sign` imports a module, `from dedup.types import Kind` a name.
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name_of(module) for module in MODULES}
            found |= (inside & modules) or {node.module or ""}
    return {name for name in found if name.split(".")[0] in ("dedup", "dedup_cli", "cli")}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_its_layer_allows(path):
    name = name_of(path)
    if name in JOINTS or name.startswith(("dedup.adapters", "dedup.spark")):
        assert not {found for found in imports_of(path) if found.startswith(("cli", "dedup_cli"))}
    else:
        parts = {f"dedup.{part}" for part in PARTS.get(name.removeprefix("dedup."), ())}
        assert imports_of(path) - {name} <= CONTRACTS | parts


def test_the_library_prints_nothing():
    for path in MODULES:
        calls = [
            node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
        ]
        assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "print"], path
