"""The stages joined: bytes to articles, articles to clusters.

decode -> segment -> divide -> score -> judge -> assemble
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

import numpy as np

from dedup.article import assemble
from dedup.decode import DecodeError, decode
from dedup.divide import split_digest, unglue
from dedup.flat import segment_text
from dedup.forest import load, score
from dedup.html import heard, segment_html
from dedup.journal import Entries, Journal
from dedup.judge import judge
from dedup.outlet import NOTHING, Profiles, Trace, by_places, dump, recurrences, trace
from dedup.outlet import learn as learn_profiles
from dedup.read import media_of, outlet_of
from dedup.settings import Settings
from dedup.types import (
    Article,
    Cleaned,
    Cluster,
    Document,
    Failure,
    Keep,
    Media,
    Page,
    Pairs,
    Paragraph,
    Source,
    UniqueArticle,
)
from dedup.workers import Done, each

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


def learn(
    sources: Iterable[Source | Failure],
    *,
    jobs: int = 0,
    profiles: Profiles = NOTHING,
    settings: Settings = _DEFAULTS,
    journal: Journal | None = None,
) -> Profiles:
    """What the pages of each outlet have in common, added to `profiles`: a first, quick look at all sources.

    Give the result to `clean_many`; `jobs` and `journal` are as there. Failures and pages of no known
    outlet say nothing.
    """
    found = traces(sources, jobs=jobs, settings=settings, journal=journal)
    return learn_profiles((one for one in found if one), settings.outlet, profiles)


def traces(
    sources: Iterable[Source | Failure],
    *,
    jobs: int = 0,
    settings: Settings = _DEFAULTS,
    journal: Journal | None = None,
) -> Iterator[Trace | None]:
    """What `learn` takes of each source, in input order; None for failures and pages of no known outlet."""
    _check_models(settings)
    entries = None if journal is None else Entries[Trace | None](journal, Trace | None, *_given(settings))
    return _each(partial(_traced, settings=settings), sources, _untraced, jobs, settings, entries)


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


def clean_many(
    sources: Iterable[Source | Failure],
    *,
    jobs: int = 0,
    profiles: Profiles = NOTHING,
    settings: Settings = _DEFAULTS,
    journal: Journal | None = None,
) -> Iterator[Cleaned]:
    """Clean sources one by one, in input order, in `jobs` worker processes; 0 is in this process.

    Every source gives one `Cleaned`; a failure passes through. Nothing is raised for bad input, but
    `MemoryError` in this process. Only workers hold a page to the time and memory of `settings.worker` and
    survive what kills them. They need what `multiprocessing` needs: a script that asks for them does so
    under `if __name__ == "__main__"`. `profiles` is what `learn` found on the same or earlier pages of
    the outlets. What `journal` has of an earlier run is not done again, and what is done goes there.
    """
    _check_models(settings)
    work = partial(_cleaned, profiles=profiles, settings=settings)
    given = () if journal is None else (*_given(settings), _digest(profiles))
    entries = None if journal is None else Entries[Cleaned](journal, Cleaned, *given)
    return _each(work, sources, _lost, jobs, settings, entries)


def _given(settings: Settings) -> tuple[object, ...]:
    """What the result for a page depends on besides the page."""
    return settings.read, settings.html, settings.judge, settings.outlet


def _digest(profiles: Profiles) -> str:
    made = hashlib.blake2b(digest_size=16)
    for name, profile in sorted(profiles.outlets.items()):
        made.update(dump(Profiles({name: profile}, {})).encode("utf-8", "surrogatepass"))
    return made.hexdigest()


@dataclass(frozen=True, slots=True)
class _Unfinished(Generic[Result]):
    """The result for a page that a limit ended: it is tried again when the run goes on."""

    result: Result


def _each(
    work: Callable[[Source | Failure], Result],
    sources: Iterable[Source | Failure],
    lost: Callable[[Source, str, str], Result],
    jobs: int,
    settings: Settings,
    entries: Entries[Result] | None,
) -> Iterator[Result]:
    """The result for every source, in input order."""
    keys: deque[str | None] = deque()  # of the sources under way; None for what need not be kept

    def items() -> Iterator[Source | Done[Result]]:
        for source in sources:
            key = None if entries is None or isinstance(source, Failure) else entries.key(source)
            known = entries.recall(key) if entries and key else None
            keys.append(key if known is None else None)
            if known is not None:
                yield Done(known[0])
            else:
                yield Done(work(source)) if isinstance(source, Failure) or not jobs else source

    def unfinished(source: Source, error: str, message: str) -> _Unfinished[Result]:
        return _Unfinished(lost(source, error, message))

    for result in each(work, items(), unfinished, jobs=jobs, size=_size, settings=settings.worker):
        key = keys.popleft()
        if isinstance(result, _Unfinished):
            yield result.result
            continue
        if entries and key:
            entries.keep(key, result)
        yield result


def _size(source: Source) -> int:
    return len(source.content)


def _lost(source: Source, error: str, message: str) -> Cleaned:
    return Cleaned(source.name, (), Failure(source.name, error, message))


def _untraced(_source: Source, _error: str, _message: str) -> None:
    return None  # cleaning will say what is wrong with it


def cluster(articles: Iterable[Article], *, settings: Settings = _DEFAULTS) -> list[Cluster]:
    """The clusters of near-duplicate paragraphs of the articles, largest first."""
    # What compares takes a second to load, and cleaning needs none of it.
    from dedup import clustering, facts  # noqa: PLC0415

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


def _check_models(settings: Settings) -> None:
    """Raises `ModelError` before any page: models of one's own that do not load are no fault of a page."""
    if settings.judge.models:
        for media, witness in ((Media.HTML, True), (Media.HTML, False), (Media.TEXT, True)):
            load(media, settings.judge, witness=witness)


