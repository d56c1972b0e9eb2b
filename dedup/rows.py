"""Articles as rows: the JSON objects that the commands write, and article rows read back.

The order of the fields is part of the format. Spans are character offsets into the decoded source.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from dedup.types import (
    Article,
    Block,
    Encoding,
    Evidence,
    Failure,
    JudgedBlock,
    Kind,
    Reason,
    Reference,
    UniqueArticle,
    Verdict,
)

Row = dict[str, Any]
Choice = TypeVar("Choice", bound=StrEnum)


def article_row(article: Article) -> Row:
    """One line of `articles.jsonl`.

    `text` is the texts of `paragraphs` joined by newlines. The title is a kept block but no paragraph:
    `title_span` is where it stood in the visible text, null where only the page's metadata had it.
    """
    headline = article.headline.block if article.headline else None
    return {
        "id": article.id,
        "source": article.source,
        "article": article.ordinal,
        "url": article.url,
        "outlet": article.outlet,
        "title": article.title,
        "published": article.published,
        "author": article.author,
        "agency": article.agency,
        "language": article.language,
        "encoding": article.encoding.name,
        "text": article.text,
        "paragraphs": [_paragraph_row(paragraph) for paragraph in article.paragraphs],
        "stripped": [_stripped_row(block) for block in article.stripped],
        "original_title": article.original_title,
        "title_span": [headline.start, headline.end] if headline else None,
        "encoding_found_by": article.encoding.found_by,
    }


def unique_row(unique: UniqueArticle) -> Row:
    """One line of `unique.jsonl`: the article row, each repeated paragraph replaced by its reference.

    A reference is `{same_as: {article, paragraph}, similarity, start, end}`; `text` has only the
    paragraphs that stay.
    """
    article = unique.article
    pairs = list(zip(article.paragraphs, unique.same_as, strict=True))
    row = article_row(article)
    row["text"] = "\n".join(paragraph.block.text for paragraph, same_as in pairs if same_as is None)
    row["paragraphs"] = [
        _paragraph_row(paragraph) if same_as is None else _reference_row(paragraph, same_as)
        for paragraph, same_as in pairs
    ]
    return row


def failure_row(failure: Failure) -> Row:
    """One line of the error report."""
    return {"source": failure.source, "error": failure.error, "message": failure.message}


def _paragraph_row(paragraph: JudgedBlock) -> Row:
    block, kind = paragraph.block, paragraph.verdict.kind
    return {
        "text": block.text,
        "kind": None if kind is None else kind.value,
        "start": block.start,
        "end": block.end,
    }


def _stripped_row(stripped: JudgedBlock) -> Row:
    block, reason = stripped.block, stripped.verdict.reason
    return {
        "text": block.text,
        "reason": None if reason is None else reason.value,
        "evidence": [
            {"witness": evidence.witness, "says": evidence.says, "vote": evidence.vote}
            for evidence in stripped.verdict.evidence
        ],
        "start": block.start,
        "end": block.end,
    }


def _reference_row(paragraph: JudgedBlock, same_as: Reference) -> Row:
    return {
        "same_as": {"article": same_as.article, "paragraph": same_as.paragraph},
        "similarity": same_as.similarity,
        "start": paragraph.block.start,
        "end": paragraph.block.end,
    }


def read_articles(lines: Iterable[bytes], name: str) -> Iterator[Article | Failure]:
    """Articles from lines of JSON, in order, and a `Failure` for each line that is no article.

    A line is a row of `article_row` (or of `unique_row`: references are left out), or any record with
    `id` and `text`, where every line of `text` that is not blank is a paragraph. `name` is what the
    user calls the input; failures are named `name#3` for line 3. Blank lines are passed over. An id
    that an earlier line has is a failure, because nothing could tell their paragraphs apart.
    """
    lines_of: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        source = f"{name}#{number}"
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            if text:
                article = article_of(json.loads(text), source)
                first = lines_of.setdefault(article.id, number)
                if first < number:
                    says = f"the id {article.id} is that of line {first}: give each record its own"
                    yield Failure(source, "duplicate_id", says)
                else:
                    yield article
        except UnicodeDecodeError:
            yield Failure(source, "not_utf8", "the line is not UTF-8: JSONL must be; convert the file")
        except (json.JSONDecodeError, RecursionError):
            says = "the line is not JSON: each must be {...} with `id` and `text`; pages go to `dedup clean`"
            yield Failure(source, "not_json", says)
        except ValueError as error:
            yield Failure(source, "bad_record", str(error))


def article_of(row: Any, source: str = "-") -> Article:
    r"""The article that a row stands for; `ValueError` says what is wrong with one that is none.

    >>> article_of({"id": 7, "text": "One.\n\nTwo."}).paragraphs[1].block.start
    6
    """
    if not isinstance(row, Mapping):
        raise ValueError("the line is JSON but no object: each line must be {...} with `id` and `text`")
    identity = row.get("id")
    if isinstance(identity, int) and not isinstance(identity, bool):
        identity = str(identity)
    if not isinstance(identity, str) or not identity:
        raise ValueError("`id` is missing or no text or whole number: give each record its own")
    text = _text(row, "text")
    if text is None:
        raise ValueError("`text` is missing: each record needs its text")
    if "paragraphs" in row:
        paragraphs = tuple(_paragraph(item) for item in _objects(row, "paragraphs") if "same_as" not in item)
    else:
        paragraphs = tuple(_lines(text))
    title = _text(row, "title")
    return Article(
        id=identity,
        source=_text(row, "source") or source,
        ordinal=_number(row, "article"),
        url=_text(row, "url"),
        outlet=_text(row, "outlet"),
        title=title,
        published=_text(row, "published"),
        author=_text(row, "author"),
        agency=_text(row, "agency"),
        original_title=_text(row, "original_title"),
        language=_text(row, "language"),
        encoding=Encoding(_text(row, "encoding") or "utf-8", _text(row, "encoding_found_by") or "record"),
        text=text,
        headline=_headline(title or "", _list(row, "title_span")),
        paragraphs=paragraphs,
        stripped=tuple(_stripped(item) for item in _objects(row, "stripped")),
    )


def _lines(text: str) -> Iterator[JudgedBlock]:
    """Every line that is not blank as a paragraph, with its span of `text` and its line number."""
    start = 0
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.strip()
        if words:
            begin = start + line.index(words)
            block = Block(words, begin, begin + len(words), number)
            yield JudgedBlock(block, Verdict(Kind.PARAGRAPH, None))
        start += len(line) + 1


def _paragraph(item: Mapping[str, Any]) -> JudgedBlock:
    return _judged(item, Verdict(_choice(item, "kind", Kind.PARAGRAPH), None))


def _stripped(item: Mapping[str, Any]) -> JudgedBlock:
    evidence = tuple(
        Evidence(_text(one, "witness") or "", _text(one, "says") or "", _number(one, "vote"))
        for one in _objects(item, "evidence")
    )
    return _judged(item, Verdict(None, _choice(item, "reason", Reason.BOILERPLATE), evidence))


def _headline(title: str, span: list[Any]) -> JudgedBlock | None:
    match span:
        case []:
            return None
        case [int(start), int(end)]:
            return JudgedBlock(Block(title, start, end, line=0), Verdict(Kind.TITLE, None))
    raise ValueError("`title_span` must be two whole numbers or null")


def _judged(item: Mapping[str, Any], verdict: Verdict) -> JudgedBlock:
    """Rows do not say the line a block stood in: 0 is no line."""
    block = Block(_text(item, "text") or "", int(_number(item, "start")), int(_number(item, "end")), line=0)
    return JudgedBlock(block, verdict)


def _text(row: Mapping[str, Any], field: str) -> str | None:
    value = row.get(field)
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f"`{field}` must be text or null, not {json.dumps(value)[:40]}")


def _number(row: Mapping[str, Any], field: str) -> Any:
    value = row.get(field, 0)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    raise ValueError(f"`{field}` must be a number, not {json.dumps(value)[:40]}")


def _choice(row: Mapping[str, Any], field: str, default: Choice) -> Choice:
    value = _text(row, field)
    choices = type(default)
    if value is None or value in [choice.value for choice in choices]:
        return default if value is None else choices(value)
    raise ValueError(f"`{field}` must be one of {', '.join(choices)}, not {json.dumps(value)[:40]}")


def _list(row: Mapping[str, Any], field: str) -> list[Any]:
    value = row.get(field)
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise ValueError(f"`{field}` must be a list, not {json.dumps(value)[:40]}")


def _objects(row: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    items = _list(row, field)
    if all(isinstance(item, Mapping) for item in items):
        return items
    raise ValueError(f"every item of `{field}` must be an object")
