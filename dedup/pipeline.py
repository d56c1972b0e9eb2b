"""The stages joined: bytes to articles, articles to clusters.

decode -> segment -> divide -> score -> judge -> assemble
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from dedup.article import assemble
from dedup.decode import DecodeError, decode
from dedup.divide import split_digest, unglue
from dedup.flat import segment_text
from dedup.forest import Model, digest, load, read_page, score, title_score
from dedup.html import heard, segment_html
from dedup.judge import judge
from dedup.looks import Ready, clean_many, learn, traces
from dedup.outlet import NOTHING, Profiles, Trace, by_places, is_covered, recurrences, trace
from dedup.read import media_of, outlet_of
from dedup.settings import Settings
from dedup.shelf import Again, Looked, packed, unpacked
from dedup.testimony import is_clear
from dedup.types import (
    Article,
    Cleaned,
    Cluster,
    Document,
    Encoding,
    Failure,
    Keep,
    Media,
    Page,
    Pairs,
    Paragraph,
    Source,
    UniqueArticle,
)

if TYPE_CHECKING:
    from dedup.columns import Paragraphs

__all__ = ["clean", "clean_many", "clean_traced", "cluster", "learn", "traces", "unique"]

Result = TypeVar("Result")

_DEFAULTS = Settings()


class TooManyBlocksError(DecodeError):
    """A page in so many pieces that it is none."""

    def __init__(self, blocks: int, limit: int) -> None:
        """Say how many there are."""
        told = f"it has {blocks:,} paragraphs and lines, and no page has more than {limit:,}"
        super().__init__("too_many_blocks", f"{told}; split it, or raise html.max_blocks")


def clean(
    content: bytes | str,
    url: str | None = None,
    outlet: str | None = None,
    *,
    profiles: Profiles = NOTHING,
    settings: Settings = _DEFAULTS,
) -> list[Article]:
    """The articles of one page of HTML or flat text, as bytes or already decoded.

    One article for a page, several for a digest; `text` is empty where the page has none. Raises
    `dedup.DecodeError` for bytes that are no text.
    """
    return list(_articles_of(_handed(content, url, outlet, settings), profiles, settings))


def clean_traced(
    content: bytes | str,
    url: str | None = None,
    outlet: str | None = None,
    *,
    profiles: Profiles = NOTHING,
    settings: Settings = _DEFAULTS,
) -> tuple[list[Article], Trace | None]:
    """As `clean`, and what the profile of the page's outlet needs of it, None if no outlet is known."""
    page = _handed(content, url, outlet, settings)
    articles = _articles_of(page, profiles, settings)
    kept = {(judged.block.start, judged.block.end) for one in articles for judged in one.paragraphs}
    chances = np.array([float((block.start, block.end) in kept) for block in page.blocks])
    return list(articles), trace(page, settings.outlet, chances)


def outlet_name(source: Source, settings: Settings = _DEFAULTS) -> str | None:
    """The outlet that cleaning will find; the page is read only where nothing beside it tells."""
    if source.outlet or source.url:
        return source.outlet or outlet_of(source.url) or source.folder
    try:
        return _page(source, settings).document.outlet
    except MemoryError:
        raise
    except Exception:  # cleaning will say what is wrong with it
        return source.folder


def cluster(articles: Iterable[Article] | Paragraphs, *, settings: Settings = _DEFAULTS) -> list[Cluster]:
    """The clusters of near-duplicate paragraphs of articles, or of paragraphs as they are, largest first."""
    # What compares takes a second to load, and cleaning needs none of it.
    from dedup import clustering, columns, facts  # noqa: PLC0415

    paragraphs: Sequence[Paragraph]
    if isinstance(articles, columns.Paragraphs):
        paragraphs = articles
    else:
        paragraphs = [
            Paragraph(article.id, index, article.outlet, judged.block.text, article.published)
            for article in articles
            for index, judged in enumerate(article.paragraphs)
        ]
    return list(facts.mark_changed_facts(clustering.cluster(paragraphs, settings.cluster).clusters))


def unique(
    articles: Sequence[Article],
    clusters: Iterable[Cluster],
    *,
    keep: Keep = Keep.EARLIEST,
    settings: Settings = _DEFAULTS,
) -> list[UniqueArticle]:
    """The articles in input order, each paragraph that stands in another article with a reference to it.

    `clusters` are those of `cluster` for the same articles and settings; `keep` says which copy stays.
    """
    from dedup import compare, repeats, verify  # noqa: PLC0415

    def similarity(left: str, right: str) -> float:
        texts = compare.encode([left, right])
        pair = Pairs(np.array([0]), np.array([1]))
        return float(verify.jaccard(verify.overlaps(texts, pair, settings.cluster.shingle))[0])

    return repeats.unique(
        articles, clusters, similarity=similarity, threshold=settings.cluster.threshold, keep=keep
    )


def check_models(settings: Settings) -> None:
    """Raises `ModelError` where models of one's own do not load."""
    for model in Model:
        load(model, settings.judge)


def model_digest(settings: Settings) -> str:
    """Tells models apart."""
    return digest(settings.judge)


def traced(source: Source, *, settings: Settings) -> Trace | None:
    """What the profile of the page's outlet needs of it, by a quick look; None if it has no say."""
    try:
        page = _page(source, settings)
        chances = _quick(page, settings) if source.media is Media.HTML else None
        return trace(page, settings.outlet, chances)
    except MemoryError:  # the worker says so, and is replaced
        raise
    except Exception:  # cleaning will say what is wrong with it
        return None


