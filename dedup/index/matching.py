"""From articles to matches: what a store has of their paragraphs, and what it should be given.

    paragraphs -> distinct comparison texts -> keys -> candidate texts -> true Jaccard -> matches

The stages and their numbers are those of `clustering`, and articles looked up together are answered
as if they had come one after the other. So an index fed one article at a time finds the links that
one run over all articles finds; only keys that more than `bucket` texts have differ, where neither
pairs all with all.

Clusters differ in one point, because nobody knows what will come: a text joins the cluster whose
first text it is most like, or begins one of its own, and that stays so. Every member is at or above
the threshold to the first, as in a batch; but a batch makes its most linked text the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from dedup import band, compare, sign, verify
from dedup.facts import changes
from dedup.index.store import Additions, Standing, Store, StoredArticle, StoredText
from dedup.settings import ClusterSettings
from dedup.types import Answer, Article, CodePoints, Match, Pairs, Relation

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Tells the bands' keys apart, and those of whole texts from both.
_GOLDEN = 0x9E3779B9
_UPPER = np.uint64(0xFFFFFFFF00000000)
# Characters from which it repays to fold by table, which takes 4 ms to lay out.
_TABLE = 200_000


@dataclass(frozen=True, slots=True)
class Means:
    """How texts are compared: the settings and what follows from them, made once for an index."""

    settings: ClusterSettings
    bands: int
    rows: int
    factors: tuple[NDArray[np.uint32], NDArray[np.uint32]]
    salts: NDArray[np.uint64]
    least: int
    compiled: bool = False

    def signatures(self, texts: CodePoints, rows: NDArray[np.int64]) -> NDArray[np.uint32]:
        """The signatures of some texts."""
        size = self.bands * self.rows
        return sign.signatures(
            texts, self.settings, size, rows=rows, factors=self.factors, compiled=self.compiled
        )


def means(settings: ClusterSettings) -> Means:
    """What comparing with these settings takes."""
    bands, rows = band.choose_bands(settings)
    size = bands * rows
    least = band.least_agreement(size, settings)
    salts = (np.arange(1, bands + 1) * _GOLDEN & 0xFFFFFFFF).astype(np.uint64) << np.uint64(32)
    return Means(settings, bands, rows, sign.factors_of(settings, size), salts, least)


@dataclass(frozen=True, slots=True)
class Asked:
    """Articles as they are looked up: their distinct texts in order, and the keys of these.

    `paragraphs` has for each article its words and the numbers of their texts, from 0, -1 for a
    paragraph without comparison text. Key `keys[i]` is one of text `owners[i]`; they are sorted.
    """

    articles: Sequence[Article]
    paragraphs: tuple[tuple[tuple[str, int], ...], ...]
    words: tuple[str, ...]
    folded: tuple[str, ...]
    codes: CodePoints
    owners: NDArray[np.int64]
    keys: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Terms:
    """How an answer is wanted: from when on, how many matches a paragraph, with changed facts or not."""

    since: int = 0
    limit: int | None = None
    facts: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The answers, what to add to the store, and the articles that have the same ids but other texts."""

    answers: list[Answer]
    additions: Additions
    conflicts: list[StoredArticle]


def ask(articles: Sequence[Article], means: Means) -> Asked:
    """Prepare articles; it needs no store and takes most of the time."""
    raw = [[judged.block.text for judged in article.paragraphs] for article in articles]
    flat = [text for texts in raw for text in texts]
    folded, encoded = fold(flat, means)
    number: dict[str, int] = {}
    first: list[int] = []
    which = []
    for i, text in enumerate(folded):
        if text and text not in number:
            number[text] = len(first)
            first.append(i)
        which.append(number.get(text, -1))
    numbers = iter(which)
    codes = CodePoints(encoded.codes, encoded.starts[first], encoded.lengths[first])
    owners, keys = keys_of(codes, means)
    return Asked(
        articles,
        tuple(tuple(zip(texts, numbers, strict=False)) for texts in raw),
        tuple(flat[i] for i in first),
        tuple(number),
        codes,
        owners,
        keys,
    )


def fold(texts: Sequence[str], means: Means) -> tuple[list[str], CodePoints]:
    """The comparison texts, also as code points; compiled code is for many."""
    if not texts:
        return [], CodePoints(np.empty(0, np.uint32), np.empty(0, np.int64), np.empty(0, np.int64))
    if means.compiled and sum(map(len, texts)) >= _TABLE:
        encoded = compare.encode(texts, compiled=True)
        return [compare.decode(encoded, i) for i in range(len(texts))], encoded
    folded = list(map(compare.comparison_text, texts))
    return folded, compare.code_points(folded)


