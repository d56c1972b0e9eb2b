"""Clean articles from scraped news pages, and the paragraphs that outlets share."""

from dedup._version import __version__

__all__ = ["__version__"]
