#!/usr/bin/env python3
"""Whole commands as a user runs them: pages a second beside trafilatura, and memory by pages.

    python tests/bench_run.py speed FOLDER [--rounds N] [--times N]
    python tests/bench_run.py memory [--kind folder|jsonl|warc] [--pages N ...] [--gigabytes G] [--plot FILE]

speed: FOLDER holds a folder of HTML pages for each outlet. In each round `trafilatura --parallel 2`,
`dedup clean -j 1`, `-j 2`, and `-j 2` with profiles learned before, one after the other; told are
medians of the clock, and of the processor time of all processes, which a busy machine changes less.
With --times every outlet's folder is there that often, so that starting weighs as it does in a folder that
much larger. Pages that name their address stay pages of one outlet, as copies of their articles.

memory: small pages of invented text of 40 outlets are made in a temporary folder and cleaned with
`-j 2`; told is the memory of all processes together (PSS: shared pages are counted once), from tenth to
tenth of the run, and the plot shows it over time. With --gigabytes pages carry that much markup in all.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

DEDUP = (sys.executable, "-m", "dedup_cli")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Measured:
    """A command that ended: seconds of the clock and of processors, and bytes held over time."""

    clock: float = 0.0
    processor: float = 0.0
    memory: list[tuple[float, int]] = field(default_factory=list)

    @property
    def peak(self) -> int:
        return max((held for _, held in self.memory), default=0)


def measure(
    *command: object, every: float = 0.1, memory: bool = True, codes: tuple[int, ...] = (0,)
) -> Measured:
    """Runs a command in a session of its own and watches all processes of the session.

    It must end with one of the exit codes. To ask for their memory takes 3 ms a process, in which the
    process may have to wait.
    """
    begun = time.monotonic()
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    spent: dict[str, int] = {}
    found = Measured()
    while process.poll() is None:
        held = 0
        for pid, ticks in members(process.pid):
            spent[pid] = max(ticks, spent.get(pid, 0))
            held += proportional(pid) if memory else 0
        found.memory.append((time.monotonic() - begun, held))
        time.sleep(every)
    if process.returncode not in codes:
        raise SystemExit(f"{command}: exit code {process.returncode}")
    found.clock = time.monotonic() - begun
    found.processor = sum(spent.values()) / TICKS
    return found


def members(session: int) -> Iterator[tuple[str, int]]:
    """The processes of a session, each with its ticks of processor time."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            yield path.parent.name, int(fields[11]) + int(fields[12])


def proportional(pid: str) -> int:
    """Bytes of memory of a process, where what several share is divided among them."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def speed(given: Path, rounds: int, times: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        folder = scratch / "pages"
        for outlet in (path for path in given.iterdir() if path.is_dir()):
            for number in range(times):
                shutil.copytree(outlet, folder / f"{number}-{outlet.name}")
        pages = sum(path.is_file() for path in folder.rglob("*"))
        profiles = scratch / "profiles.json"
        subprocess.run(
            [*DEDUP, "learn", str(folder), "-j", "2", "-q", "-o", str(profiles)], check=True
        )  # fmt: skip
        clean = (*DEDUP, "clean", folder, "-q", "-o", scratch / "articles.jsonl")
        commands = {
            "trafilatura --parallel 2": (
                "trafilatura", "--input-dir", folder, "--output-dir", scratch / "out", "--parallel", 2,
            ),
            "dedup clean -j 1": (*clean, "-j", 1),
            "dedup clean -j 2": (*clean, "-j", 2),
            "the same with known profiles": (*clean, "-j", 2, "--profiles", profiles),
        }  # fmt: skip
        found: dict[str, list[Measured]] = {told: [] for told in commands}
        for _ in range(rounds):
            for told, command in commands.items():
                found[told].append(measure(*command, memory=False, codes=(0, 3)))
    print(f"{pages} pages, {rounds} rounds, load {os.getloadavg()[0]:.1f} at the end")
    first = None
    for told, ones in found.items():
        clock, processor = (
            statistics.median(getattr(one, name) for one in ones) for name in ("clock", "processor")
        )
        first = first or (clock, processor)
        print(
            f"{told:30} {clock:6.1f} s, {pages / clock:5.1f} pages a second ({first[0] / clock:4.2f});"
            f" processors {processor:6.1f} s ({first[1] / processor:4.2f})"
        )


WORDS = (
    *("harbour", "market", "ferry", "council", "bridge", "nets", "quay", "tide", "boats", "school"),
    *("river", "mill", "orchard", "lantern", "festival", "winter", "storm", "repair", "budget", "mayor"),
    *("teacher", "engine", "bakery", "museum", "garden", "valley", "tower", "signal", "choir", "road"),
)


def page(number: int, filler: int) -> tuple[str, str]:
    """An outlet, and a page of it with an article of its own words and the outlet's menu."""
    choice = random.Random(number)
    outlet = f"outlet-{number % 40}.example"
    sentences = [
        f"The {' '.join(choice.choices(WORDS, k=12))} of {choice.randrange(10**9)} opened on Friday."
        for _ in range(12)
    ]
    body = "".join(f"<p>{' '.join(sentences[i : i + 3])}</p>" for i in range(0, 12, 3))
    menu = "".join(f"<li><a href=/{word}>{word} {outlet}</a></li>" for word in WORDS[:20])
    padding = f"<script>{'x' * filler}</script>" if filler else ""
    return outlet, (
        f"<!DOCTYPE html><html><head><title>Story {number}</title>{padding}</head><body>"
        f"<nav><ul>{menu}</ul></nav><article>"
        f"<h1>Story {number} of the {choice.choice(WORDS)}</h1>{body}</article>"
        f"<footer>Copyright 2024 {outlet}</footer></body></html>"
    )


