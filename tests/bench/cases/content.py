# SPDX-License-Identifier: GPL-2.0-or-later
"""What a round sends of pages whose content asks for little. The limit is what
information theory asks for: the bytes that changed, 8 bytes to say which page,
the head of a record (of one with pages or zeros: a page), and what an empty round
has."""
import json
import subprocess

from lib.bench import row
from lib.box import BenchError
from lib.tools import TMP

HEAD = 4096
TARGET = "<= 1.1 of what information theory asks"
ROWS = [
    row("content.same", "KB", TARGET, "pages rewritten with the same bytes", limit_max=1.1),
    row("content.granule", "KB", TARGET, "64 bytes changed in each page", limit_max=1.1),
    row("content.zero", "KB", TARGET, "pages that became zeros", limit_max=1.1),
    row("content.copies", "KB", TARGET, "the same pages in 8 processes", limit_max=1.1),
]


class Rounds:
    """work/rounds.c: one round for each call."""

    def __init__(self, box, how="-"):
        self.p = subprocess.Popen([f"{TMP}/bin/rounds", box.path, how],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.p.stdin.close()
        self.p.wait()
        self.p.stdout.close()

    def round(self):
        self.p.stdin.write("\n")
        self.p.stdin.flush()
        out = self.p.stdout.readline()
        if not out.startswith("{"):
            raise BenchError(f"rounds: {out.strip()}")
        return json.loads(out)


def asked(how, mb, empty):
    pages = mb * 256
    return empty + {"same": 0, "granule": pages * (64 + 8), "zero": HEAD,
                    "copies": 7 * pages * 8}[how]


def ours(b, how, mb):
    with b.box("content", mb, how) as box, Rounds(box) as r:
        first = r.round()["bytes"]
        empty = r.round()["bytes"]
        if how == "copies":
            return first
        box.act()
        again = r.round()["bytes"]
    b.add(f"content.{how}", "limit", asked(how, mb, empty) / 1e3)
    return again


def peer(b, how, mb):
    with b.box("content", mb, how) as box:
        d = b.peer.pre_dump(box, f"{TMP}/content.0")
        if how != "copies":
            box.act()
            d = b.peer.pre_dump(box, f"{TMP}/content.1", "../content.0")
    subprocess.run(["rm", "-rf", f"{TMP}/content.0", f"{TMP}/content.1"], check=True)
    return d.bytes


def run(b):
    mb = 16
    with b.box("content", mb, "none") as box, Rounds(box) as r:
        b.add("content.copies", "limit", asked("copies", mb, r.round()["bytes"]) / 1e3)
    for _ in range(b.scale(3, 1)):
        for how in ("same", "granule", "zero", "copies"):
            b.add(f"content.{how}", "ours", ours(b, how, mb) / 1e3)
            b.add(f"content.{how}", "peer", peer(b, how, mb) / 1e3)
