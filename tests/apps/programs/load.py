# SPDX-License-Identifier: GPL-2.0-or-later
"""For the loads of programs: a step again and again until the file stop.

The work directory is the current one.
"""
import os
import random
import socket


def run(step):
    """Calls step(0), step(1) ... and counts into ops."""
    i = 0
    while not os.path.exists("stop"):
        step(i)
        i += 1
        with open("ops.new", "w") as f:
            f.write(str(i))
        os.rename("ops.new", "ops")
    return i


class Line:
    """A connection on which lines are spoken."""

    def __init__(self, port, address="10.9.0.1"):
        self.sock = socket.create_connection((address, port), timeout=600)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rwb")

    def say(self, data):
        self.file.write(data)
        self.file.flush()

    def hear(self):
        line = self.file.readline()
        assert line, "the server has closed the connection"
        return line.rstrip(b"\r\n")

    def ask(self, text):
        self.say(text.encode() + b"\n")
        return self.hear().decode()


def words(seed, size):
    """Some text, the same for the same seed."""
    rng = random.Random(seed)
    return b"%d " % seed + bytes(rng.choices(b"abcdefghij", k=size))
