# SPDX-License-Identifier: GPL-2.0-or-later
"""1 GB, of which 256 MB are written at 50 MB/s: rounds, and the stop after them. CRIU
makes three rounds, livemig as many as it finds that shorten the stop."""
import shutil
import time

from lib.bench import row
from lib.tools import TMP

ROWS = [
    row("round.stopped", "ms", "0: no task is stopped in a round",
        "freezer events during the rounds; CRIU: frozen time of one pre-dump",
        ours_max=0),
    row("round.gap", "ms", "none beyond the guest's own jitter (limit)", limit_max=1.5),
    row("final.stop", "ms", "<= 1/10 of CRIU's frozen time", peer_max=1 / 10),
    row("final.gap", "ms", "<= 1/10 of CRIU's, as the program sees it", peer_max=1 / 10),
    row("writers16.stop", "ms", "<= 1/10 of CRIU's frozen time, 16 threads", peer_max=1 / 10),
    row("writers16.gap", "ms", "<= 1/10 of CRIU's, as the program sees it", peer_max=1 / 10),
]
ROUNDS = 3


def pre_dump_modes(b, size, part):
    """Which of CRIU's two ways to pre-dump stops the program for less time."""
    with b.box("writer", size, part, 50, 1) as box:
        for mode in ("read", "splice"):
            d = b.peer.pre_dump(box, f"{TMP}/mode", mode=mode)
            b.note("round.stopped", f"pre-dump by {mode} {d.stop:.0f} ms")
            shutil.rmtree(f"{TMP}/mode")


def run(b):
    size, part = b.scale((1024, 256), (256, 64))
    if b.quick:
        for r in ROWS:
            b.note(r["case"], f"{size} MB, of which {part} MB are written")
    pre_dump_modes(b, size, part)
    for threads, name in ((1, "final"), (16, "writers16")):
        for tools in b.rounds(full=5, quick=1, seconds=b.scale(150, 40)):
            for tool in tools:
                with b.box("writer", size, part, 50, threads) as box:
                    if threads == 1 and tool is b.ours:
                        jitter(b, box)
                    d = tool.dump(box, rounds=ROUNDS if tool is b.peer else 0)
                    if threads == 1:
                        of_rounds(b, tool, box, d)
                tool.forget(d)
                b.add(f"{name}.stop", tool, d.stop)
                b.add(f"{name}.gap", tool, d.last_gap)


def jitter(b, box):
    """How late the pulse is when nobody does anything."""
    since = time.monotonic_ns()
    time.sleep(1)
    b.add("round.gap", "limit", box.longest_gap(since, time.monotonic_ns()))


def of_rounds(b, tool, box, d):
    if tool is b.peer:
        for p in d.pre:
            b.add("round.stopped", tool, p.stop)
            b.add("round.gap", tool, p.gap)
        return
    b.note("final.stop", f"{len(d.said['rounds']) - 1} rounds")
    b.add("round.stopped", tool, sum(t for _, t in d.stops[:-1]) / 1e6)
    b.add("round.gap", tool, box.longest_gap(d.since, d.final))
