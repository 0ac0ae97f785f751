# SPDX-License-Identifier: GPL-2.0-or-later
"""Workloads in a cgroup of their own, and their pulse (work/pulse.h)."""
import os
import re
import signal
import struct
import subprocess
import time

CGROUP = "/sys/fs/cgroup"
TRACE = "/sys/kernel/tracing"
PULSE, MAGIC, NOTES = 0x100000000, 0x65736C7570, 4000
HEAD = struct.Struct("<8Q")
LIMIT = 120     # seconds until something is broken, on a machine that is slow


class BenchError(Exception):
    """A measurement that could not be made; the text says why."""


def wait_for(what, condition, seconds=LIMIT):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise BenchError(f"waited {seconds} s until {what}")
        time.sleep(0.005)


def enter(cgroup):
    """Who starts a program in a cgroup goes there first: no shell in between."""
    with open(f"{cgroup}/cgroup.procs", "w") as f:
        f.write("0")


def watch_freezer():
    """From now on the kernel notes when a cgroup becomes frozen, and thawed."""
    for name, value in (("trace_clock", "mono"), ("buffer_size_kb", "64"),
                        ("events/cgroup/cgroup_notify_frozen/enable", "1")):
        with open(f"{TRACE}/{name}", "w") as f:
            f.write(value)


class Box:
    """One program in the cgroup "box"; a context manager that kills it."""

    def __init__(self, *argv, name="box", args=()):
        self.argv = [*map(str, argv), *map(str, args)]
        self.path = f"{CGROUP}/{name}"
        self.pid = None

    def __enter__(self):
        os.makedirs(self.path, exist_ok=True)
        enter(self.path)
        try:
            self.child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True, cwd="/")
        finally:
            enter(CGROUP)
        self.pid = self.child.pid
        wait_for(f"{self.argv[0]} is ready", self.ready)
        return self

    def __exit__(self, *exc):
        self.kill()

    def ready(self):
        if self.child.poll() is not None:
            raise BenchError(f"{' '.join(self.argv)} ended with {self.child.returncode}")
        try:
            return self.head()[0] == MAGIC
        except OSError:
            return False

    def kill(self):
        """Nothing of it stays, whoever made it: the pids have to be free."""
        for path in (self.path, f"{CGROUP}/peer"):
            if not os.path.isdir(path):
                continue
            for name, value in (("cgroup.freeze", "0"), ("cgroup.kill", "1")):
                with open(f"{path}/{name}", "w") as f:
                    f.write(value)
            wait_for(f"{path} can be removed", lambda p=path: self.removed(p))
        wait_for("its pid is free", lambda: self.reap() or not
                 os.path.exists(f"/proc/{self.pid}"))

    def removed(self, path):
        self.reap()
        try:
            os.rmdir(path)
            return True
        except OSError:
            return False

    def reap(self):
        """We are a subreaper: what tools leave behind is ours."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        self.child.returncode = -signal.SIGKILL

    def read(self, offset, length):
        with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as f:
            return os.pread(f.fileno(), length, PULSE + offset)

    def head(self):
        """magic, last, beats, work, go, done, nr"""
        return HEAD.unpack(self.read(0, HEAD.size))

    def act(self):
        """Ask it to do its work once, and wait until it is done."""
        go = self.head()[4] + 1
        with open(f"/proc/{self.pid}/mem", "wb", buffering=0) as f:
            os.pwrite(f.fileno(), struct.pack("<Q", go), PULSE + 32)
        wait_for("it did its work", lambda: self.head()[5] == go)

    def beats_on(self):
        """It runs: its pulse goes on."""
        before = self.head()[2]
        wait_for("its pulse goes on", lambda: self.head()[2] > before)

    def gaps(self, since, until):
        """[(end, gap)] in ns: when the pulse was late. Both times are
        time.monotonic_ns(); waits for the beat after @until."""
        wait_for("its pulse goes on", lambda: self.head()[1] > until)
        nr = self.head()[6]
        notes = struct.unpack(f"<{NOTES * 2}Q", self.read(HEAD.size, NOTES * 16))
        n = min(nr, NOTES)
        found = []
        for i in range(n):
            at, late = notes[2 * i], notes[2 * i + 1]
            # A gap belongs to the window in which it began.
            if since <= at - late <= until:
                found.append((at, late))
        return sorted(found)

    def stops(self):
        """[(when, how long)] in ns: how often and how long it was frozen."""
        found, since = [], None
        with open(f"{TRACE}/trace") as f:
            for line in f:
                m = re.search(r"(\d+\.\d+): cgroup_notify_frozen: .*path=(\S+) val=(\d)", line)
                if not m or not self.path.endswith(m[2]):
                    continue
                at = int(float(m[1]) * 1e9)
                if m[3] == "1":
                    since = at
                elif since:
                    found.append((since, at - since))
                    since = None
        return found

    def longest_gap(self, since, until):
        """ms"""
        return max([late for _, late in self.gaps(since, until)], default=1e5) / 1e6
