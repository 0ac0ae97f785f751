# SPDX-License-Identifier: GPL-2.0-or-later
"""What tracking costs the program: a thread writes one word to each page of a
region over and over. How much processor time do the first writes after a round
take more than the same writes untracked? Soft-dirty, as user space uses it, is
the peer: clear_refs, with nothing else done. A round also reads and sends all that
was written, on the same processor: what that alone costs the writer (its caches, and
the emulator's) is measured by the same round without tracking, and not counted."""
import os

from cases.content import Rounds
from lib.bench import row
from lib.box import wait_for

ROWS = [row("slowdown.write", "us/page", "<= 1/2 of soft-dirty's added cost",
            "added to the first write to a page after a round", peer_max=0.5),
        row("slowdown.rounds", "us/page", "<= 1/2 of soft-dirty's added cost",
            "the same, a round, when all pages are written in six of them",
            peer_max=0.5)]

SIX = 6


class Writer:
    def __init__(self, box, pages):
        self.box, self.pages = box, pages
        # (not the leader, which is the pulse)
        self.tid = max(os.listdir(f"/proc/{box.pid}/task"), key=int)

    def now(self):
        """(processor time in ns, writes)"""
        with open(f"/proc/{self.box.pid}/task/{self.tid}/schedstat") as f:
            return int(f.read().split()[0]), self.box.head()[3]

    def untracked(self):
        """ns of a write that costs nothing more"""
        t0, w0 = self.now()
        wait_for("it writes", lambda: self.now()[1] >= w0 + 20 * self.pages)
        t1, w1 = self.now()
        self.free = (t1 - t0) / (w1 - w0)

    def added(self, track):
        """us a page from before @track(), which protects every page once, until
        every page was written again"""
        t0, w0 = self.now()
        track()
        _, after = self.now()
        wait_for("it writes", lambda: self.now()[1] >= after + self.pages)
        t1, w1 = self.now()
        return (t1 - t0 - (w1 - w0) * self.free) / self.pages / 1e3


def clear_refs(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as f:
        f.write("4")


def run(b):
    mb = 64
    for _ in range(b.scale(9, 3)):
        with b.box("writer", mb, mb, 0, 1) as box:
            w = Writer(box, mb * 256)
            w.untracked()
            clear = lambda: clear_refs(box.pid)
            b.add("slowdown.write", "peer", w.added(clear))
            b.add("slowdown.rounds", "peer",
                  sum(w.added(clear) for _ in range(SIX)) / SIX)
            with Rounds(box, "=") as r:
                r.round()
                sending = sum(w.added(r.round) for _ in range(SIX)) / SIX
            with Rounds(box) as r:
                r.round()
                six = [w.added(r.round) for _ in range(SIX)]
            for case in ("slowdown.write", "slowdown.rounds"):
                b.note(case, f"sending: {sending:.1f} us/page, not counted")
            b.add("slowdown.write", "ours", six[0] - sending)
            b.add("slowdown.rounds", "ours", sum(six) / SIX - sending)
