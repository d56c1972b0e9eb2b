"""What the tests of adapters share: pages of an invented town, and which tools are installed."""

import ast
import importlib.util
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STORY = (
    "The lower mill closed on Friday after the river rose past the second mark, and the grain was moved.",
    "The miller said that the wheel was sound and that work would begin again when the water had gone down.",
)
OTHER = (
    "A new clerk was sworn in at the town hall, the third this year, and asked for a longer table.",
    "The mayor answered that the table had been ordered in the spring and was still on its way by barge.",
)


def page(title, paragraphs):
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    return (
        f"<html><head><title>{title}</title></head><body><nav><a href='/'>Home</a></nav>"
        f"<article><h1>{title}</h1>{body}</article></body></html>"
    )


PAGES = {"mill": page("The mill closes", STORY), "clerk": page("A clerk is sworn in", OTHER)}
TEXT = "\n".join(STORY)


def needs(*modules):
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def example(adapter):
    """The code at the head of an adapter."""
    source = (ROOT / "dedup" / "adapters" / f"{adapter}.py").read_text()
    lines = ast.get_docstring(ast.parse(source)).splitlines()
    return textwrap.dedent("\n".join(line for line in lines if line.startswith("    ")))