def _traced(source: Source | Failure, *, settings: Settings) -> Trace | None:
    if isinstance(source, Failure):
        return None
    try:
        page = _page(source, settings)
        html = page.document.media is Media.HTML
        quick = load(Media.HTML, settings.judge, witness=False) if html else None
        chances = score(quick, page, (), settings.judge) if quick else None
        return trace(page, settings.outlet, chances)
    except MemoryError:  # the worker says so, and is replaced
        raise
    except Exception:  # cleaning will say what is wrong with it
        return None


def _cleaned(source: Source | Failure, *, profiles: Profiles, settings: Settings) -> Cleaned:
    if isinstance(source, Failure):
        return Cleaned(source.source, (), source)
    try:
        return Cleaned(source.name, _clean_source(source, profiles, settings))
    except DecodeError as error:
        return Cleaned(source.name, (), Failure(source.name, error.error, str(error)))
    except MemoryError:
        raise
    except Exception as error:  # one page must not end the run
        says = (
            f"this page broke the cleaner ({type(error).__name__}: {error}); please report it with the page"
        )
        return Cleaned(source.name, (), Failure(source.name, "internal", says))


def _clean_source(source: Source, profiles: Profiles, settings: Settings) -> tuple[Article, ...]:
    return _articles_of(_page(source, settings), profiles, settings)


def _articles_of(page: Page, profiles: Profiles, settings: Settings) -> tuple[Article, ...]:
    parts = split_digest(page)
    return tuple(_article(part, ordinal, profiles, settings) for ordinal, part in enumerate(parts))


def _article(page: Page, ordinal: int, profiles: Profiles, settings: Settings) -> Article:
    """Judge by the places the outlet is known for, where they are enough; else hear all witnesses."""
    profiled = page.document.outlet in profiles.outlets
    known = recurrences(profiles, trace(page, settings.outlet)) if profiled else ()
    html = page.document.media is Media.HTML
    chances = by_places(page, known, settings.outlet) if html else None
    if chances is None:
        page = heard(page, settings.html) if html else page
        chances = score(load(page.document.media, settings.judge), page, known, settings.judge)
    return assemble(page, judge(page, chances, known, settings.judge), ordinal)


def _handed(content: bytes | str, url: str | None, outlet: str | None, settings: Settings) -> Page:
    name = url or "-"
    return _page(Source(name, name, content, media_of(content), url=url, outlet=outlet), settings)


def _page(source: Source, settings: Settings) -> Page:
    """Decode and segment. The outlet is the record's, else by URL or canonical link, else the folder."""
    text, encoding = decode(
        source.content, source.declared_encoding, html=source.media is Media.HTML, settings=settings.read
    )
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
