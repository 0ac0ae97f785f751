# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows, rounds, and what becomes of the numbers."""
import json
import os
import statistics
import subprocess
import sys
import time
import traceback

from .box import BenchError, Box
from .tools import TMP, Criu, Livemig, run

# What counts as met: ours / peer (or limit) at most, or at least, this.
KINDS = ("peer_max", "limit_max", "limit_min", "ours_max")


def row(case, unit, target, note="", **need):
    """A line of the report. @need: one of KINDS."""
    assert all(k in KINDS for k in need), need
    return {"case": case, "unit": unit, "target": target, "need": need, "note": note}


def missing(case, unit, target, why):
    """A line for what livemig cannot do: never met, and it says why."""
    return {"case": case, "unit": unit, "target": target, "need": {}, "note": why,
            "missing": True}


def median(values):
    return statistics.median(values) if values else None


def spread(values):
    """(largest - smallest) / median"""
    m = median(values)
    return (max(values) - min(values)) / m if len(values) > 1 and m else 0.0


class Bench:
    def __init__(self, work, quick):
        self.work, self.quick = work, quick
        self.ours, self.peer = Livemig(f"{TMP}/bin/migctl"), Criu(f"{TMP}/peer/criu")
        self.kernel = os.uname().release
        self.samples = {}
        self.limits = {}
        self.notes = {}
        self.plots = {}

    # ---- what cases use ----

    def box(self, program, *args):
        return Box(f"{TMP}/bin/{program}", *args)

    def scale(self, full, quick):
        """A size; that of a quick run is told in every row of the case."""
        return quick if self.quick else full

    def rounds(self, full=5, quick=1, seconds=None):
        """Alternate: (tool, other tool), the other way round in every second.
        At least one round, then as many as there is time for."""
        n = self.scale(full, quick)
        end = time.monotonic() + (seconds or self.scale(150, 40))
        for i in range(n):
            yield (self.ours, self.peer) if i % 2 == 0 else (self.peer, self.ours)
            if time.monotonic() > end:
                break

    def add(self, case, who, value):
        """@who: a tool, or "ours", "peer", "limit"."""
        key = getattr(who, "key", who)
        self.samples.setdefault(case, {}).setdefault(key, []).append(value)

    def note(self, case, text):
        self.notes.setdefault(case, []).append(text)

    def limit(self, name):
        return self.limits.get(name)

    # ---- the run ----

    def measure_limits(self):
        for _ in range(self.scale(3, 1)):
            _, out = run([f"{TMP}/bin/limits", self.scale(512, 128), f"{TMP}/limit"])
            for name, value in json.loads(out).items():
                self.limits.setdefault(name, []).append(value)
        self.limits = {k: median(v) for k, v in self.limits.items()}

    def run_case(self, module):
        start = time.monotonic()
        why = None
        try:
            module.run(self)
        except (BenchError, OSError, ValueError, KeyError,
                subprocess.SubprocessError) as err:
            why = f"not measured: {err}"
            traceback.print_exc()
        rows = [self.result(r, why) for r in module.ROWS]
        print(f"# {module.__name__.split('.')[-1]}: {time.monotonic() - start:.0f} s",
              flush=True)
        for r in rows:
            print(line(r), flush=True)
        return rows

    def result(self, r, why):
        got = self.samples.get(r["case"], {})
        ours, peer, limit = (median(got.get(k, [])) for k in ("ours", "peer", "limit"))

        def ratio(base):
            return ours / base if ours is not None and base else None
        out = {"case": r["case"], "unit": r["unit"], "ours": ours, "peer": peer,
               "limit": limit, "ratio_peer": ratio(peer), "ratio_limit": ratio(limit),
               "target": r["target"], "n": len(got.get("ours", [])),
               "spread": {k: spread(v) for k, v in got.items()},
               "kernel": self.kernel, "peer_version": self.peer.version,
               "missing": bool(r.get("missing"))}
        out["met"] = met(r["need"], out)
        notes = [r["note"], *self.notes.get(r["case"], [])]
        if why and ours is None:
            notes.append(why)
        out["note"] = "; ".join(n for n in notes if n)
        return out


def met(need, r):
    """True or False; False, too, when there is nothing to compare."""
    checks = {
        "peer_max": lambda x: r["ratio_peer"] is not None and r["ratio_peer"] <= x,
        "limit_max": lambda x: r["ratio_limit"] is not None and r["ratio_limit"] <= x,
        "limit_min": lambda x: r["ratio_limit"] is not None and r["ratio_limit"] >= x,
        "ours_max": lambda x: r["ours"] is not None and r["ours"] <= x,
    }
    return bool(need) and all(checks[k](x) for k, x in need.items())


def number(x):
    if x is None:
        return "-"
    return f"{x:.0f}" if abs(x) >= 1000 else f"{x:.3g}"


def line(r):
    state = "met" if r["met"] else "missing" if r["missing"] else "NOT met"
    return (f"{r['case']:24} {number(r['ours']):>8} {r['unit']:6}"
            f" peer {number(r['peer']):>8}  x{number(r['ratio_peer']):>7}"
            f"  limit {number(r['limit']):>7}  {state:8} {r['target']}"
            + (f"  [{r['note']}]" if r["note"] else ""))
