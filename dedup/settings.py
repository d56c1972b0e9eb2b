"""Every number the stages use, once, with the measurement that chose it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """Limits on input."""

    # Decoded characters; news pages are under 5 MB, whole-site dumps are not articles.
    max_characters: int = 50_000_000


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


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a run."""

    read: ReadSettings = field(default_factory=ReadSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