def make(kind: str, pages: int, filler: int, place: Path) -> Path:
    """The input, in a folder, or one file of it."""
    if kind == "folder":
        for number in range(pages):
            outlet, html = page(number, filler)
            folder = place / outlet
            folder.mkdir(exist_ok=True)
            (folder / f"{number}.html").write_text(html, "utf-8")
        return place
    target = place / ("all.jsonl" if kind == "jsonl" else "all.warc")
    with target.open("wb") as file:
        for number in range(pages):
            outlet, html = page(number, filler)
            address = f"https://{outlet}/{number}"
            if kind == "jsonl":
                file.write(json.dumps({"html": html, "url": address}).encode() + b"\n")
                continue
            answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html.encode()
            file.write(
                b"WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http; msgtype=response\r\n"
                + f"WARC-Target-URI: {address}\r\nWARC-Date: 2024-05-18T08:00:00Z\r\n".encode()
                + f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{number:012d}>\r\n".encode()
                + f"Content-Length: {len(answer)}\r\n\r\n".encode() + answer + b"\r\n\r\n"
            )  # fmt: skip
    return target


def memory(kind: str, sizes: list[int], gigabytes: float, plot: Path | None) -> None:
    curves = {}
    for pages in sizes:
        with tempfile.TemporaryDirectory() as name:
            place = Path(name, "raw")
            place.mkdir()
            given = make(kind, pages, int(gigabytes * 1e9 / pages), place)
            output = Path(name, "articles.jsonl")
            found = measure(*DEDUP, "clean", given, "-j", 2, "-q", "-o", output, every=0.2)
        bounds = [round(len(found.memory) * tenth / 10) for tenth in range(11)]
        tenths = [
            max(held for _, held in found.memory[first : max(last, first + 1)])
            for first, last in itertools.pairwise(bounds)
        ]
        print(
            f"{kind}, {pages:,} pages: {found.peak / 1e6:.0f} MB at most, {found.clock:.0f} s,"
            f" {pages / found.clock:.0f} pages a second; by tenths, MB:"
            f" {' '.join(f'{held / 1e6:.0f}' for held in tenths)} (load {os.getloadavg()[0]:.1f})"
        )
        curves[pages] = found.memory
    if plot:
        draw(curves, plot)


def draw(curves: dict[int, list[tuple[float, int]]], path: Path) -> None:
    """An SVG of memory over the share of the run, a line for each size."""
    width, height, left = 640, 300, 50
    top = 100e6 * (1 + max(held for curve in curves.values() for _, held in curve) // 100_000_000)
    parts = [
        f'<text x="{left - 6}" y="{height - 20 - share * (height - 40) / 4 + 4:.0f}" text-anchor="end">'
        f"{top * share / 4e6:.0f}</text>"
        for share in range(5)
    ]
    for number, (pages, curve) in enumerate(curves.items()):
        end = curve[-1][0]
        points = " ".join(
            f"{left + at / end * (width - left - 20):.1f},{height - 20 - held / top * (height - 40):.1f}"
            for at, held in curve[:: max(1, len(curve) // 300)]
        )
        hue = 360 * number // len(curves)
        parts.append(f'<polyline points="{points}" fill="none" stroke="hsl({hue} 70% 40%)"/>')
        parts.append(
            f'<text x="{width - 20}" y="{height - 30 - 16 * number}" text-anchor="end"'
            f' fill="hsl({hue} 70% 40%)">{pages:,} pages</text>'
        )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        ' font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{left}" y="14">MB of all processes, over the run</text>{"".join(parts)}</svg>\n',
        "utf-8",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("speed")
    one.add_argument("folder", type=Path)
    one.add_argument("--rounds", type=int, default=3)
    one.add_argument("--times", type=int, default=1)
    other = commands.add_parser("memory")
    other.add_argument("--kind", choices=["folder", "jsonl", "warc"], default="folder")
    other.add_argument("--pages", type=int, nargs="+", default=[1_000, 3_000, 10_000])
    other.add_argument("--gigabytes", type=float, default=0.0)
    other.add_argument("--plot", type=Path)
    args = parser.parse_args()
    if args.command == "speed":
        speed(args.folder, args.rounds, args.times)
    else:
        memory(args.kind, args.pages, args.gigabytes, args.plot)


if __name__ == "__main__":
    main()
