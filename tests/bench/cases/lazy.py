# SPDX-License-Identifier: GPL-2.0-or-later
"""Lazy restore: the time to the first instruction, pages follow later."""
import os

from lib.bench import row

# (a quarter of the guest's memory is left for what is neither image nor program)
SIZES = {"tiny": 0, "64m": 64, "256m": 256, "1g": 1024, "4g": 4096}
ROWS = [row("lazy.tiny", "ms", "for comparison")] + [
    row(f"lazy.{name}", "ms", "flat: within 2x of the tiny process", limit_max=2)
    for name in SIZES if name != "tiny"]


def room_mb():
    pages, size = os.sysconf("SC_AVPHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return pages * size / 2**20


def one(b, size):
    args = ("mem", size, "small") if size else ("tiny",)
    with b.box(*args) as box:
        d = b.ours.dump(box)
        box.kill()
        running = b.ours.restore_lazily(d, box)
        b.ours.forget(d)
    return running


def run(b):
    for name, size in SIZES.items():
        # the program, its image in a tmpfs
        if size > b.scale(4096, 256) or 2.2 * size > room_mb():
            b.note(f"lazy.{name}", "not in a quick run" if b.quick else
                   f"needs {2.2 * size:.0f} MB of memory, {room_mb():.0f} are free")
            continue
        for _ in range(b.scale(5, 3)):
            running = one(b, size)
            b.add(f"lazy.{name}", "ours", running)
            for other in SIZES if not size else ():
                if SIZES[other]:
                    b.add(f"lazy.{other}", "limit", running)
