# SPDX-License-Identifier: GPL-2.0-or-later
"""Many of one thing: processes, threads, open files, mappings. The limit of a restore
is to start a program with migctl's libraries, and to wait for its end."""
from lib.bench import row
from lib.tools import TMP

KINDS = ("tree100", "threads64", "fds1000", "vmas5000")
ROWS = [r for kind in KINDS for r in (
    row(f"{kind}.stop", "ms", "<= 1/10 of CRIU's stop", peer_max=1 / 10),
    row(f"{kind}.gap", "ms", "<= 1/10 of CRIU's, as the program sees it", peer_max=1 / 10),
    row(f"{kind}.restore", "ms", "<= 1/4 of CRIU's wall", peer_max=1 / 4))]


def program(b, kind):
    """The workload, and a word on its size."""
    if kind == "tree100":
        kb = b.scale(4096, 1024)
        return ("tree", 100, kb), f"100 processes x {kb // 1024} MB"
    if kind == "threads64":
        return ("threads", 64), ""
    if kind == "fds1000":
        with open(f"{TMP}/some-file", "wb") as f:
            f.write(b"x" * 8192)
        return ("fds", 1000, f"{TMP}/some-file"), ""
    return ("vmas", 5000), ""


def run(b):
    for kind in KINDS:
        argv, size = program(b, kind)
        for name in ("stop", "gap", "restore"):
            b.note(f"{kind}.{name}", size)
        for tools in b.rounds(full=5, quick=1, seconds=b.scale(70, 15)):
            for tool in tools:
                with b.box(*argv) as box:
                    d = tool.dump(box)
                    box.kill()
                    restored = tool.restore(d, box)
                    tool.forget(d)
                b.add(f"{kind}.stop", tool, d.stop)
                b.add(f"{kind}.gap", tool, d.gap)
                b.add(f"{kind}.restore", tool, restored * 1e3)
            b.add(f"{kind}.restore", "limit", b.ours.nothing())
