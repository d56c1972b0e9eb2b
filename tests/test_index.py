"""The live index, the same tests on a file and on a real Redis server."""

import itertools
import multiprocessing
import os
import pickle
import random
import shutil
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from servers import free_port, redis_on

from dedup.clustering import cluster
from dedup.index import Index, StoreError, postings, record, tree
from dedup.index.filter import Filter
from dedup.settings import ClusterSettings, Settings
from dedup.types import Paragraph, Relation

WIRE = "The harbour board said on Tuesday that the northern quay would stay closed until the spring tides."
SHORT = "Photo: archive"
JAPANESE = (
    "県は二日、港の北側の岸壁について、春の大潮が過ぎるまで閉鎖を続けると発表した。再開の時期は未定という。"
)
WORDS = [
    "quay",
    "tide",
    "board",
    "ferry",
    "light",
    "storm",
    "rope",
    "crane",
    "ledger",
    "anchor",
    "pilot",
    "gull",
]


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    """The address of a server of our own, on a free port of loopback."""
    port = free_port()
    with redis_on(port, tmp_path_factory.mktemp("redis")):
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture(params=["file", "redis"])
def place(request, tmp_path):
    """Where a new index may be made."""
    if request.param == "file":
        return str(tmp_path / "news.index")
    return f"{request.getfixturevalue('redis_server')}#{tmp_path.name}"


def sentence(rng, words=24):
    return " ".join(rng.choice(WORDS) + str(rng.randrange(30)) for _ in range(words)) + "."


def corpus(seed, articles=40, paragraphs=6):
    """Articles of which many repeat or edit paragraphs of earlier ones, and of themselves."""
    rng = random.Random(seed)
    known, made = [WIRE, SHORT, JAPANESE], []
    for number in range(articles):
        texts = []
        for _ in range(rng.randrange(1, paragraphs)):
            kind = rng.random()
            text = rng.choice(known) if kind < 0.6 else sentence(rng)
            if kind < 0.15:
                text = text.upper()
            elif kind < 0.4:
                place = rng.randrange(len(text))
                text = text[:place] + rng.choice(WORDS) + text[place + rng.randrange(3) :]
            known.append(text)
            texts.append(text)
        made.append(record(f"a{number}", *texts, outlet=f"outlet{number % 3}"))
    return made


def batch_links(articles, settings):
    """Every pair of paragraphs that one run over all articles links: (kind, similarity) by their places."""
    paragraphs = [
        Paragraph(article.id, place, article.outlet, judged.block.text)
        for article in articles
        for place, judged in enumerate(article.paragraphs)
    ]
    links = cluster(paragraphs, settings).links
    copies = {}
    found = {}
    for link in links:
        if link.kind is Relation.EXACT:
            left, right = ((end.document, end.index) for end in (link.left, link.right))
            copies.setdefault(left, [left]).append(right)
    for group in copies.values():
        found |= {frozenset(pair): ("exact", 1.0) for pair in itertools.combinations(group, 2)}
    for link in links:
        if link.kind is Relation.NEAR:
            left, right = ((end.document, end.index) for end in (link.left, link.right))
            pairs = itertools.product(copies.get(left, [left]), copies.get(right, [right]))
            found |= {frozenset(pair): ("near", link.similarity) for pair in pairs}
    return found


def told_links(answers):
    return {
        frozenset(((answer.article, place), (match.article, match.paragraph))): (
            match.kind.value,
            match.similarity,
        )
        for answer in answers
        for place, matches in enumerate(answer.matches)
        for match in matches
    }


@pytest.mark.parametrize("many", [False, True], ids=["one by one", "many"])
def test_the_links_are_those_of_a_batch(place, many):
    articles = corpus(1)
    with Index(place) as index:
        if many:
            answers = list(index.add_many(articles, limit=None))
        else:
            answers = [index.add(article, limit=None) for article in articles]
        expected = batch_links(articles, index.settings.cluster)
        assert told_links(answers) == expected
        assert {kind for kind, _ in expected.values()} == {"exact", "near"}
        assert index.check() == []


def test_the_links_are_those_of_a_batch_however_it_is_fed(tmp_path):
    articles = corpus(2, articles=60)
    settings = Settings()
    small = replace(settings, index=replace(settings.index, transaction=7))
    with Index(tmp_path / "a", settings=small) as index:
        assert told_links(index.add_many(articles, limit=None)) == batch_links(articles, settings.cluster)