def keys_of(texts: CodePoints, means: Means) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Whose keys there are and the keys, sorted: one of the whole text, and one a band if it is long.

    Keys are 32 bits: at a million paragraphs one in 250 leads to a text that it is not of, which
    then fails verification.
    """
    bands, rows, compiled = means.bands, means.rows, means.compiled
    whole = sign.text_hashes(texts, compiled=compiled)
    long = np.flatnonzero(texts.lengths >= means.settings.min_characters)
    banded = band.band_keys(means.signatures(texts, long), bands, rows, compiled=compiled)
    banded ^= means.salts[:, None]
    # A key is the upper half of a hash; its text takes the lower.
    words = np.concatenate([whole, banded.ravel()])
    words &= _UPPER
    words[: whole.size] |= np.arange(whole.size, dtype=np.uint64)
    words[whole.size :].reshape(banded.shape)[:] |= long.astype(np.uint64)
    words.sort()
    return (words & ~_UPPER).astype(np.int64), (words >> np.uint64(32)).astype(np.uint32)


def groups(keys: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Of sorted keys each once, and which of them each is."""
    first = np.ones(keys.size, bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return keys[first], np.cumsum(first) - 1


def look(store: Store, asked: Asked, means: Means, terms: Terms, seen: int | None) -> Found:
    """Answer for every article as if those before it had been added at `seen`; within a transaction.

    Without a time nothing is to be added.
    """
    wanted, which = groups(asked.keys)
    counts, postings = store.lookup(wanted, compiled=means.compiled)
    pairs = _candidates(asked, which, counts, postings) if postings.size else []
    stored = store.texts(sorted({known for _, known in pairs}))
    # Stored texts in the same words as one asked for need not be folded and signed again.
    text_of = {words: text for text, words in enumerate(asked.words)}
    verbatim = {known: text_of[one.words] for known, one in stored.items() if one.words in text_of}
    rest = [known for known in stored if known not in verbatim]
    refolded, others = fold([stored[known].words for known in rest], means)
    folded = {known: asked.folded[text] for known, text in verbatim.items()}
    folded |= zip(rest, refolded, strict=True)
    number: dict[int, int] = {}
    for text, candidate in pairs:
        if folded.get(candidate) == asked.folded[text]:
            number.setdefault(text, candidate)
    next_text, next_article = store.next_numbers()
    fresh = [text for text in range(len(asked.words)) if text not in number]
    number |= {text: next_text + place for place, text in enumerate(fresh)}
    within = _pairs_within(asked, means.settings.bucket) if wanted.size < asked.keys.size else []
    alike = _neighbours(asked, rest, others, verbatim, pairs, within, number, means)
    folded |= {number[text]: asked.folded[text] for text in fresh}
    new_texts = _clustered({number[text]: asked.words[text] for text in fresh}, stored, folded, alike)
    limit = None if terms.limit is None else terms.limit + 1  # one may stand in the same article
    involved = {*number.values(), *(other for near in alike.values() for other in near)} & stored.keys()
    teller = _Teller(
        {**stored, **new_texts},
        folded,
        alike,
        store.standings(involved, terms.since, limit),
        terms,
    )
    answers: list[Answer] = []
    new: list[StoredArticle] = []
    conflicts: list[StoredArticle] = []
    known = store.articles([well_formed(article.id) for article in asked.articles])
    for article, paragraphs in zip(asked.articles, asked.paragraphs, strict=True):
        numbers = tuple(number[text] if text >= 0 else 0 for _, text in paragraphs)
        identity = well_formed(article.id)
        before = known.get(identity)
        here = StoredArticle(
            next_article + len(new),
            identity,
            _or_none(article.outlet),
            _or_none(article.published),
            seen or 0,
            numbers,
        )
        same = before is not None and before.texts == numbers
        answers.append(
            teller.answer(
                here, [words for words, _ in paragraphs], moment(before.seen) if before and same else None
            )
        )
        if same or not paragraphs:
            continue
        if before is not None:
            conflicts.append(before)
        if len(asked.articles) > 1:
            teller.remember(here)
        new.append(here)
    if seen is None:
        return Found(answers, Additions({}, np.empty(0, np.uint64), []), [])
    added = _postings(asked, number, fresh, counts[which], means.settings)
    return Found(answers, Additions(new_texts, added, new), conflicts)


def _candidates(
    asked: Asked, which: NDArray[np.int64], counts: NDArray[np.int64], postings: NDArray[np.int64]
) -> list[tuple[int, int]]:
    """Pairs of a text asked for and the number of a stored text that have a key in common."""
    at, reached = each_of(counts, which)
    packed = asked.owners[at].astype(np.uint64) << np.uint64(32) | postings[reached].astype(np.uint64)
    reach = band.unpack(packed)
    return list(zip(reach.left.tolist(), reach.right.tolist(), strict=True))


def each_of(
    counts: NDArray[np.int64], which: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For groups of `counts` that stand end to end: pairs of a place in `which` and a member of its group.

    >>> at, members = each_of(np.array([2, 0, 1]), np.array([2, 0]))
    >>> at.tolist(), members.tolist()
    ([0, 1, 1], [2, 0, 1])
    """
    starts = np.cumsum(counts) - counts
    sizes = counts[which]
    at = np.repeat(np.arange(which.size), sizes)
    within = np.arange(at.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return at, starts[which][at] + within


def well_formed(text: str) -> str:
    """The text with lone surrogates as escapes: names are kept in UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def moment(seconds: int) -> datetime:
    """Seconds since 1970 as a time."""
    return datetime.fromtimestamp(seconds, UTC)


def _or_none(text: str | None) -> str | None:
    return None if text is None else well_formed(text)


def _neighbours(
    asked: Asked,
    stored: Sequence[int],
    others: CodePoints,
    same: Mapping[int, int],
    pairs: Sequence[tuple[int, int]],
    within: Sequence[Sequence[int]],
    number: Mapping[int, int],
    means: Means,
) -> dict[int, dict[int, float]]:
    """For every text number asked for, the texts that are near it and their similarity, both ways.

    `stored` are the numbers of stored texts and `others` these texts; those of `same` are texts asked for.
    `pairs` are candidates (text asked for, number of a stored text), `within` those among texts asked for.
    """
    settings = means.settings
    place = {one: len(asked.words) + i for i, one in enumerate(stored)} | dict(same)
    candidates = [(text, place[other]) for text, other in pairs if other in place and number[text] != other]
    if not candidates and not within:
        return {}
    both = np.array([*candidates, *within], np.int64)
    every = CodePoints(
        np.concatenate([asked.codes.codes, others.codes]),
        np.concatenate([asked.codes.starts, others.starts + asked.codes.codes.size]),
        np.concatenate([asked.codes.lengths, others.lengths]),
    )
    both = both[(every.lengths[both] >= settings.min_characters).all(axis=1)]
    if not both.size:
        return {}
    pairs_of = Pairs(both[:, 0], both[:, 1])
    overlaps = verify.overlaps(every, pairs_of, settings.shingle, compiled=means.compiled)
    similarity = verify.jaccard(overlaps)
    near = np.flatnonzero(similarity >= settings.threshold)
    near = near[_agree(every, Pairs(both[near, 0], both[near, 1]), means)]
    alike: dict[int, dict[int, float]] = defaultdict(dict)
    numbers = [*(number[text] for text in range(len(asked.words))), *stored]
    for (left, right), value in zip(both[near].tolist(), similarity[near].tolist(), strict=True):
        one, other = numbers[left], numbers[right]
        if one != other:
            alike[one][other] = alike[other][one] = value
    return alike


def _agree(texts: CodePoints, pairs: Pairs, means: Means) -> NDArray[np.bool_]:
    """Whether the signatures of verified pairs agree as much as a batch asks before it verifies a pair.

    One in a thousand pairs exactly at the threshold does not.
    """
    involved, which = np.unique(np.stack([pairs.left, pairs.right]), return_inverse=True)
    left, right = which.reshape(2, -1)
    lowest = means.signatures(texts, involved).astype(np.uint8)
    agreeing = sign.agreements(lowest, Pairs(left, right), compiled=means.compiled)
    return agreeing >= means.least


def _pairs_within(asked: Asked, bucket: int) -> list[list[int]]:
    """Pairs of texts asked for together that have a key in common."""
    keys, owners = asked.keys, asked.owners
    found = []
    for distance in range(1, min(bucket, keys.size)):
        same = np.flatnonzero(keys[distance:] == keys[:-distance])
        if not same.size:
            break
        found.append(np.stack([owners[same], owners[same + distance]], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0) if found else np.empty((0, 2), np.int64)
    return pairs[pairs[:, 0] != pairs[:, 1]].tolist()  # type: ignore[no-any-return]


def _clustered(
    fresh: Mapping[int, str],
    stored: Mapping[int, StoredText],
    folded: Mapping[int, str],
    alike: Mapping[int, Mapping[int, float]],
) -> dict[int, StoredText]:
    """New texts by number, with clusters: each joins that of the most similar before it that began one."""
    texts: dict[int, StoredText] = {}
    for number, words in fresh.items():
        near = alike.get(number)
        if not near:
            texts[number] = StoredText(words, "")
            continue
        began = [one for one in near if one in texts or one in stored]
        began = [one for one in began if not (texts.get(one) or stored[one]).cluster]
        first = max(began, key=lambda one: (near[one], -one), default=None)
        texts[number] = StoredText(words, "" if first is None else _digest(folded[first]))
    return texts


def _postings(
    asked: Asked,
    number: Mapping[int, int],
    fresh: Sequence[int],
    held: NDArray[np.int64],
    settings: ClusterSettings,
) -> NDArray[np.uint64]:
    """The postings of the new texts. A key takes no more texts than `bucket`, those `held` included."""
    new = np.zeros(len(asked.words), np.uint64)
    new[fresh] = [number[text] for text in fresh]
    texts = new[asked.owners]
    words = asked.keys.astype(np.uint64) << np.uint64(32) | texts  # sorted, for numbers rise with the texts
    chosen = np.flatnonzero(texts)
    words, keys, held = words[chosen], asked.keys[chosen], held[chosen]
    if held.max(initial=0) + len(fresh) <= settings.bucket:
        return words
    places = np.arange(keys.size)
    # For every posting the place of the first with its key; there is none before the first of all.
    firsts = np.maximum.accumulate(np.where(np.append(False, keys[1:] == keys[:-1])[: keys.size], 0, places))
    return words[held + places - firsts < settings.bucket]


class _Teller:
    """Tells what is known of articles, one after the other."""

    def __init__(
        self,
        texts: Mapping[int, StoredText],
        folded: Mapping[int, str],
        alike: Mapping[int, Mapping[int, float]],
        standings: Mapping[int, list[Standing]],
        terms: Terms,
    ) -> None:
        """`texts` say their clusters, `standings` where the texts stand in the store."""
        self._texts, self._folded, self._alike, self._terms = texts, folded, alike, terms
        self._standings = defaultdict(list, {number: list(known) for number, known in standings.items()})

    def answer(self, article: StoredArticle, words: Sequence[str], first_seen: datetime | None) -> Answer:
        """The matches in articles told before, and in earlier paragraphs of this one."""
        known = total = 0
        told = []
        own: dict[int, list[int]] = defaultdict(list)
        for place, (number, text) in enumerate(zip(article.texts, words, strict=True)):
            size = len(self._folded.get(number, ""))
            total += size
            matches: tuple[Match, ...] = ()
            if number and (number in self._standings or number in own or number in self._alike):
                matches = tuple(self._matches(number, text, article, own))
                known += size * any(match.article != article.id for match in matches)
            told.append(matches)
            own[number].append(place)
        return Answer(article.id, first_seen, known / total if total else 0.0, tuple(told))

    def remember(self, article: StoredArticle) -> None:
        """From now on this article is known."""
        for place, number in enumerate(article.texts):
            self._standings[number].append(_standing(article, place))

    def _matches(
        self, number: int, words: str, article: StoredArticle, own: Mapping[int, list[int]]
    ) -> Iterator[Match]:
        near = self._alike.get(number, {})
        limit = self._terms.limit
        for other in [number, *sorted(near, key=lambda one: (-near[one], one))]:
            before = [one for one in self._standings.get(other, ()) if one.article != article.id]
            places = [*before, *(_standing(article, place) for place in own.get(other, ()))][:limit]
            if not places:
                continue
            limit = None if limit is None else limit - len(places)
            text = self._texts[other]
            cluster = text.cluster or _digest(self._folded[other])
            similarity = near.get(other, 1.0)
            kind = self._kind(text.words, words) if other != number else Relation.EXACT
            for one in places:
                seen = moment(one.seen)
                yield Match(cluster, one.article, one.place, one.outlet, similarity, kind, seen, text.words)

    def _kind(self, theirs: str, ours: str) -> Relation:
        return Relation.CHANGED_FACTS if self._terms.facts and changes(theirs, ours) else Relation.NEAR


def _standing(article: StoredArticle, place: int) -> Standing:
    return Standing(article.id, place, article.outlet, article.seen)


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
