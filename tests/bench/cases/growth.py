# SPDX-License-Identifier: GPL-2.0-or-later
"""How the stop, the dump and the restore grow with the size of things: straight
lines? (Memory up to 4 GB: program and image both have to fit into the guest.)"""
from lib.bench import row

AXES = {     # name: (unit of the slope, program, sizes, in a quick run)
    "procs": ("us/process", lambda n: ("tree", n, 64), (1, 10, 100, 1000), (1, 10, 100)),
    "vmas": ("us/VMA", lambda n: ("vmas", n), (1, 100, 1000, 10000), (1, 1000, 4000)),
    "mb": ("us/MB", lambda n: ("mem", n, "small"), (1, 64, 512, 4096), (1, 64, 256)),
    "threads": ("us/thread", lambda n: ("threads", n), (1, 8, 64), (1, 8, 64)),
}
TARGET = "linear: the last step costs no more per unit than the line"
# Two points on a noisy machine: "no more" with this much of tolerance.
TOLERANCE = 1.5
ROWS = [row(f"growth.{name}.{what}", unit, TARGET, limit_max=TOLERANCE)
        for name, (unit, *_) in AXES.items() for what in ("stop", "dump", "restore")]


def slope(points):
    """Least squares through all of them: (slope, value at 0)."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    k = (sum((x - mx) * (y - my) for x, y in points) / sum((x - mx) ** 2 for x, _ in points))
    return k, my - k * mx


def judge(b, case, points):
    """ours: cost of a unit in the last step; limit: in the step before it, or
    the fixed cost spread over the last where that is more."""
    (x0, y0), (x1, y1), (x2, y2) = points[-3:]
    last, before = (y2 - y1) / (x2 - x1), (y1 - y0) / (x1 - x0)
    k, fixed = slope(points)
    b.add(case, "ours", last)
    b.add(case, "limit", max(before, (y0 / x2)))
    b.note(case, f"{k:.3g} per unit + {fixed / 1e3:.2f} ms; " +
           ", ".join(f"{x}: {y / 1e3:.2f} ms" for x, y in points))
    b.plots.setdefault("growth", {})[case] = points


def run(b):
    for name, (_, argv, full, quick) in AXES.items():
        points = {"stop": [], "dump": [], "restore": []}
        for n in b.scale(full, quick):
            stops, walls = [], []
            with b.box(*argv(n)) as box:
                for i in range(b.scale(5, 3)):
                    if i:
                        b.ours.forget(d)
                    d = b.ours.dump(box)
                    stops.append(d.stop * 1e3)
                    walls.append(d.wall * 1e6)
                box.kill()
                points["restore"].append((n, b.ours.restore(d, box) * 1e6))
                b.ours.forget(d)
            points["stop"].append((n, min(stops)))
            points["dump"].append((n, min(walls)))
        for what, p in points.items():
            judge(b, f"growth.{name}.{what}", p)
