"""datatrove: a step that cleans documents and one that marks what was seen before.

    pipeline = [
        JsonlReader("raw/", text_key="html"),
        DedupClean(),
        DedupMark("news.index"),
        JsonlWriter("out/"),
    ]

Workers of one machine may share an index file; workers of several need `redis://`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dedup.adapters.records import fields_of, mark_of, missing, page_of
from dedup.index import Index, record
from dedup.pipeline import clean_many
from dedup.settings import Settings
from dedup.types import Failure

try:
    from datatrove.data import Document
    from datatrove.pipeline.base import PipelineStep
except ImportError as error:
    raise missing("datatrove", "datatrove") from error


class DedupClean(PipelineStep):  # type: ignore[misc]
    """Turns the pages in `text` into articles, one document each; `metadata` gets their fields.

    The address and the outlet are `metadata["url"]` and `metadata["outlet"]`. A page without article
    text is dropped and counted, one that cannot be read too.
    """

    name = "dedup clean"
    type = "news"

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self._settings = settings or Settings()

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:  # noqa: ARG002
        """Documents of pages in, documents of articles out."""
        for document in data or ():
            with self.track_time():
                page = page_of({**document.metadata, "html": document.text}, document.id)
                (cleaned,) = clean_many([page], settings=self._settings)
            if isinstance(cleaned.failure, Failure):
                self.stat_update(f"dropped_{cleaned.failure.error}")
            for article in cleaned.articles:
                if not article.text:
                    self.stat_update("dropped_no_text")
                    continue
                self.stat_update("forwarded")
                fields = fields_of(article)
                text = fields.pop("text") or ""
                identity = fields.pop("id") or document.id
                yield Document(text=text, id=identity, metadata={**document.metadata, **fields})


class DedupMark(PipelineStep):  # type: ignore[misc]
    """Puts documents into an index; `metadata["dedup"]` says what was known of each before.

    Every line of `text` is a paragraph. With `drop_share`, documents of which so much was known
    (0 to 1) are dropped.
    """

    name = "dedup mark"
    type = "news"

    def __init__(self, place: str, drop_share: float | None = None, batch: int = 500) -> None:
        super().__init__()
        self._place, self._drop, self._batch = place, drop_share, batch

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:  # noqa: ARG002
        """Documents in, marked documents out."""
        with Index(self._place) as index:
            waiting: list[Any] = []
            for document in data or ():
                waiting.append(document)
                if len(waiting) >= self._batch:
                    yield from self._marked(index, waiting)
                    waiting = []
            yield from self._marked(index, waiting)

    def _marked(self, index: Index, documents: list[Any]) -> Iterator[Any]:
        with self.track_time("batch"):
            articles = [
                replace(record(one.id, *_lines(one.text)), outlet=one.metadata.get("outlet"))
                for one in documents
            ]
            answers = list(index.add_many(articles, replace=True))
        for document, answer in zip(documents, answers, strict=True):
            if self._drop is not None and answer.share >= self._drop:
                self.stat_update("dropped_seen")
                continue
            self.stat_update("forwarded")
            document.metadata["dedup"] = mark_of(answer)
            yield document


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]
