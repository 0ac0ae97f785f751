# SPDX-License-Identifier: GPL-2.0-or-later
"""A Redis of 256 MB in a network namespace of its own, with a client that
writes 500 keys a second: the final stop after rounds, and what the client sees."""
import os
import socket
import subprocess

from lib.bench import row
from lib.box import Box

ROWS = [
    row("redis.stop", "ms", "<= 1/10 of CRIU's frozen time", peer_max=1 / 10),
    row("redis.gap", "ms", "gap seen by the client <= 1/10 of CRIU's", peer_max=1 / 10),
]
HOST, GUEST, PORT = "10.78.0.1", "10.78.0.2", 6379
BYTES, ROUNDS = 4096, 3


def ip(*args):
    subprocess.run(["ip", *args], check=True)


def network():
    ip("netns", "add", "box")
    ip("link", "add", "veth-box", "type", "veth", "peer", "name", "eth0", "netns", "box")
    ip("addr", "add", f"{HOST}/24", "dev", "veth-box")
    ip("link", "set", "veth-box", "up")
    for args in (("link", "set", "lo", "up"), ("link", "set", "eth0", "up"),
                 ("addr", "add", f"{GUEST}/24", "dev", "eth0")):
        ip("-n", "box", *args)


class Redis(Box):
    """Its pulse is that of its client."""

    def __init__(self, b, keys):
        super().__init__("nsenter", "--net=/run/netns/box", "redis-server", "--port", PORT,
                         "--bind", GUEST, "--save", "", "--appendonly", "no",
                         "--protected-mode", "no", "--dir", "/", "--daemonize", "no",
                         "--enable-debug-command", "yes")
        self.b, self.keys = b, keys
        self.client = None

    def ready(self):
        try:
            socket.create_connection((GUEST, PORT), timeout=5).close()
            return True
        except OSError:
            return False

    def __enter__(self):
        super().__enter__()
        subprocess.run(["redis-cli", "-h", GUEST, "debug", "populate", str(self.keys), "key",
                        str(BYTES)], check=True, stdout=subprocess.DEVNULL)
        self.client = Box(f"{self.b.work}/bin/client", GUEST, PORT, self.keys, BYTES, 2,
                          name="client")
        self.client.__enter__()
        return self

    def __exit__(self, *exc):
        if self.client:
            self.client.kill()
        self.kill()

    def head(self):
        return self.client.head()

    def read(self, offset, length):
        return self.client.read(offset, length)


def run(b):
    keys = b.scale(62000, 15000)
    b.note("redis.stop", f"{keys * BYTES // 2**20} MB")
    network()
    peer = b.peer
    peer.common = [*peer.common, "--tcp-established", "--network-lock", "nftables",
                   "--external", f"net[{inode()}]:box"]
    try:
        for tools in b.rounds(full=5, quick=1, seconds=b.scale(150, 40)):
            for tool in tools:
                with Redis(b, keys) as box:
                    d = tool.dump(box, rounds=ROUNDS)
                tool.forget(d)
                b.add("redis.stop", tool, d.stop)
                b.add("redis.gap", tool, d.gap)
    finally:
        peer.common = type(peer).common
        ip("netns", "del", "box")


def inode():
    return os.stat("/run/netns/box").st_ino
