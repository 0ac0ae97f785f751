# SPDX-License-Identifier: GPL-2.0-or-later
"""A process that has nothing but its pulse. The limit is what it takes to start a
program with migctl's libraries that does nothing, and to wait for its end."""
from lib.bench import row

ROWS = [
    row("tiny.stop", "ms", "<= 1/20 of CRIU's stop", peer_max=1 / 20),
    row("tiny.gap", "ms", "<= 1/20 of CRIU's, as the process sees it", peer_max=1 / 20),
    row("tiny.dump", "ms", "<= 1/10 of CRIU's wall", peer_max=1 / 10),
    row("tiny.restore", "ms", "<= 1/10 of CRIU's wall", peer_max=1 / 10),
]


def run(b):
    for tools in b.rounds(full=9, quick=3):
        for tool in tools:
            with b.box("tiny") as box:
                d = tool.dump(box)
                box.kill()
                restored = tool.restore(d, box)
                tool.forget(d)
            b.add("tiny.stop", tool, d.stop)
            b.add("tiny.gap", tool, d.gap)
            b.add("tiny.dump", tool, d.wall * 1e3)
            b.add("tiny.restore", tool, restored * 1e3)
        for case in ("tiny.dump", "tiny.restore"):
            b.add(case, "limit", b.ours.nothing())
