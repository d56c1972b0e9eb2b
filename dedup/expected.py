"""What a page lets expect: from which probability its blocks are kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dedup.settings import JudgeSettings
from dedup.types import Media, Page


def bar(page: Page, chances: NDArray[np.float64], settings: JudgeSettings) -> float:
    """The probability from which blocks of the page are kept: half of the best F1 it lets expect.

    That maximises the expected F1 (Lipton, Elkan and Naryanaswamy, "Optimal Thresholding of Classifiers to
    Maximize F1 Measure", ECML PKDD 2014): an article unlike all that the forest has seen looks a little like
    content and all alike. At most `keep`, at least `least_keep`, for there are pages without an article.
    A line of flat text that stands alone has no site around it, and is kept unless a word list names it.
    """
    if page.document.media is Media.TEXT and len(page.blocks) == 1:
        return 0.0
    size = np.array([len(block.text) for block in page.blocks], np.float64)
    order = np.argsort(-chances)
    hit, kept = np.cumsum((size * chances)[order]), np.cumsum(size[order])
    best = (2 * hit / (kept + hit[-1:])).max(initial=0.0)
    html = page.document.media is Media.HTML
    return float(np.clip(best / 2, settings.least_keep if html else settings.least_keep_flat, settings.keep))
