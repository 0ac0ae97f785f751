# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that a dump with rounds takes, in the kernel and in migctl."""
import glob
import threading

from lib.bench import row

ROWS = [row("memory.use", "MB", "< 1 % of the container + 64 MB", limit_max=1)]
KERNEL = ("Slab:", "PageTables:", "KernelStack:", "VmallocUsed:", "Percpu:")


def kernel_mb():
    with open("/proc/meminfo") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith(KERNEL)) / 1024


class Watch(threading.Thread):
    """The largest use of kernel memory while it runs, over that at its start,
    and the peak of migctl."""

    def __init__(self):
        super().__init__()
        self.base, self.kernel, self.tool = kernel_mb(), 0, 0
        self.end = threading.Event()

    def run(self):
        while not self.end.wait(0.1):
            self.kernel = max(self.kernel, kernel_mb() - self.base)
            for comm in glob.glob("/proc/[0-9]*/comm"):
                try:
                    if open(comm).read() != "migctl\n":
                        continue
                    for line in open(comm.replace("comm", "status")):
                        if line.startswith("VmHWM:"):
                            self.tool = max(self.tool, int(line.split()[1]) / 1024)
                except OSError:
                    pass


def run(b):
    size = b.scale(4096, 1024)
    b.note("memory.use", f"a dump of {size} MB with two rounds: the largest sum of migctl "
           "and of what slab, vmalloc, page tables, stacks and per-CPU grew by")
    with b.box("writer", size, 64, 50, 1) as box:
        watch = Watch()
        watch.start()
        try:
            d = b.ours.dump(box, rounds=2)
        finally:
            watch.end.set()
            watch.join()
    # (the image's page cache has radix tree nodes: slab that is not ours)
    nodes = d.bytes / 4096 / 64 * 576 / 2**20
    b.ours.forget(d)
    b.add("memory.use", "ours", max(0, watch.kernel - nodes) + watch.tool)
    b.add("memory.use", "limit", size / 100 + 64)