def test_the_links_are_those_of_a_batch_at_another_threshold(tmp_path):
    settings = Settings(cluster=ClusterSettings(threshold=0.6, min_characters=10))
    articles = corpus(3)
    with Index(tmp_path / "a", settings=settings) as index:
        answers = [index.add(article, limit=None) for article in articles]
    assert told_links(answers) == batch_links(articles, settings.cluster)


def test_an_answer_names_what_it_matched(place):
    then = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    edited = WIRE.replace("Tuesday", "Monday")
    with Index(place) as index:
        first = index.add(
            record("first", "Something else altogether stood here.", WIRE, outlet="north"), at=then
        )
        assert first.matches == ((), ())
        assert first.first_seen is None
        answer = index.query(record("second", edited, "And this paragraph is new to everybody here."))
    ((match,), nothing) = answer.matches
    assert nothing == ()
    assert (match.article, match.paragraph, match.outlet) == ("first", 1, "north")
    assert (match.kind, match.first_seen, match.text) == (Relation.NEAR, then, WIRE)
    assert 0.8 <= match.similarity < 1
    assert 0.5 < answer.share < 0.75
    assert len(match.cluster) == 16


def test_the_same_words_have_the_name_of_a_batch_cluster(place):
    articles = [record("a", WIRE), record("b", WIRE.upper())]
    with Index(place) as index:
        index.add(articles[0])
        ((match,),) = index.query(articles[1]).matches
    (one,) = cluster(Paragraph(a.id, 0, None, a.text) for a in articles).clusters
    assert match.cluster == one.id


def test_every_member_of_a_cluster_is_like_its_first(place):
    rng = random.Random(5)
    words = sentence(rng, 40).split()
    chain = []
    for step in range(12):
        words[step * 3] = f"other{step}"
        chain.append(record(f"c{step}", " ".join(words)))
    names = {}
    with Index(place) as index:
        for article in chain:
            index.add(article)
        for article in chain:
            found = index.query(replace(article, id="x"), limit=None).matches[0]
            (own,) = (match for match in found if match.kind is Relation.EXACT)
            names.setdefault(own.cluster, []).append(article)
    assert len(names) > 1
    for first, *members in names.values():
        assert all(link != ("x", 0) for link in batch_links([first, *members], ClusterSettings()))
        for member in members:
            assert batch_links([first, member], ClusterSettings())


def test_changed_facts_are_told_when_asked(place):
    text = WIRE + " The repair is to cost 12 million crowns in all, the board said."
    with Index(place) as index:
        index.add(record("a", text))
        other = record("b", text.replace("12", "15"))
        assert index.query(other).matches[0][0].kind is Relation.NEAR
        assert index.query(other, facts=True).matches[0][0].kind is Relation.CHANGED_FACTS


def test_adding_again_changes_nothing(place):
    article = record("a", WIRE, SHORT, outlet="north")
    then = datetime(2024, 1, 1, tzinfo=UTC)
    with Index(place) as index:
        index.add(article, at=then)
        before = index.stats()
        again = index.add(article)
        assert again.first_seen == then
        assert again.matches == ((), ())
        after = index.stats()
    assert (after.articles, after.paragraphs, after.texts) == (
        before.articles,
        before.paragraphs,
        before.texts,
    )


def test_the_same_id_with_other_words_is_refused_or_replaces(place):
    with Index(place) as index:
        index.add(record("a", WIRE, SHORT))
        index.add(record("b", SHORT))
        with pytest.raises(StoreError, match="another article with the id 'a'") as refused:
            index.add(record("a", JAPANESE))
        assert refused.value.error == "conflict"
        assert index.seen(WIRE)
        index.add(record("a", JAPANESE, WIRE), replace=True)
        assert index.seen(JAPANESE).article == "a"
        assert index.seen(WIRE).paragraph == 1
        assert index.seen(SHORT).article == "b"
        assert index.stats().articles == 2
        assert index.check() == []


def test_an_article_without_words(place):
    with Index(place) as index:
        assert index.add(record("empty")).matches == ()
        assert index.stats().articles == 0
        assert index.add(record("blank", " ", "\u200b")).share == 0
        assert index.seen("") is None
        assert index.seen(" ") is None
        assert index.check() == []


