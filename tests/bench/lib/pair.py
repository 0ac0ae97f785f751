# SPDX-License-Identifier: GPL-2.0-or-later
"""The other guest: it does what it is told, and is the end of a link."""
import json
import socket
import subprocess
import time

from .box import BenchError, wait_for

COMMANDS, SINK = 7500, 7501


def serve():
    """In guest B, until the connection ends: commands, and a sink for bytes."""
    listener = socket.create_server(("", COMMANDS))
    sink = socket.create_server(("", SINK))
    conn, _ = listener.accept()
    for line in conn.makefile("r"):
        argv, wait = json.loads(line)
        if argv[0] == "sink":
            answer = [0, drain(sink)]
        elif wait:
            p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
            answer = [p.returncode, p.stdout]
        else:
            subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                             stdout=open("/tmp/bench/remote.log", "a"),
                             stderr=subprocess.STDOUT, start_new_session=True)
            answer = [0, ""]
        conn.sendall((json.dumps(answer) + "\n").encode())


def drain(sink):
    conn, _ = sink.accept()
    buf, total = bytearray(1 << 20), 0
    while n := conn.recv_into(buf):
        total += n
    conn.close()
    return str(total)


class Remote:
    """In guest A."""

    def __init__(self, host):
        self.host = host
        wait_for("guest B listens", self.connect)
        self.lines = self.conn.makefile("r")

    def connect(self):
        try:
            self.conn = socket.create_connection((self.host, COMMANDS), timeout=300)
            return True
        except OSError:
            return False

    def call(self, *argv, wait=True):
        self.conn.sendall((json.dumps([list(map(str, argv)), wait]) + "\n").encode())
        status, out = json.loads(self.lines.readline())
        if status:
            raise BenchError(f"on B: {' '.join(map(str, argv[:3]))}: status {status}: "
                             f"{out.strip()[-300:]}")
        return out

    def shell(self, text):
        return self.call("bash", "-c", text)

    def rate(self, mb):
        """MB/s of TCP to there."""
        self.conn.sendall((json.dumps([["sink"], True]) + "\n").encode())
        block = bytes(1 << 20)
        start = time.monotonic()
        with socket.create_connection((self.host, SINK)) as s:
            for _ in range(mb):
                s.sendall(block)
        self.lines.readline()
        return mb * 1.048576 / (time.monotonic() - start)


def sent(device="eth0"):
    with open(f"/sys/class/net/{device}/statistics/tx_bytes") as f:
        return int(f.read())
