# SPDX-License-Identifier: GPL-2.0-or-later
"""Four connections to a server that adds up, for each of them, the squares of
what it is told, and says whether it finds itself all right."""
from load import Line, run

lines = [Line(7000) for _ in range(4)]
sums = [0] * len(lines)


def step(i):
    n = i % len(lines)
    sums[n] += i * i
    answer = lines[n].ask(str(i))
    assert answer == f"{sums[n]} ok", (i, answer, sums[n])


run(step)