def test_seen_tells_the_best_match(place):
    with Index(place) as index:
        assert index.seen(WIRE) is None
        index.add(record("near", WIRE.replace("Tuesday", "Monday")))
        assert index.seen(WIRE).article == "near"
        index.add(record("exact", WIRE))
        assert index.seen(WIRE).article == "exact"
        assert index.seen(SHORT) is None


def test_a_window_looks_back_so_far_only(place):
    now = datetime.now(UTC)
    with Index(place) as index:
        index.add(record("old", WIRE), at=now - timedelta(days=9))
        assert index.seen(WIRE, window=timedelta(days=10)).article == "old"
        assert index.seen(WIRE, window=timedelta(days=8)) is None
        index.add(record("new", WIRE), at=now - timedelta(days=1))
        found = index.query(record("x", WIRE), window=timedelta(days=8)).matches[0]
        assert [match.article for match in found] == ["new"]


def test_matches_are_limited_most_similar_first(place):
    with Index(place) as index:
        for number in range(14):
            index.add(record(f"n{number}", WIRE if number % 2 else WIRE.replace("Tuesday", "Monday")))
        asked = record("x", WIRE)
        ten = index.query(asked).matches[0]
        every = index.query(asked, limit=None).matches[0]
        assert len(ten) == 10
        assert ten == every[:10]
        assert [match.article for match in every] == [f"n{i}" for i in (*range(1, 14, 2), *range(0, 14, 2))]


def test_expire_by_age_keeps_what_newer_articles_have(place):
    now = datetime.now(UTC)
    with Index(place) as index:
        index.add(record("old", WIRE, JAPANESE), at=now - timedelta(days=40))
        index.add(record("new", WIRE), at=now)
        assert index.expire(older_than=timedelta(days=30)) == 1
        assert index.seen(JAPANESE) is None
        assert index.seen(WIRE).article == "new"
        assert index.check() == []
        assert index.expire(older_than=timedelta(days=30)) == 0
        assert index.add(record("old", WIRE, JAPANESE)).first_seen is None


