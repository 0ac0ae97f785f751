#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/host/image.py - writes images by Documentation/image-format.rst alone

usage: tests/host/image.py DIRECTORY

Writes DIRECTORY/good.img, in which every type of record occurs that may be in an
image, and one image for each thing that can be wrong although all checksums are
right. Prints one line for each of these: NAME|EXIT STATUS|what migctl image verify
has to say.
"""
import struct
import sys

PROCESS, THREAD, MM, VMAS, FILE, FDS, SHMEM, DATA, UNSUPPORTED, PAGES, TIME, PATCHES = range(1, 13)
PAD, HEADER, ROUND, ROUND_END, NETNS, CGROUP, END, SECCOMP, NS, IPC, TREE, NFT = range(64, 76)
HELLO = 128
REQUIRED = 1
PAGE = 4096
M64 = (1 << 64) - 1
P1, P2, P3, P4, P5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                      0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)


def xxh64(data):
    """XXH64 with seed 0."""
    def rol(x, n):
        return (x << n | x >> (64 - n)) & M64

    def step(acc, lane):
        return rol((acc + lane * P2) & M64, 31) * P1 & M64

    n, i = len(data), 0
    if n >= 32:
        v = [(P1 + P2) & M64, P2, 0, -P1 & M64]
        while i + 32 <= n:
            v = [step(a, lane) for a, lane in zip(v, struct.unpack_from("<4Q", data, i))]
            i += 32
        h = sum(rol(a, r) for a, r in zip(v, (1, 7, 12, 18))) & M64
        for a in v:
            h = ((h ^ step(0, a)) * P1 + P4) & M64
    else:
        h = P5
    h = (h + n) & M64
    while i + 8 <= n:
        h = (rol(h ^ step(0, struct.unpack_from("<Q", data, i)[0]), 27) * P1 + P4) & M64
        i += 8
    if i + 4 <= n:
        h = (rol(h ^ struct.unpack_from("<I", data, i)[0] * P1 & M64, 23) * P2 + P3) & M64
        i += 4
    while i < n:
        h = rol(h ^ data[i] * P5 & M64, 11) * P1 & M64
        i += 1
    h = (h ^ h >> 33) * P2 & M64
    h = (h ^ h >> 29) * P3 & M64
    return h ^ h >> 32


OPTIONAL = 1 << 14


def attr(number, value):
    """One netlink attribute. Integers are u32; u64() makes the others."""
    if isinstance(value, int):
        value = struct.pack("<I", value)
    if isinstance(value, str):
        value = value.encode() + b"\0"
    a = struct.pack("<HH", 4 + len(value), number) + value
    return a + bytes(-len(a) % 4)


def attrs(table):
    """{number: value, or a list of values}"""
    out = b""
    for number, value in table.items():
        for v in value if isinstance(value, list) else [value]:
            out += attr(number, v)
    return out


def u64(v):
    return struct.pack("<Q", v)


class Rec:
    """A record; tests change its members before it is encoded."""

    def __init__(self, kind, table=None, head=None, payload=b""):
        self.kind, self.table, self.raw, self.payload = kind, table or {}, head, payload
        self.version, self.flags = 1, REQUIRED if kind != PAD else 0
        self.seq = M64 if kind == PAGES else None
        self.head_len = None

    def encode(self, seq):
        head = attrs(self.table) if self.raw is None else self.raw
        align = PAGE if self.kind == PAGES else 8

        def header(checksum):
            return struct.pack("<IHBBIIQQ", 0x52474d4c, self.kind, self.version, self.flags,
                               len(head) if self.head_len is None else self.head_len,
                               len(self.payload), seq if self.seq is None else self.seq,
                               checksum)
        out = header(xxh64(header(0) + head)) + head
        return out + bytes(-len(out) % align) + self.payload


def pages(space, ident, number, entries):
    """entries: (address, kind, bytes of the page or number of pages)"""
    table, payload = b"", b""
    for addr, kind, what in entries:
        if kind == 0:
            table += struct.pack("<QQ", addr, xxh64(what))
            payload += what
        else:
            table += struct.pack("<QQ", addr | kind, what)
    return Rec(PAGES, head=struct.pack("<IIII", space, ident, number, len(entries)) + table,
               payload=payload)


def vma(start, end, kind=0, obj=0, offset=0, flags=3):
    return struct.pack("<QQQIHHII", start, end, offset, flags, kind, 0, obj, 0)


def fd(number, file):
    return struct.pack("<IIII", number, file, 0, 0)


def nft(kind, table):
    """A message of nf_tables, of an ip table."""
    return struct.pack("<HHBBH", kind, 0, 2, 0, 0) + attrs(table)


def id_map(lines):
    """As /proc shows it, of ids that are each by themselves."""
    return "\n".join("%10u %10u %10u" % (2 * i, 3 * i, 1) for i in range(lines))


def a_page(c):
    return bytes([c]) * 100 + bytes(range(256)) * 15 + bytes([c]) * 156


def good():
    """A parent with two threads, a child, a zombie; one live and one final round."""
    regs, xstate = bytes(216), bytes(576)
    objects = [
        Rec(PROCESS, {2: 10, 3: 0, 4: 10, 5: 10, 6: 2, 7: 17, 8: 1, 9: 1, 10: 1,
                      11: bytes(64 * 32), 12: bytes(256), 14: bytes(48), 15: 0o22,
                      16: "/srv", 17: "/", 21: bytes(40), 22: "", 23: u64(5)}),
        Rec(THREAD, {2: 10, 3: 10, 4: "main", 5: regs, 6: xstate, 7: u64(0)}),
        Rec(THREAD, {2: 11, 3: 10, 4: "worker", 5: regs, 6: xstate}),
        Rec(FILE, {2: 1, 3: 1, 5: "/usr/bin/server", 6: 0x8000, 19: b""}),
        Rec(MM, {2: 1, 3: bytes(96), 4: bytes(32), 5: 1, 6: "/usr/bin/server",
                 7: bytes(16), 8: u64(77)}),
        Rec(VMAS, {2: 1, 3: vma(0x400000, 0x402000, 1, 1) + vma(0x500000, 0x504000)}),
        Rec(SHMEM, {2: 1, 3: u64(8192), 4: "memfd:x"}),
        Rec(VMAS, {2: 1, 3: vma(0x600000, 0x602000, 3, 1)}),
        Rec(FILE, {2: 2, 3: 4, 4: "pipe:[7]", 6: 0, 20: struct.pack("<Ii", 10, 0)}),
        Rec(FILE, {2: 3, 3: 11, 18: attrs({2: 1, 3: 1, 6: u64(9)})}),
        Rec(FILE, {2: 4, 3: 12, 17: 1}),
        Rec(FDS, {2: 1, 3: fd(0, 2) + fd(3, 3)}),
        Rec(FDS, {2: 1, 3: fd(5, 4)}),
        Rec(PROCESS, {2: 12, 3: 10, 6: 1, 8: 1, 9: 1}),
        Rec(THREAD, {2: 12, 3: 12, 4: "child"}),
        Rec(PROCESS, {2: 13, 3: 12, 20: 2}),
        Rec(TIME, {2: 10, 3: struct.pack("<3q", 5, 6, 7), 4: bytes(64), 5: 1}),
    ]
    header = Rec(HEADER, {1: 1, 2: bytes(range(16)), 4: "x86_64", 5: "6.1.0", 6: "hosta",
                          7: u64(1700000000), 8: u64(7), 9: 576, 10: u64(77), 11: "box",
                          12: u64(5)})
    live = [(0x400000, 0, a_page(1)), (0x500000, 0, a_page(2)), (0x900000, 1, 3)]
    last = [(0x500000, 0, a_page(3)), (0x501000, 1, 2), (0x700000, 2, 5)]

    def end(number, data, zero, hole, size, final=False):
        table = {1: number, 3: u64(data), 4: u64(zero), 5: u64(hole), 6: u64(size), 7: u64(1000)}
        if final:
            table[2] = b""
        return Rec(ROUND_END, table)

    return [header, Rec(ROUND, {1: 0})] + objects + [
        Rec("align"), pages(0, 1, 0, live), end(0, 2, 3, 0, 3 * PAGE),
        Rec(ROUND, {1: 1, 2: b""})] + good_objects(objects) + [
        Rec(DATA, {2: 2, 3: 0, 4: u64(0), 5: b"in the pipe"}),
        Rec(DATA, {2: 3, 3: 0, 4: u64(0), 5: b"a message", 6: struct.pack("<I", 2)}),
        Rec(UNSUPPORTED, {2: 10, 3: 3, 4: "sample", 5: "none", 6: b""}),
        Rec(NETNS, {1: 1, 2: "ns", 3: [attrs({2: "lo", 3: "lo"}), attrs({2: "eth0"})],
                    6: "net/ipv4/ip_forward=0"}),
        Rec(CGROUP, {1: "/box", 2: "", 3: ["memory.max=max", "pids.max=max"]}),
        Rec(SECCOMP, {1: 1, 3: bytes(16)}),
        Rec(NS, {1: "uts", 2: 1, 3: "box"}),
        Rec(NS, {1: "mnt", 2: 2, 7: attrs({1: 30, 2: 1, 3: u64(9), 4: "/", 5: "/tmp",
                                           7: "tmpfs", 8: "none"})}),
        Rec(TREE, {1: 2, 2: 30, 3: "", 4: 0o41777, 5: 0, 6: 0, 7: u64(1700000000)}),
        Rec(TREE, {1: 2, 2: 30, 3: "a", 4: 0o100644, 5: 0, 6: 0, 7: u64(1700000000),
                   10: u64(5), 13: b"user.of\0nobody"}),
        Rec(TREE, {1: 2, 2: 30, 3: "a", 11: u64(0), 12: b"hello"}),
        Rec(NFT, {1: [nft(0, {1: "t"}), nft(3, {1: "t", 3: "input"})]}),
        Rec(IPC, {1: "msg", 2: 0, 3: 5, 4: bytes(24), 5: u64(16384), 7: u64(1) + b"waits"}),
        Rec("align"), pages(0, 1, 1, last), pages(1, 1, 1, [(PAGE, 0, a_page(4))]),
        end(1, 2, 2, 5, 2 * PAGE + 2 * PAGE, True), Rec(END)]


def good_objects(objects):
    return [Rec(o.kind, dict(o.table)) for o in objects]


def encode(records):
    """To bytes; "align" becomes a PAD record, END gets its count."""
    out, seq = b"", 0
    for r in records:
        if r.kind == "align":
            gap = -len(out) % PAGE
            if not gap:
                continue
            if gap < 32:
                gap += PAGE
            r = Rec(PAD, payload=bytes(gap - 32))
        if r.kind == END and not r.table:
            r = Rec(END, {1: u64(seq)})
        out += r.encode(seq)
        if r.seq is None:
            seq += 1
    return out


def nth(records, kind, n=0):
    """Index of the n-th record of a kind; negative: from the end."""
    return [i for i, r in enumerate(records) if r.kind == kind][n]


CASES = []


def case(name, expect, status=2):
    def keep(fn):
        CASES.append((name, status, expect, fn))
        return fn
    return keep


def change(name, expect, kind, number, value, n=-1):
    """One attribute of the n-th record of a kind has another value (None: none)."""
    def fn(rs):
        table = rs[nth(rs, kind, n)].table
        if value is None:
            del table[number]
        else:
            table[number] = value
    case(name, expect)(fn)


def replace(name, expect, kind, record, n=-1):
    def fn(rs):
        rs[nth(rs, kind, n)] = record
    case(name, expect)(fn)


def drop(name, expect, kind, n=-1):
    case(name, expect)(lambda rs: rs.pop(nth(rs, kind, n)))


def insert(name, expect, before, record, n=-1, status=2):
    case(name, expect, status)(lambda rs: rs.insert(nth(rs, before, n), record()))


drop("no-header", "an image begins with HEADER", HEADER)
insert("two-headers", "a second HEADER", END, lambda: good()[0])
change("other-format", "image format 9", HEADER, 1, 9)
change("other-arch", "an image of a riscv64 host", HEADER, 4, "riscv64")
change("no-id", "HEADER: id is missing", HEADER, 2, None)
change("short-id", "HEADER: id has the wrong size", HEADER, 2, bytes(15))
drop("no-end", "incomplete", END)
replace("wrong-end-count", "END counts 1 records", END, Rec(END, {1: u64(1)}))
case("after-end", "CGROUP after END")(lambda rs: rs.append(Rec(CGROUP, {1: "/"})))
insert("message-in-image", "type 128 belongs to the migration protocol", END, lambda: Rec(HELLO))
drop("no-round", "PROCESS outside of a round", ROUND)
insert("round-in-round", "a ROUND within a round", ROUND_END, lambda: Rec(ROUND, {1: 2}))
change("round-out-of-order", "ROUND 5 where 1 was expected", ROUND, 1, 5)
change("round-end-of-another", "ROUND_END 7 ends round 1", ROUND_END, 1, 7)
change("no-final-round", "END before the final round", ROUND, 2, None)
insert("round-after-final", "a ROUND after the final one", END, lambda: Rec(ROUND, {1: 2}))
change("data-count", "said to have 9 data pages, but there were 2", ROUND_END, 3, u64(9))
change("zero-count", "said to have 9 zero pages", ROUND_END, 4, u64(9))
change("hole-count", "said to have 9 holes", ROUND_END, 5, u64(9))
change("byte-count", "said to have 9 bytes of pages", ROUND_END, 6, u64(9))
drop("lost-pages", "said to have 2 data pages, but there were 1", PAGES)


@case("record-missing", "a record is missing or doubled")
def _(rs):
    rs[nth(rs, THREAD, 1)].seq = 99


@case("unknown-required", "type 63 version 1 is unknown and required")
def _(rs):
    rs.insert(1, Rec(63))


@case("unknown-optional", "good", 0)
def _(rs):
    rs.insert(1, Rec(63, {1: 1}, payload=b"later"))
    rs[1].flags = 0


@case("newer-version-required", "type 2 version 9 is unknown and required")
def _(rs):
    rs[nth(rs, THREAD)].version = 9


@case("unknown-attribute", "attribute 47 is unknown and required")
def _(rs):
    rs[nth(rs, THREAD)].table[47] = b"later"


@case("unknown-optional-attribute", "good", 0)
def _(rs):
    rs[nth(rs, THREAD)].table[47 | OPTIONAL] = b"later"


@case("endless-head", "impossible length")
def _(rs):
    rs[nth(rs, THREAD)].head_len = 0xfffffff0


@case("payload-of-an-object", "THREAD with a payload")
def _(rs):
    rs[nth(rs, THREAD)].payload = bytes(8)


@case("broken-attribute", "malformed attribute at byte 0")
def _(rs):
    rs[nth(rs, THREAD)].raw = struct.pack("<HH", 99, 2) + bytes(4)


@case("tiny-attribute", "malformed attribute at byte 0")
def _(rs):
    rs[nth(rs, THREAD)].raw = struct.pack("<HH", 3, 2)


change("pid-missing", "PROCESS: pid is missing", PROCESS, 2, None)
change("pid-zero", "PROCESS: pid 0", PROCESS, 2, 0)
change("pid-short", "PROCESS: pid is not 4 bytes long", PROCESS, 2, b"\1")
change("pid-impossible", "impossible pid", PROCESS, 2, 1 << 30)
change("parent-missing", "its parent 99 is missing", PROCESS, 3, 99)
change("two-roots", "only one process tree", PROCESS, 3, 0, 4)
change("own-parent", "descends from itself", PROCESS, 3, 10, 3)
change("sigactions-short", "PROCESS: sigactions has the wrong size", PROCESS, 11, bytes(32), 3)
change("cwd-open", "PROCESS: cwd is not a terminated string", PROCESS, 16, b"/srv", 3)
change("cwd-with-nul", "PROCESS: cwd is not a terminated string", PROCESS, 16, b"/s\0v\0", 3)
change("cwd-long", "PROCESS: cwd is too long", PROCESS, 16, "/" * 5000, 3)
change("mm-missing", "its address space 5 is missing", PROCESS, 8, 5, 4)
change("files-missing", "its table of files 5 is missing", PROCESS, 9, 5, 4)
change("comm-long", "THREAD: comm is too long", THREAD, 4, "sixteen-letters.")
change("regs-short", "THREAD: regs has the wrong size", THREAD, 5, bytes(8), 3)
change("stranger", "no process 77 before it", THREAD, 3, 77)
change("no-main-thread", "the main thread is missing", THREAD, 2, 55)
insert("thread-twice", "thread 11 is there twice", ROUND_END, lambda: Rec(THREAD, {2: 11, 3: 12}))
change("sigpending-cut", "THREAD: sigpending is cut", THREAD, 8, bytes(100))
drop("no-mm", "only its mappings are there", MM)
change("exe-missing", "its program, file 9, is missing", MM, 5, 9)
change("vma-cut", "VMAS: list is cut", VMAS, 3, bytes(41))
change("vma-order", "out of order or overlaps", VMAS, 3, vma(0x503000, 0x602000, 3, 1))
change("vma-empty", "out of order or overlaps", VMAS, 3, vma(0x600000, 0x600000, 3, 1))
change("vma-unaligned", "is not page aligned", VMAS, 3, vma(0x600000, 0x602001, 3, 1))
change("vma-kernel", "is out of the address space", VMAS, 3,
       vma(0x600000, 0xffff800000000000, 3, 1))
change("vma-offset", "impossible offset", VMAS, 3, vma(0x600000, 0x602000, 3, 1, 1 << 63))
change("vma-kind", "of unknown kind 99", VMAS, 3, vma(0x600000, 0x602000, 99, 1))
change("vma-file-missing", "file 66 is missing", VMAS, 3, vma(0x400000, 0x402000, 1, 66) +
       vma(0x500000, 0x504000), 2)
change("vma-shmem-missing", "shared memory 66 is missing", VMAS, 3,
       vma(0x600000, 0x602000, 3, 66))
change("shmem-endless", "shared memory 1 has an impossible size", SHMEM, 3, u64(M64))
change("shmem-without-size", "SHMEM: size is missing", SHMEM, 3, None)
change("file-type", "of unknown type 99", FILE, 3, 99)
change("file-without-type", "FILE: type is missing", FILE, 3, None)
change("memfd-without-memory", "shared memory 9 is missing", FILE, 17, 9)
change("socket-bare", "nothing is said about it", FILE, 18, None, -2)
change("socket-broken", "FILE: SOCK: family is not 4 bytes long", FILE, 18,
       attrs({2: b"xx"}), -2)
change("fd-order", "fd 3 is out of order", FDS, 3, fd(3, 2) + fd(3, 3), -2)
change("fd-of-nothing", "fd 5: file 88 is missing", FDS, 3, fd(5, 88))
change("fd-huge", "is out of order", FDS, 3, fd(1 << 31, 4))
change("cloexec", "cloexec is 2", FDS, 3, struct.pack("<IIII", 5, 4, 2, 0))
change("data-of-nothing", "DATA: no file 88", DATA, 2, 88)
change("data-queue", "unknown queue", DATA, 3, 9)
change("data-long", "DATA: bytes is too long", DATA, 5, bytes(16385))
change("data-fd-missing", "file 88 in its queue is missing", DATA, 6, struct.pack("<I", 88))
change("refusal-mute", "UNSUPPORTED: what is missing", UNSUPPORTED, 4, None)
change("netns-link", "NETNS: LINK: mac has the wrong size", NETNS, 3, attrs({4: bytes(5)}))
change("cgroup-open", "CGROUP: value is not a terminated string", CGROUP, 3, b"x")
change("time-of-nobody", "TIME: no process 77 before it", TIME, 2, 77)
change("clocks-short", "TIME: clocks has the wrong size", TIME, 3, bytes(16))
change("timers-cut", "TIME: timers is cut", TIME, 4, bytes(65))
change("filter-mute", "SECCOMP: prog is missing", SECCOMP, 3, None)
change("ns-of-no-kind", "NS: kind is missing", NS, 1, None)
insert("map-of-all-lines", "good", NS,
       lambda: Rec(NS, {1: "user", 2: 3, 9: id_map(340), 10: id_map(340)}), status=0)
insert("map-long", "NS: gid-map is too long", NS,
       lambda: Rec(NS, {1: "user", 2: 3, 10: id_map(1000)}))
change("ipc-perm-short", "IPC: perm has the wrong size", IPC, 4, bytes(20))
change("ipc-of-no-kind", "IPC: kind is missing", IPC, 1, None)
change("tree-of-no-ns", "TREE: ns is missing", TREE, 1, None)
change("tree-path-open", "TREE: path is not a terminated string", TREE, 3, b"a")
change("tree-long", "TREE: bytes is too long", TREE, 12, bytes(32769))
change("tree-xattr-long", "TREE: xattr is too long", TREE, 13, bytes(8449), -2)
change("nft-long", "NFT: message is too long", NFT, 1, bytes(65001))
insert("patches-in-image", "PATCHES, which are for connections only", ROUND_END,
       lambda: Rec(PATCHES, head=struct.pack("<IIII", 0, 1, 1, 1)))
change("filter-cut", "SECCOMP: prog is cut", SECCOMP, 3, bytes(12))
insert("pages-outside", "PAGES outside of a round", END,
       lambda: pages(0, 1, 1, [(0x500000, 1, 1)]))


def bad_pages(name, expect, record):
    replace(name, expect, PAGES, record)


bad_pages("pages-of-another-round", "PAGES of round 0 in round 1",
          pages(1, 1, 0, [(PAGE, 0, a_page(4))]))
bad_pages("pages-of-no-mm", "pages of mm 9, which does not exist",
          pages(0, 9, 1, [(PAGE, 0, a_page(4))]))
bad_pages("pages-of-no-shmem", "pages of shared memory 9, which does not exist",
          pages(1, 9, 1, [(PAGE, 0, a_page(4))]))
bad_pages("page-not-mapped", "lies outside of the mappings of mm",
          pages(0, 1, 1, [(0x504000, 0, a_page(4))]))
bad_pages("zeros-not-mapped", "lies outside of the mappings of mm",
          pages(0, 1, 1, [(0x503000, 1, 2)]))
bad_pages("page-beyond-shmem", "lies outside of shared memory",
          pages(1, 1, 1, [(2 * PAGE, 0, a_page(4))]))
bad_pages("page-space", "PAGES of an unknown space 7", pages(7, 1, 1, [(PAGE, 0, a_page(4))]))
bad_pages("page-kind", "unknown kind of page", pages(1, 1, 1, [(PAGE, 3, 1)]))
bad_pages("page-later", "pages without their bytes", pages(0, 1, 1, [(0x500000, 3, 1)]))
bad_pages("page-low-bits", "unknown kind of page", pages(1, 1, 1, [(PAGE + 0x800, 0, a_page(4))]))
bad_pages("page-address", "impossible range of pages", pages(0, 1, 1, [(1 << 47, 1, 1)]))
bad_pages("page-range", "impossible range of pages", pages(0, 1, 1, [(PAGE, 1, M64)]))
bad_pages("page-range-empty", "impossible range of pages", pages(0, 1, 1, [(PAGE, 1, 0)]))
bad_pages("no-pages", "malformed PAGES record", pages(1, 1, 1, []))
bad_pages("pages-headless", "malformed PAGES record", Rec(PAGES, head=bytes(8)))


@case("pages-too-many", "malformed PAGES record")
def _(rs):
    rs[nth(rs, PAGES)] = pages(0, 1, 1, [(0x500000, 1, 1)] * 254)


@case("page-hash", "does not have its hash")
def _(rs):
    r = rs[nth(rs, PAGES)]
    r.payload = b"x" + r.payload[1:]


@case("payload-short", "2 data pages, but 8184 bytes")
def _(rs):
    r = rs[nth(rs, PAGES)]
    r.payload = r.payload[:-8]


def main():
    where = sys.argv[1]
    with open(f"{where}/good.img", "wb") as f:
        f.write(encode(good()))
    for name, status, expect, fn in CASES:
        records = good()
        fn(records)
        with open(f"{where}/{name}.img", "wb") as f:
            f.write(encode(records))
        print(f"{name}|{status}|{expect}")


assert xxh64(b"") == 0xef46db3751d8e999 and xxh64(b"a") == 0xd24ec4f1a98c6e5b
main()
