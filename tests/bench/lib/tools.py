# SPDX-License-Identifier: GPL-2.0-or-later
"""livemig and its peer behind the same few methods."""
import json
import os
import shutil
import struct
import subprocess
import time

from .box import CGROUP, BenchError, enter

TMP = "/tmp/bench"      # a tmpfs


def run(argv, cgroup=None, limit=600, **kw):
    """Run a program to its end. (seconds, its standard output)"""
    if cgroup:
        os.makedirs(cgroup, exist_ok=True)
        enter(cgroup)
    try:
        start = time.monotonic_ns()
        p = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
    finally:
        if cgroup:
            enter(CGROUP)
    try:
        out, err = p.communicate(timeout=limit)
    except subprocess.TimeoutExpired as late:
        p.kill()
        p.communicate()
        raise BenchError(f"{' '.join(map(str, argv[:2]))}: not done in {limit} s") from late
    end = time.monotonic_ns()
    if p.returncode:
        raise BenchError(f"{' '.join(map(str, argv[:2]))}: status {p.returncode}: "
                         f"{(err or out).decode(errors='replace').strip()[-300:]}")
    return (end - start) / 1e9, out.decode()


class Dump:
    """What one dump was: wall (s), stop (ms, by the tool), gap (ms, by the
    workload; last_gap: in the final stop only), bytes, image, and more of the
    tool's own."""

    def __init__(self, **kw):
        self.__dict__.update(kw)


class Livemig:
    key = "ours"

    def __init__(self, migctl):
        self.migctl = migctl
        # (as for CRIU: nothing comes over the guest's slow root file system)
        self.env = {**os.environ, "LD_LIBRARY_PATH": f"{TMP}/lib"}
        self.version = self.run("--version")[1].split()[1]
        self.count = 0

    def run(self, *args):
        return run([self.migctl, *args], env=self.env)

    def dump(self, box, rounds=0, image=None):
        """The container runs on."""
        self.count += 1
        image = image or f"{TMP}/livemig.{self.count}"
        since = time.monotonic_ns()
        wall, out = self.run("dump", box.path, "-o", image, "--json",
                             *(["--rounds", rounds] if rounds else []))
        until = time.monotonic_ns()
        said = json.loads(out)
        stops = [s for s in box.stops() if s[0] >= since]
        # Frozen is the end of freezing.
        final = (stops[-1][0] if stops else since) - said["stop"]["freeze"] - 2_000_000
        return Dump(wall=wall, stop=said["stop"]["total"] / 1e6,
                    gap=box.longest_gap(since, until),
                    last_gap=box.longest_gap(final, until), bytes=said["bytes"],
                    image=image, said=said, since=since, until=until,
                    stops=stops, final=final)

    def restore(self, dump, box):
        """Seconds until migctl ends: then it runs."""
        wall, _ = self.run("restore", dump.image)
        box.beats_on()
        return wall

    def nothing(self):
        """ms that a migctl needs which does nothing"""
        return self.run("--version")[0] * 1e3

    def restore_lazily(self, dump, box):
        """Seconds until it runs; its memory follows."""
        wall, _ = self.run("restore", "--lazy", dump.image)
        box.beats_on()
        return wall

    def forget(self, dump):
        os.unlink(dump.image)


class Criu:
    """CRIU with what makes it fast: no log, files compared by size, no cgroups."""
    key = "peer"
    common = ["-v0", "--file-validation", "filesize", "--manage-cgroups=ignore"]

    def __init__(self, program):
        self.criu = program
        with open(f"{os.path.dirname(program)}/version") as f:
            lines = f.read().split("\n")
        self.version = f"{lines[0].split()[-1]} ({lines[-2]})"
        self.count = 0

    def pre_dump(self, box, directory, parent=None, mode="read"):
        os.makedirs(directory)
        since = time.monotonic_ns()
        wall, _ = run([self.criu, "pre-dump", "-t", box.pid, "-D", directory,
                       "--track-mem", "--pre-dump-mode", mode, *self.common,
                       *(["--prev-images-dir", parent] if parent else [])])
        until = time.monotonic_ns()
        return Dump(wall=wall, stop=frozen_ms(directory), since=since, until=until,
                    gap=box.longest_gap(since, until), bytes=size_of(directory))

    def dump(self, box, rounds=0):
        """The container runs on."""
        self.count += 1
        top = f"{TMP}/criu.{self.count}"
        os.makedirs(top)
        since = time.monotonic_ns()
        pre = []
        parent = None
        for i in range(rounds):
            pre.append(self.pre_dump(box, f"{top}/{i}", parent))
            parent = f"../{i}"
        directory = f"{top}/{rounds}"
        os.makedirs(directory)
        last = time.monotonic_ns()
        run([self.criu, "dump", "-t", box.pid, "-D", directory, "--leave-running",
             *self.common, *(["--track-mem", "--prev-images-dir", parent]
                             if parent else [])])
        until = time.monotonic_ns()
        return Dump(wall=(until - since) / 1e9, stop=frozen_ms(directory), pre=pre,
                    gap=box.longest_gap(since, until),
                    last_gap=box.longest_gap(last, until), bytes=size_of(top),
                    image=directory, top=top, since=since, until=until)

    def restore(self, dump, box):
        wall, _ = run([self.criu, "restore", "-D", dump.image, "-d", *self.common],
                      cgroup=f"{CGROUP}/peer")
        box.beats_on()
        return wall

    def restore_lazily(self, dump, box):
        """The daemon that brings the pages has to be there first."""
        start = time.monotonic()
        # (it keeps the standard output that it is given)
        run(["bash", "-c", 'exec "$@" >/dev/null 2>&1', "-", self.criu, "lazy-pages",
             "-D", dump.image, "-W", dump.image, "-d", "-v0"])
        run([self.criu, "restore", "-D", dump.image, "-W", dump.image, "-d", "--lazy-pages",
             *self.common], cgroup=f"{CGROUP}/peer")
        wall = time.monotonic() - start
        box.beats_on()
        return wall

    def forget(self, dump):
        shutil.rmtree(dump.top)


def size_of(directory):
    return sum(os.path.getsize(os.path.join(d, f))
               for d, _, files in os.walk(directory) for f in files
               if not os.path.islink(os.path.join(d, f)))


def fields(data):
    """{number: value} of a protobuf message with varints and submessages."""
    def varint(i):
        value = shift = 0
        while True:
            byte = data[i]
            value |= (byte & 0x7F) << shift
            shift += 7
            i += 1
            if byte < 0x80:
                return value, i
    found, i = {}, 0
    while i < len(data):
        key, i = varint(i)
        value, i = varint(i)
        if key & 7 == 2:
            value, i = data[i:i + value], i + value
        found[key >> 3] = value
    return found


def frozen_ms(directory):
    """frozen_time of CRIU's stats-dump."""
    with open(f"{directory}/stats-dump", "rb") as f:
        data = f.read()
    length = struct.unpack_from("<I", data, 8)[0]
    return fields(fields(data[12:12 + length])[1])[2] / 1e3
