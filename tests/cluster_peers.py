# ruff: noqa: PLC0415 - a peer is imported only in the process that measures it
"""Other libraries that find near-duplicates, given the job of bench_cluster.py as they like it best.

Each takes what is prepared for it, unmeasured, and returns groups of row numbers: pairs from those
that index (datasketch, rensa), whole clusters from those that chain pairs (datatrove, text-dedup).
None verifies what it tells. Shingles are character 5-grams for all. datatrove and text-dedup cut
texts into words, so they get each character as a word, without punctuation, which both leave out.

Settings: 128 hashes (datatrove: its 14 bands of 8, made for .8); text-dedup with its faster hash and 32
bits, short texts not left out, in one process; datatrove's steps one after the other in this process,
its words by spaces (it needs xxhash below 4). Both write and read their files.
"""

from __future__ import annotations

import os
import re
import struct
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from dedup.compare import comparison_text, encode
from dedup.sign import window_hashes

Rows = list[tuple[str, str, str]]
Groups = list[list[int]]


def shingle_lists(rows: Rows) -> list[list[bytes]]:
    result = []
    for row in rows:
        text = comparison_text(row[2])
        result.append([text[i : i + 5].encode() for i in range(max(len(text) - 4, 1))])
    return result


def datasketch(rows: Rows, threshold: float) -> Groups:
    import xxhash
    from datasketch import MinHash, MinHashLSH

    hashfunc = lambda shingle: xxhash.xxh32(shingle).intdigest()  # noqa: E731
    sketches = MinHash.bulk(shingle_lists(rows), num_perm=128, hashfunc=hashfunc)
    index = MinHashLSH(threshold=threshold, num_perm=128)
    with index.insertion_session() as session:
        for number, sketch in enumerate(sketches):
            session.insert(number, sketch)
    return [
        [number, other]
        for number, sketch in enumerate(sketches)
        for other in index.query(sketch)
        if other > number
    ]


def rensa(rows: Rows, threshold: float) -> Groups:
    from rensa import RMinHash, RMinHashLSH

    sketches = RMinHash.from_token_sets(shingle_lists(rows), num_perm=128, seed=1)
    index = RMinHashLSH(threshold=threshold, num_perm=128, num_bands=16)
    index.insert_many(sketches)
    found = index.query_all(sketches)
    return [[number, other] for number, others in enumerate(found) for other in others if other > number]


def rensa_flat(rows: Rows, threshold: float) -> int:
    """Its matrix interface, which tells how many are like another and not which."""
    from rensa import RMinHash, RMinHashLSH

    texts = encode([row[2] for row in rows])
    hashes = [
        window_hashes(texts.codes[start : start + length], 5)
        for start, length in zip(texts.starts.tolist(), texts.lengths.tolist(), strict=True)
    ]
    offsets = np.cumsum([0] + [part.size for part in hashes])
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        np.concatenate(hashes), offsets.astype(np.uint64), num_perm=128, seed=1
    )
    index = RMinHashLSH(threshold=threshold, num_perm=128, num_bands=16)
    return int(np.count_nonzero(index.query_duplicate_flags_matrix_one_shot(matrix)))


def characters_as_words(rows: Rows) -> list[str]:
    return [" ".join(re.sub(r"\W", "", comparison_text(text))) for _, _, text in rows]


def documents(rows: Rows, _threshold: float) -> list[Any]:
    os.environ["HF_HUB_OFFLINE"] = "1"
    from datatrove.data import Document

    return [Document(text=text, id=str(i)) for i, text in enumerate(characters_as_words(rows))]


def datatrove(documents: list[Any], _threshold: float) -> Groups:
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.utils.logging import logger
    from datatrove.utils.word_tokenizers import WordTokenizer

    class Spaces(WordTokenizer):
        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

        def sent_tokenize(self, text: str) -> list[str]:
            return [text]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(0, len(text))]

    logger.remove()
    config = MinhashConfig(n_grams=5)
    with tempfile.TemporaryDirectory() as folder:
        MinhashDedupSignature(f"{folder}/1", config, language=Spaces()).run(documents)
        for bucket in range(config.num_buckets):
            step = MinhashDedupBuckets(f"{folder}/1", f"{folder}/2", config=config)
            step.run(None, bucket, config.num_buckets)
        MinhashDedupCluster(f"{folder}/2", f"{folder}/3", config, save_cluster_id=True).run()
        told = (Path(folder) / "3" / "000000.clusters").read_bytes()
    groups = defaultdict(list)
    for document, cluster in struct.iter_unpack("<II", told):
        groups[cluster].append(document)
    return list(groups.values())


def dataset(rows: Rows, _threshold: float) -> tuple[tempfile.TemporaryDirectory[str], int]:
    os.environ["HF_HUB_OFFLINE"] = "1"
    from datasets import Dataset

    folder = tempfile.TemporaryDirectory()
    texts = characters_as_words(rows)
    Dataset.from_dict({"text": texts}).save_to_disk(f"{folder.name}/in")
    return folder, len(texts)


def text_dedup(prepared: tuple[tempfile.TemporaryDirectory[str], int], threshold: float) -> Groups:
    from text_dedup import minhash
    from text_dedup.utils import IOArgs, MetaArgs, MinHashArgs

    folder, count = prepared
    minhash.main.callback(
        io_args=IOArgs(path=f"{folder.name}/in", output=f"{folder.name}/out", local=True, num_proc=1),
        meta_args=MetaArgs(column="text", batch_size=10_000),
        minhash_args=MinHashArgs(
            ngram=5, min_length=1, num_perm=128, threshold=threshold, hash_func="xxh3", hash_bits=32
        ),
    )
    groups = defaultdict(list)
    for number in range(count):
        groups[minhash.uf.find(number)].append(number)
    return [group for group in groups.values() if len(group) > 1]
