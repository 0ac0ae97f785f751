# SPDX-License-Identifier: GPL-2.0-or-later
"""Lazy restore: the time to the first instruction, pages follow later."""
from lib.bench import missing

ROWS = [missing(f"lazy.{size}", "ms", "flat: within 2x of the tiny process",
                "not measured yet (restore --lazy)")
        for size in ("64m", "1g", "4g")]


def run(b):
    pass
