"""Scrapy: an item pipeline that cleans pages and tells what of them was seen before.

    ITEM_PIPELINES = {"dedup.adapters.scrapy.DedupPipeline": 300}
    DEDUP_INDEX = "news.index"

An item with the page in `html` (and its address in `url`) gets a field `dedup`: a list of articles,
each its fields and, with an index, `known`: what the index knew of it. Nothing is dropped by default.

| setting | meaning | default |
|---|---|---|
| `DEDUP_INDEX` | file or `redis://` URL of the index; without it pages are only cleaned | none |
| `DEDUP_PAGE_FIELD` | field with the page, text or bytes | `html` |
| `DEDUP_URL_FIELD`, `DEDUP_OUTLET_FIELD` | fields with its address and outlet | `url`, `outlet` |
| `DEDUP_FIELD` | field to fill; an Item class must have it | `dedup` |
| `DEDUP_DROP_SHARE` | drop an item of whose text this share or more was seen before (0 to 1) | never |
| `DEDUP_WINDOW_DAYS` | only what was seen within so many days counts for `known` | all |

Pages are cleaned in a thread, so that downloads go on.
"""

from __future__ import annotations

from datetime import timedelta
from threading import Lock
from typing import Any, Self

from dedup.adapters.records import fields_of, missing
from dedup.cleaner import Cleaner
from dedup.decode import DecodeError
from dedup.index import Index
from dedup.index.rows import answer_row

try:
    from itemadapter import ItemAdapter
    from scrapy.exceptions import DropItem
    from scrapy.utils.defer import maybe_deferred_to_future
    from twisted.internet.threads import deferToThread
except ImportError as error:
    raise missing("Scrapy", "scrapy") from error


class DedupPipeline:
    """Cleans the page of every item and asks the index what of it is known."""

    def __init__(self, settings: Any) -> None:
        place = settings.get("DEDUP_INDEX")
        self._index = Index(place) if place else None
        self._cleaner = Cleaner(index=self._index)
        # Two copies of one text that arrive together: the second has to see the first.
        self._one_by_one = Lock()
        self._page = settings.get("DEDUP_PAGE_FIELD", "html")
        self._url = settings.get("DEDUP_URL_FIELD", "url")
        self._outlet = settings.get("DEDUP_OUTLET_FIELD", "outlet")
        self._field = settings.get("DEDUP_FIELD", "dedup")
        drop, days = settings.get("DEDUP_DROP_SHARE"), settings.get("DEDUP_WINDOW_DAYS")
        self._drop = None if drop is None else float(drop)
        self._window = None if days is None else timedelta(days=float(days))

    @classmethod
    def from_crawler(cls, crawler: Any) -> Self:
        """Scrapy makes the pipeline with the crawler's settings."""
        return cls(crawler.settings)

    async def process_item(self, item: Any, spider: Any = None) -> Any:  # noqa: ARG002 - Scrapy gives it
        """Fill the item's field; raise DropItem where that was asked for."""
        record = ItemAdapter(item)
        page = record.get(self._page)
        if page:
            url, outlet = record.get(self._url), record.get(self._outlet)
            record[self._field] = await maybe_deferred_to_future(deferToThread(self._take, page, url, outlet))
            shares = [article["known"]["share"] for article in record[self._field] if "known" in article]
            if self._drop is not None and shares and min(shares) >= self._drop:
                raise DropItem(f"seen before: {url}")
        return item

    def close_spider(self, spider: Any = None) -> None:  # noqa: ARG002 - Scrapy gives it
        """Learn what is still waiting."""
        self._cleaner.flush()
        if self._index is not None:
            self._index.close()

    def _take(self, page: str | bytes, url: str | None, outlet: str | None) -> list[dict[str, Any]]:
        try:
            articles = self._cleaner.clean(page, url, outlet)
        except DecodeError as error:
            return [{"error": error.error, "message": str(error)}]
        told = []
        for article in articles:
            row: dict[str, Any] = fields_of(article)
            if self._index is not None:
                with self._one_by_one:
                    before = self._index.query(article, window=self._window)
                    # An updated page has the same address and other words: its id is of the words.
                    self._index.add(article, replace=True)
                row["known"] = answer_row(before)
            told.append(row)
        return told
