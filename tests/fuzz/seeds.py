#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/fuzz/seeds.py IMAGES DIRECTORY - seeds for all targets

IMAGES is what tests/host/image.py wrote. The heads of the records in good.img
become seeds of attr, and of netlink within messages of the family.
"""
import glob
import os
import shutil
import struct
import sys

images, out = sys.argv[1:]
for target in ("image", "attr", "netlink", "args", "patches"):
    os.makedirs(f"{out}/{target}", exist_ok=True)


def write(target, name, data):
    with open(f"{out}/{target}/{name}", "wb") as f:
        f.write(data)


def attr(number, value):
    if isinstance(value, int):
        value = struct.pack("<I", value)
    a = struct.pack("<HH", 4 + len(value), number) + value
    return a + bytes(-len(a) % 4)


def message(kind, payload, flags=0):
    m = struct.pack("<IHHII", 16 + len(payload), kind, flags, 1, 0) + payload
    return m + bytes(-len(m) % 4)


for path in sorted(glob.glob(f"{images}/*.img")):
    shutil.copy(path, f"{out}/image")

data, pos, n = open(f"{images}/good.img", "rb").read(), 0, 0
genl = struct.pack("<BBH", 10, 1, 0)
done = message(3, bytes(4))
while pos < len(data):
    kind, head_len, payload_len = struct.unpack_from("<4xH2xII", data, pos)
    head = data[pos + 32:pos + 32 + head_len]
    write("attr", n, struct.pack("<H", kind) + head)
    if kind < 10:
        body = genl + attr(16, 7) + attr(17, 0) + attr(18, kind) + attr(19, head)
        write("netlink", f"task{n}", b"\4" + message(16, body, 2) + done)
    align = 4096 if kind == 10 else 8
    pos += (32 + head_len + align - 1) // align * align + payload_len
    n += 1

stats = b"".join(attr(i, struct.pack("<Q", i)) for i in range(2, 14))
plain = (attr(2, 1) + attr(4, b"box\0") + attr(6, 2) + attr(7, bytes(8)) + attr(12, 3) +
         attr(13, stats) + attr(14, 2) + attr(20, b"0.1.0\0") + attr(21, 1) +
         attr(26, b"thp\0") + attr(26, b"dump\0") + attr(28, b"soft-dirty\0"))
group = attr(1, attr(1, b"events\0") + attr(2, 5))
for i in range(3):
    write("netlink", f"plain{i}", bytes([i]) + message(16, genl + plain) + message(2, bytes(20)))
write("netlink", "family", b"\3" + message(16, genl + attr(1, b"\x20\0") + attr(7, group)))
text = attr(1, b"no such session\0")
for flags in (0, 0x100, 0x200, 0x300):
    write("netlink", f"error{flags}", b"\0" +
          message(2, struct.pack("<i", -2) + struct.pack("<IHHII", 16, 16, 5, 1, 0) + text, flags))
write("netlink", "failed-dump", b"\4" + message(3, struct.pack("<i", -5) + text, 0x200))

def patches(*items):
    """Items: (address with kind, pages, what follows)"""
    head = struct.pack("<IIII", 0, 7, 1, len(items))
    for addr, n, body in items:
        body += bytes(-len(body) % 8)
        head += struct.pack("<QII", addr, n, len(body)) + body
    return head


delta = (0x500000, 2, bytes(8) + b"\2\0\77" + bytes(128) + bytes(8) + b"\1\5" + bytes(64))
copy = (0x600001, 3, struct.pack("<QII", 0x700000, 1, 4) + bytes(24))
for i, items in enumerate(((delta,), (copy,), (delta, copy, delta))):
    write("patches", i, patches(*items))

lines = ["status", "--json status", "freeze\ncgroup:a/b c\n--timeout=5", "freeze\n-t5\n/x",
         "track\nstart\npid:1", "image\nshow\n-r\n--\n-x", "events\n-n\n3\n--json",
         "dump\npid:7\n-o\nx\n--leave\nkilled", "migrate\ncgroup:x\nh:1\n--insecure",
         "restore\nx\n--pidfile", "agent\n-l\n::1", "image\nverify\n--help", "-V"]
for i, line in enumerate(lines):
    write("args", i, line.encode())
