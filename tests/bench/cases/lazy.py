# SPDX-License-Identifier: GPL-2.0-or-later
"""Lazy restore: the time until the program runs, whatever it holds. The limit is the
same for a process that holds nothing."""
from lib.bench import row

SIZES = {"lazy.64m": (64, 16), "lazy.1g": (1024, 128), "lazy.4g": (4096, 512)}

ROWS = [row(case, "ms", "flat: within 2x of the tiny process", limit_max=2)
        for case in SIZES]


def one(b, tool, *program):
    """ms until it runs"""
    with b.box(*program) as box:
        d = tool.dump(box)
        box.kill()
        ms = tool.restore_lazily(d, box) * 1e3
        tool.forget(d)
    return ms


def run(b):
    for case, sizes in SIZES.items():
        size = b.scale(*sizes)
        if size != sizes[0]:
            b.note(case, f"{size} MB")
        for tools in b.rounds(full=5, quick=1, seconds=b.scale(120, 20)):
            b.add(case, "limit", one(b, b.ours, "tiny"))
            for tool in tools:
                b.add(case, tool, one(b, tool, "mem", size, "small"))
