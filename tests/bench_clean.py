#!/usr/bin/env python3
"""CPU time a page of `dedup.clean` beside trafilatura's, in one run.

    python tests/bench_clean.py FOLDER [--pages N]

FOLDER holds a folder of HTML pages for each outlet, as `dedup clean` takes it. Every page is
extracted by trafilatura (its defaults), cleaned alone, and cleaned with the profile of its outlet
(learned from all pages of the folder before), one after the other, so that a busy machine slows all
three alike.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path

import trafilatura

from dedup import pipeline
from dedup.read import read
from dedup.types import Cleaned, Media, Source


def clean(source: Source, profiles: pipeline.Profiles) -> Cleaned:
    (cleaned,) = pipeline.clean_many([source], profiles=profiles)
    return cleaned


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=int, default=200)
    args = parser.parse_args()
    found = [one for one in read([str(args.folder)]) if isinstance(one, Source) and one.media is Media.HTML]
    profiles = pipeline.learn(found)
    chosen = found[:: max(1, len(found) // args.pages)]
    names = ("trafilatura", "alone", "with profile")
    spent = {known: dict.fromkeys(names, 0.0) for known in (True, False)}
    pages = dict.fromkeys(spent, 0)
    for source in chosen:
        raw = source.content
        text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
        article = clean(source, profiles).articles[0]
        judged = next(iter((*article.paragraphs, *article.stripped)), None)
        known = judged is not None and judged.verdict.evidence[0].witness == "place"
        pages[known] += 1
        for name, work in zip(
            names,
            (
                partial(trafilatura.extract, text),
                partial(clean, source, pipeline.NOTHING),
                partial(clean, source, profiles),
            ),
            strict=True,
        ):
            begin = time.process_time()
            work()
            spent[known][name] += time.process_time() - begin
    for known, told in ((True, "taken by their places"), (False, "of which all witnesses were heard")):
        print(f"{pages[known]} pages {told}")
        for name, seconds in spent[known].items():
            ratio = seconds / max(spent[known]["trafilatura"], 1e-9)
            print(f"  {name:14} {1000 * seconds / max(pages[known], 1):6.1f} ms a page  {ratio:5.2f}")


if __name__ == "__main__":
    main()
