"""Every number the stages use, once, with the measurement that chose it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """Limits on input."""

    # Decoded characters; news pages are under 5 MB, whole-site dumps are not articles.
    max_characters: int = 50_000_000


@dataclass(frozen=True, slots=True)
class HtmlSettings:
    """How pages are cut into blocks."""

    # Open elements; browsers stop at 512 too. It bounds the work for one tag.
    max_depth: int = 512
    # Innermost elements told in a block's path, and those whose class words become its hints.
    path_elements: int = 12
    hint_elements: int = 10
    # Class words of one element; utility classes run to dozens and say nothing of content.
    hint_words: int = 8
    # Pages above are not shown to trafilatura, whose time grows faster than the page.
    witness_blocks: int = 5_000
    witness_characters: int = 5_000_000


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How blocks are weighed."""


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How paragraphs are compared."""

    # Jaccard of 5-gram sets; a 1 % edit of a paragraph leaves .87 (Japanese) to .91 (English).
    threshold: float = 0.8
    # Code points in a shingle of the comparison text.
    shingle: int = 5
    # Below this many characters of comparison text only exact copies join: near-duplicates
    # there are accidents.
    min_characters: int = 30
    # Chance of missing a pair that lies exactly at the threshold; pairs above are missed less.
    miss: float = 0.01
    # Most permutations of a signature; see band.choose_bands.
    permutations: int = 130
    # Seed of datasketch's permutations.
    seed: int = 1
    # Texts in one bucket that are paired all with all; beyond it pairs grow linearly.
    bucket: int = 1000
    # Paragraphs from which compiled kernels (the extra `fast`) repay the time they take to load.
    compile_from: int = 5000


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a run."""

    read: ReadSettings = field(default_factory=ReadSettings)
    html: HtmlSettings = field(default_factory=HtmlSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