def test_expire_by_size(place):
    articles = corpus(7, articles=60)
    with Index(place) as index:
        for hour, article in enumerate(articles):
            index.add(article, at=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hour))
        whole = index.stats()
        gone = index.expire(paragraphs=whole.paragraphs // 2)
        stats = index.stats()
        assert whole.paragraphs // 2 - 6 < stats.paragraphs <= whole.paragraphs // 2
        assert [article.id for article, _ in index.export()] == [article.id for article in articles[gone:]]
        assert index.check() == []


def test_export_gives_back_what_was_added(place):
    articles = [record("a", WIRE, "", SHORT, outlet="north", published="2024-05-06"), record("b", JAPANESE)]
    then = datetime(2024, 1, 1, tzinfo=UTC)
    with Index(place) as index:
        list(index.add_many(articles, at=then))
        told = list(index.export())
    assert [(one.id, one.outlet, one.published, one.text) for one, _ in told] == [
        (one.id, one.outlet, one.published, one.text) for one in articles
    ]
    assert {seen for _, seen in told} == {then}


def test_opened_again_it_is_the_same(place):
    articles = corpus(8)
    with Index(place) as index:
        list(index.add_many(articles))
        before = [index.query(replace(article, id="x")) for article in articles]
    with Index(place, read_only=True) as index:
        assert [index.query(replace(article, id="x")) for article in articles] == before
        with pytest.raises(StoreError, match="reading only"):
            index.add(articles[0])


def test_other_settings_are_refused_with_the_difference(place):
    Index(place, settings=Settings(cluster=ClusterSettings(threshold=0.7))).close()
    with pytest.raises(StoreError, match=r"threshold is 0\.7, not 0\.8") as refused:
        Index(place, settings=Settings())
    assert refused.value.error == "other_parameters"
    assert Index(place).settings.cluster.threshold == 0.7


def test_settings_that_change_no_answer_are_not_part_of_the_index(place):
    Index(place, settings=Settings(cluster=ClusterSettings(workers=1))).close()
    Index(place, settings=Settings(cluster=ClusterSettings(workers=2, compile_from=1))).close()


def test_odd_characters_go_in_and_out(place):
    odd = record("\ud800 id\x00", WIRE + "\ud800\x00", outlet="\udfff")
    with Index(place) as index:
        index.add(odd)
        assert index.add(odd).first_seen is not None
        assert index.seen(WIRE + "\ud800\x00").text == WIRE + "\ud800\x00"


def test_a_template_with_many_fillings_stays_findable(place):
    template = (
        "On {} the desk recorded the usual values at the northern gauge, and nothing else of note was seen."
    )
    with Index(place, settings=Settings(cluster=ClusterSettings(bucket=20))) as index:
        list(index.add_many(record(f"d{n}", template.format(f"day {n}")) for n in range(200)))
        assert index.seen(template.format("day 977")).similarity > 0.8
        assert index.seen(template.format("day 150")).article == "d150"
        assert index.check() == []


def test_threads_share_one_index(place):
    articles = corpus(9, articles=60)
    with Index(place) as index:
        threads = [
            threading.Thread(target=lambda part=part: [index.add(article) for article in part])
            for part in (articles[0::3], articles[1::3], articles[2::3])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert index.stats().articles == 60
        assert index.check() == []


def write_part(place, part, count, failures):
    try:
        with Index(place) as index:
            for article in corpus(part, articles=count):
                index.add(replace(article, id=f"{part}-{article.id}"))
    except BaseException as error:
        failures.put(repr(error))
        raise


def test_four_processes_write_at_once_and_lose_nothing(place):
    context = multiprocessing.get_context("spawn")
    failures = context.Queue()
    workers = [context.Process(target=write_part, args=(place, part, 50, failures)) for part in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert failures.empty(), failures.get()
    with Index(place) as index:
        told = {article.id: article.text for article, _ in index.export()}
        assert index.check() == []
    assert set(told) == {f"{part}-a{n}" for part in range(4) for n in range(50)}


def test_a_forked_or_pickled_index_opens_its_own_connection(place):
    with Index(place) as index:
        index.add(record("a", WIRE))
        other = pickle.loads(pickle.dumps(index))
        other.add(record("b", JAPANESE))
        assert index.seen(JAPANESE).article == "b"
        other.close()
        child = os.fork()
        if not child:
            try:
                index.add(record("child", SHORT))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert index.seen(SHORT).article == "child"
        assert index.check() == []


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_a_server_that_is_not_there():
    pytest.importorskip("redis", reason="the extra `redis` is not installed")
    with pytest.raises(StoreError, match="cannot be reached") as refused:
        Index("redis://127.0.0.1:1/0")
    assert refused.value.error == "unreachable"


def test_an_address_of_another_kind():
    with pytest.raises(StoreError, match="is no index"):
        Index("http://localhost/index")


def test_a_turn_that_a_killed_writer_left_runs_out(redis_server, tmp_path):
    settings = Settings()
    settings = replace(settings, index=replace(settings.index, patience=2.0))
    with Index(f"{redis_server}#{tmp_path.name}", settings=settings) as index:
        index._store._client.lock(f"{tmp_path.name}:lock", timeout=0.2).acquire()
        index.add(record("a", WIRE))
        assert index.seen(WIRE).article == "a"
        index._store._client.lock(f"{tmp_path.name}:lock", timeout=20).acquire()
        with pytest.raises(StoreError, match="for too long") as told:
            index.add(record("b", WIRE))
        assert told.value.error == "busy"


def test_a_turn_that_ran_out_writes_nothing(redis_server, tmp_path):
    def out_of_turn(store):
        with store.writing():
            store._client.delete(f"{tmp_path.name}:lock")
            store.remove(list(store.scan_articles()))

    with Index(f"{redis_server}#{tmp_path.name}") as index:
        index.add(record("a", WIRE))
        with pytest.raises(StoreError, match="not to be had"):
            out_of_turn(index._store)
        assert index.seen(WIRE).article == "a"
        assert index.check() == []


# --- the tree of postings ---


def test_postings_come_back_whatever_way_they_went_in():
    rng = np.random.default_rng(11)
    rows = {}
    sizes = [*[300] * 60, 150_000, *[300] * 20, 1, 0, 5_000]
    added = [np.sort(rng.integers(0, 2**64, size, np.uint64)) for size in sizes]
    added.append(np.sort(np.uint64(77 << 32) | np.arange(2_600, dtype=np.uint64)))  # one key, more than fit
    for words in added:
        postings.spread(
            words,
            lambda ids: [(i, rows[i]) for i in ids.tolist() if i in rows],
            rows.update,
            lambda ids: [rows.pop(i) for i in ids],
        )
    levels = {}
    for bucket in sorted(rows):
        levels.setdefault(postings.level_of(bucket), []).append((bucket, rows[bucket]))
    parts = {level: postings.unpack(some, level) for level, some in levels.items()}
    read = {level: postings.join(*part) for level, part in parts.items()}
    assert all((np.diff(words.astype(object)) >= 0).all() for words in read.values())
    assert np.array_equal(np.sort(np.concatenate(list(read.values()))), np.sort(np.concatenate(added)))
    assert len(levels) > 2
    keys = np.unique((added[3] >> np.uint64(32)).astype(np.uint32))
    found = sum(postings.find(some, level, keys)[1].size for level, some in levels.items())
    assert found == 300
    recent = rng.permutation(np.concatenate(added[:9]))
    at, texts = postings.find_recent(recent, keys)
    of_key = np.isin(recent >> np.uint64(32), keys)
    assert np.array_equal(postings.join(keys[at], texts.astype(np.uint32)), recent[of_key])
    assert texts.size == 300
    pytest.importorskip("numba", reason="the extra `fast` is not installed")
    asked = [rng.integers(0, 2**32, 500, np.uint32), keys, [77], np.empty(0, np.uint32)]
    for some in (np.unique(one).astype(np.uint32) for one in asked):
        for level, parts in [*levels.items(), (2, [])]:
            plain = postings.find(parts, level, some)
            compiled = postings.find(parts, level, some, compiled=True)
            assert all(np.array_equal(one, other) for one, other in zip(plain, compiled, strict=True))
            keys_there = postings.unpack(parts, level)[0]
            assert np.array_equal(postings.keys_in(parts, level, compiled=True), keys_there)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_filter_has_what_was_put_and_hardly_more(compiled):
    if compiled:
        pytest.importorskip("numba", reason="the extra `fast` is not installed")
    rng = np.random.default_rng(12)
    keys = rng.integers(0, 2**32, 1_200_000, np.uint32)
    told = Filter()
    assert not told.may_have(keys, compiled=compiled).any()
    for some in np.array_split(keys, 3):
        told.put(some, compiled=compiled)
    assert told.may_have(keys, compiled=compiled).all()
    assert told.may_have(keys, compiled=not compiled).all()
    others = rng.integers(0, 2**32, 100_000, np.uint32)
    assert told.may_have(others, compiled=compiled).mean() < 0.002


def test_an_interrupted_lookup_leaves_no_gap_in_the_filter(tmp_path, monkeypatch):
    with Index(tmp_path / "a") as writer, Index(tmp_path / "a") as reader:
        writer.add(record("first", sentence(random.Random(1))))
        assert reader.seen(WIRE) is None
        writer.add(record("wire", WIRE))
        with monkeypatch.context() as patched:
            patched.setattr(Filter, "put", interrupt)
            with pytest.raises(KeyboardInterrupt):
                reader.seen(WIRE)
        assert reader.seen(WIRE).article == "wire"


def interrupt(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize("seed", range(2))
def test_writers_find_what_others_wrote_however_seldom_they_look(tmp_path, monkeypatch, seed):
    for name, value in {"RECENT": 9, "STAY": 3, "ROOT": 700, "FULL": 20, "FIRST_FULL": 30}.items():
        monkeypatch.setattr(postings, name, value)
    monkeypatch.setattr(tree, "_STRETCH", 400)
    rng = random.Random(seed)
    place = tmp_path / "a"
    known = []
    with Index(place) as one, Index(place) as other, Index(place) as reader:
        for step in range(100):
            index = rng.choice([one, one, other])
            some = [record(f"{step}-{i}", sentence(rng)) for i in range(rng.choice([1, 1, 1, 40]))]
            for article, answer in zip(some, index.add_many(some), strict=True):
                assert not answer.share
                known.append(article)
            if rng.random() < 0.04:
                index.expire(paragraphs=60)
                del known[:-60]
            for asked in (index, *[reader] * (rng.random() < 0.2)):
                article = rng.choice(known[-30:] if rng.random() < 0.5 else known)
                assert asked.seen(article.text).article == article.id
        assert one.check() == []