def looked(
    source: Source, *, then: Callable[[Cleaned], Result] | None, profiles: Profiles, settings: Settings
) -> Looked | Ready[Result] | None:
    """As `traced`, with the page; of one whose outlet `profiles` covers `then` of the articles, if given."""
    try:
        page = _page(source, settings)
        own = trace(page, settings.outlet) if page.document.outlet in profiles.outlets else None
        if own is None or not is_covered(profiles, own, settings.outlet):
            chances = _quick(page, settings) if source.media is Media.HTML else None
            return Looked(trace(page, settings.outlet, chances), packed(source, page, chances))
        if then:
            return Ready(source.name, then(Cleaned(source.name, _articles_of(page, profiles, settings, own))))
        return Looked(None, packed(source, page, None))
    except MemoryError:
        raise
    except Exception:
        return None


def cleaned(
    source: Source, *, then: Callable[[Cleaned], Result], profiles: Profiles, settings: Settings
) -> Result:
    """`then` of the articles of a source, or of what is wrong with it."""
    return then(_cleaned(source, profiles, settings))


def _quick(page: Page, settings: Settings) -> NDArray[np.float64]:
    """How likely the blocks of an HTML page are content by the page alone."""
    return score(load(Model.QUICK, settings.judge), page, (), settings.judge)


def _cleaned(source: Source, profiles: Profiles, settings: Settings) -> Cleaned:
    try:
        return Cleaned(source.name, _read(source, profiles, settings))
    except DecodeError as error:
        return Cleaned(source.name, (), Failure(source.name, error.error, str(error)))
    except MemoryError:
        raise
    except Exception as error:  # one page must not end the run
        says = (
            f"this page broke the cleaner ({type(error).__name__}: {error}); please report it with the page"
        )
        return Cleaned(source.name, (), Failure(source.name, "internal", says))


def _read(source: Source, profiles: Profiles, settings: Settings) -> tuple[Article, ...]:
    """The articles of a source; what its first look found is not looked for again."""
    if not isinstance(source, Again) or (found := unpacked(source)) is None:
        return _articles_of(_page(source, settings), profiles, settings)
    page, chances = found
    text, _ = _decoded(source, settings)
    page = replace(page, document=replace(page.document, text=text))
    return _articles_of(page, profiles, settings, source.look.trace, chances)


def _articles_of(
    page: Page,
    profiles: Profiles,
    settings: Settings,
    own: Trace | None = None,
    quick: NDArray[np.float64] | None = None,
) -> tuple[Article, ...]:
    """`own` and `quick` are the page's trace and what `_quick` says of it, where that is known."""
    parts = split_digest(page)
    if len(parts) > 1:
        own = quick = None
    return tuple(
        _article(part, ordinal, profiles, settings, own, quick) for ordinal, part in enumerate(parts)
    )


def _article(
    page: Page,
    ordinal: int,
    profiles: Profiles,
    settings: Settings,
    own: Trace | None,
    quick: NDArray[np.float64] | None,
) -> Article:
    """Judge by what is enough for it: the places the outlet is known for, the page alone, all witnesses."""
    profiled = page.document.outlet in profiles.outlets
    own = own or (trace(page, settings.outlet) if profiled else None)
    known = recurrences(profiles, own, settings.outlet) if profiled else ()
    source, titles = "forest", np.zeros(0)
    if page.document.media is Media.TEXT:
        forest = load(Model.FLAT, settings.judge)
        reading = read_page(forest, page)
        chances = score(forest, page, known, settings.judge, reading)
        titles = title_score(load(Model.TITLE, settings.judge), page, known, reading)
    elif (placed := by_places(page, known, settings.outlet)) is not None:
        chances, source = placed, "place"
    else:
        reading = None
        if quick is None:
            forest = load(Model.QUICK, settings.judge)
            reading = read_page(forest, page)
            quick = score(forest, page, (), settings.judge, reading)
        chances = quick
        if not is_clear(page, chances, known, settings.judge):
            page = heard(page, settings.html)
            forest = load(Model.HTML, settings.judge)
            chances = score(forest, page, known, settings.judge, reading, first=quick)
    return assemble(page, judge(page, chances, known, settings.judge, source, titles), ordinal)


def _handed(content: bytes | str, url: str | None, outlet: str | None, settings: Settings) -> Page:
    name = url or "-"
    return _page(Source(name, name, content, media_of(content), url=url, outlet=outlet), settings)


def _page(source: Source, settings: Settings) -> Page:
    """Decode and segment. The outlet is the record's, else by URL or canonical link, else the folder."""
    text, encoding = _decoded(source, settings)
    document = Document(
        source=source.name,
        key=source.key,
        text=text,
        media=source.media,
        encoding=encoding,
        url=source.url,
        published=source.published,
    )
    html = source.media is Media.HTML
    page = segment_html(document, settings.html) if html else segment_text(document)
    if len(page.blocks) > settings.html.max_blocks:
        raise TooManyBlocksError(len(page.blocks), settings.html.max_blocks)
    address = source.url or page.metadata.url
    outlet = source.outlet or (outlet_of(address) if address else None) or source.folder
    return unglue(replace(page, document=replace(document, outlet=outlet)))


def _decoded(source: Source, settings: Settings) -> tuple[str, Encoding]:
    html = source.media is Media.HTML
    return decode(source.content, source.declared_encoding, html=html, settings=settings.read)
