# SPDX-License-Identifier: GPL-2.0-or-later
"""From guest to guest: migctl migrate, and what CRIU's users do: pre-dumps and
the last dump by a page server, the small images by tar, the restore. A program
writes 10 MB/s to a quarter of its memory meanwhile. Then over a slow link, with
memory that holds text."""
import json
import os
import shutil
import subprocess
import time

from lib.bench import row
from lib.box import BenchError
from lib.pair import sent
from lib.tools import TMP, frozen_ms, run as run_tool

PAIR = True
ROWS = [
    row("migrate.total", "s", "<= 1.15 x bytes sent / measured rate of the link",
        limit_max=1.15),
    row("migrate.bytes", "MB", "<= 1.15 x memory and what was written during the rounds",
        limit_max=1.15),
    row("migrate.stop", "ms", "<= 1/10 of CRIU's, from the freeze to running there",
        peer_max=1 / 10),
    row("migrate.compressed", "s", "<= 1.15 x bytes sent / rate of the link, --compress auto",
        limit_max=1.15),
]
ROUNDS = 3
WRITES = 10     # MB/s
SLOW = "80mbit"


def migrate(b, box, *options):
    """(seconds, bytes on the wire, what it says)"""
    before = sent()
    wall, out = b.ours.run("migrate", box.path, b.remote.host, "--insecure", "--json", *options)
    return wall, sent() - before, json.loads(out)


def written(rounds, mb):
    """MB of pages that were written while a round was under way, each once"""
    return sum(min(mb, WRITES * r["seconds"]) for r in rounds if not r["final"])


def ours(b, box, mb):
    wall, wire, said = migrate(b, box)
    b.add("migrate.bytes", "limit", mb * 1.048576 + written(said["rounds"], mb // 4))
    b.add("migrate.stop", "ours", said["stop_ms"])
    b.note("migrate.stop", "steps in ms: " + ", ".join(
        f"{k} {v:.1f}" for k, v in said["stop_steps"].items()))
    b.plots.setdefault("migrations", []).append(
        {"title": "livemig: " + " ".join(box.argv).replace(f"{TMP}/bin/", ""),
         "rounds": said["rounds"], "stop_ms": said["stop_ms"]})
    return wall, wire


def peer(b, box):
    """Page servers and images lie in TMP/move on both sides."""
    top = f"{TMP}/move"
    criu, common = b.peer.criu, b.peer.common
    os.makedirs(top)
    b.remote.shell(f"rm -rf {top}; mkdir -p {top} /sys/fs/cgroup/box")
    before, start = sent(), time.monotonic()
    for i in range(ROUNDS + 1):
        os.makedirs(f"{top}/{i}")
        parent = ["--prev-images-dir", f"../{i - 1}"] if i else []
        b.remote.shell(f"mkdir {top}/{i}; exec {criu} page-server -d -D {top}/{i} --port 9876 "
                       f"-v0 {' '.join(parent)} >/dev/null 2>&1")
        last = time.monotonic()
        mode = ["dump"] if i == ROUNDS else ["pre-dump", "--pre-dump-mode", "read"]
        run_tool([criu, *mode, "-t", box.pid, "-D", f"{top}/{i}", "--track-mem",
                  "--page-server", "--address", b.remote.host, "--port", 9876,
                  *parent, *common], limit=60)
    # What the page server did not take: a few small files.
    b.remote.call("bash", "-c", f"socat -u TCP-LISTEN:9877,reuseaddr - | "
                  f"tar -C {top}/{ROUNDS} -x && touch {top}/there", wait=False)
    run_tool(["bash", "-c", f"tar -C {top}/{ROUNDS} --exclude=parent -c . | "
              f"socat -u - TCP:{b.remote.host}:9877,retry=500,interval=0.01"])
    b.remote.shell(f"until [ -e {top}/there ]; do sleep 0.01; done; "
                   f"echo 0 >/sys/fs/cgroup/box/cgroup.procs; "
                   f"{criu} restore -d -D {top}/{ROUNDS} {' '.join(common)} -v1 -o log "
                   f"|| {{ head -n 4 {top}/{ROUNDS}/log; false; }}")
    end = time.monotonic()
    b.add("migrate.stop", "peer", (end - last) * 1e3)
    b.note("migrate.stop", f"CRIU: frozen for {frozen_ms(f'{top}/{ROUNDS}'):.0f} ms of it")
    shutil.rmtree(top)
    return end - start, sent() - before


def there_is_nothing(b):
    b.remote.shell("cd /sys/fs/cgroup/box && echo 1 >cgroup.kill && "
                   "until ! grep -q . cgroup.procs; do sleep 0.05; done; cd /; "
                   "rmdir /sys/fs/cgroup/box")


def over_a_slow_link(b):
    mb = b.scale(256, 64)
    b.note("migrate.compressed", f"{mb} MB of text, a link of {SLOW}")
    subprocess.run(["tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", SLOW,
                    "burst", "128kb", "latency", "100ms"], check=True)
    rate = b.remote.rate(b.scale(32, 16))
    for _ in range(b.scale(3, 1)):
        for how in ("auto", "none"):
            with b.box("mem", mb, "text") as box:
                wall, wire, said = migrate(b, box, "--compress", how)
                there_is_nothing(b)
            if how == "none":
                b.note("migrate.compressed", f"without: {wall:.1f} s, {wire / 1e6:.0f} MB")
                continue
            b.add("migrate.compressed", "ours", wall)
            b.add("migrate.compressed", "limit", wire / 1e6 / rate)
            b.note("migrate.compressed", f"{said['compress']}: {wire / 1e6:.0f} MB")
    subprocess.run(["tc", "qdisc", "del", "dev", "eth0", "root"], check=True)


def run(b):
    mb = b.scale(512, 128)
    for r in ROWS[:3]:
        b.note(r["case"], f"{mb} MB, {WRITES} MB/s of writes to {mb // 4} MB")
    b.remote.call(b.ours.migctl, "agent", "--listen", b.remote.host, "--insecure", wait=False)
    b.remote.shell("until ss -ltn | grep -q :7447; do sleep 0.1; done")
    fails = False
    for tools in b.rounds(full=5, quick=1, seconds=b.scale(300, 80)):
        rate = b.remote.rate(b.scale(128, 32))
        for tool in tools:
            if tool is b.peer and fails:
                continue
            with b.box("writer", mb, mb // 4, WRITES, 1) as box:
                try:
                    wall, wire = ours(b, box, mb) if tool is b.ours else peer(b, box)
                except BenchError as err:
                    if tool is b.ours:
                        raise
                    b.note("migrate.stop", f"CRIU: {err}")
                    fails = True
                    continue
                there_is_nothing(b)
            b.add("migrate.total", tool, wall)
            b.add("migrate.bytes", tool, wire / 1e6)
            if tool is b.ours:
                b.add("migrate.total", "limit", wire / 1e6 / rate)
    over_a_slow_link(b)
