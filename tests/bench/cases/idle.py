# SPDX-License-Identifier: GPL-2.0-or-later
"""1 GB that nobody writes to: one dump to tmpfs, and the restore from there."""
from lib.bench import row

ROWS = [
    row("idle1g.stop", "ms", "<= 1/20 of CRIU's frozen time", peer_max=1 / 20),
    row("idle1g.gap", "ms", "<= 1/20 of CRIU's, as the program sees it", peer_max=1 / 20),
    row("idle1g.dump", "MB/s", ">= 0.9 of writing a new file", limit_min=0.9),
    row("restore1g.small", "ms", "<= 0.65 of CRIU's wall, 4 KB pages", peer_max=0.65),
    row("restore1g.huge", "ms", "<= 0.5 of CRIU's wall, huge pages", peer_max=0.5),
]


def one(b, tool, size, pages):
    with b.box("mem", size, pages) as box:
        d = tool.dump(box)
        box.kill()
        restored = tool.restore(d, box)
        tool.forget(d)
    b.add(f"restore1g.{pages}", tool, restored * 1e3)
    return d


def run(b):
    size = b.scale(1024, 256)
    for r in ROWS:
        b.note(r["case"], "" if size == 1024 else f"{size} MB instead of 1 GB")
    for tools in b.rounds(full=5, quick=1, seconds=b.scale(240, 60)):
        for tool in tools:
            d = one(b, tool, size, "small")
            b.add("idle1g.stop", tool, d.stop)
            b.add("idle1g.gap", tool, d.gap)
            b.add("idle1g.dump", tool, d.bytes / 1e6 / d.wall)
            one(b, tool, size, "huge")
        b.add("idle1g.dump", "limit", b.limit("new_file"))
        # What nobody can be faster than: touching that much memory.
        b.add("restore1g.small", "limit", size * 1048.576 / b.limit("touch"))
        b.add("restore1g.huge", "limit", size * 1048.576 / b.limit("touch_huge"))
