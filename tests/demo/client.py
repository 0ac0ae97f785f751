#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo's client: keeps connections to one server busy without pause,
checks every answer, and notes every delay.

    client.py redis|drain|python|nginx ADDRESS --out DIR [--connections 20]

It runs until DIR/stop exists. Migrations are told to it by files that the
hosts make: DIR/migration-N.start and DIR/migration-N.done. What it saw goes to
DIR/client.json: with the latencies before, during and after each migration, in
milliseconds, as quantiles and as a histogram of [at most so long, how many].
"""
import argparse
import collections
import json
import math
import os
import selectors
import socket
import sys
import time

KEYS = 100_000
PATIENCE = 300          # seconds for one answer: a host may be slow, or stand still


class Wrong(Exception):
    """The server answered something that it was never told."""


class Redis:
    """SET and GET by turns on keys of which each belongs to one connection."""
    port = 6379

    def __init__(self):
        self.values = {}

    @staticmethod
    def command(*words):
        out = [b"*%d\r\n" % len(words)]
        for word in words:
            out.append(b"$%d\r\n%s\r\n" % (len(word), word))
        return b"".join(out)

    @staticmethod
    def reply(buf):
        """(value, bytes used), or None when more must come."""
        end = buf.find(b"\r\n")
        if end < 0:
            return None
        kind, text = buf[:1], bytes(buf[1:end])
        if kind == b"+":
            return text, end + 2
        if kind != b"$":
            raise Wrong("redis: " + bytes(buf[:end]).decode(errors="replace"))
        size = int(text)
        if size < 0:
            return "no such key", end + 2
        if len(buf) < end + 2 + size + 2:
            return None
        return bytes(buf[end + 2:end + 2 + size]), end + 2 + size + 2

    @staticmethod
    def key(i):
        return b"key:%06d" % i

    def exchange(self, sock, commands, expect):
        """Many commands in one go; each answer is checked."""
        sock.sendall(b"".join(commands))
        buf = bytearray()
        for want in expect:
            while (got := self.reply(buf)) is None:
                more = sock.recv(1 << 16)
                if not more:
                    raise Wrong("redis closed the connection")
                buf += more
            if got[0] != want:
                raise Wrong(f"redis: {got[0]!r} where {want!r} was due")
            del buf[:got[1]]

    def prepare(self, sock):
        for first in range(0, KEYS, 1000):
            batch = range(first, first + 1000)
            for i in batch:
                self.values[i] = b"value %d, never changed since the start" % i
            self.exchange(sock, [self.command(b"SET", self.key(i), self.values[i])
                                 for i in batch], [b"OK"] * len(batch))

    def request(self, conn):
        conn.seq += 1
        i = conn.number + conn.total * ((conn.seq // 2) * 7919 % (KEYS // conn.total))
        if conn.seq % 2:
            conn.want = b"OK"
            conn.wrote = (i, b"connection %d wrote %d" % (conn.number, conn.seq))
            return self.command(b"SET", self.key(i), conn.wrote[1])
        conn.wrote = None
        conn.want = self.values[i]
        return self.command(b"GET", self.key(i))

    def answer(self, conn):
        got = self.reply(conn.buf)
        if got is None:
            return False
        del conn.buf[:got[1]]
        if got[0] != conn.want:
            raise Wrong(f"redis: {got[0]!r} where {conn.want!r} was due")
        if conn.wrote:
            self.values[conn.wrote[0]] = conn.wrote[1]
        return True

    def verify(self, sock):
        for first in range(0, KEYS, 1000):
            batch = range(first, first + 1000)
            self.exchange(sock, [self.command(b"GET", self.key(i)) for i in batch],
                          [self.values[i] for i in batch])
        return KEYS


class Drain(Redis):
    """And clock.py beside it, asked by one connection that stays."""

    def ask(self):
        self.clock.sendall(b"\n")
        answer = self.clock.makefile("r").readline().split(maxsplit=1)
        if len(answer) != 2 or answer[0] != "ok":
            raise Wrong("clock: " + " ".join(answer))
        return int(answer[1])

    def prepare(self, sock):
        super().prepare(sock)
        self.clock = socket.create_connection((sock.getpeername()[0], 8081), timeout=PATIENCE)
        self.turns = self.ask()

    def verify(self, sock):
        turns = self.ask()
        if turns <= self.turns:
            raise Wrong(f"clock: {turns} turns after {self.turns}")
        return super().verify(sock)


class Http:
    port = 8080

    @staticmethod
    def body(buf):
        """(status, body, bytes used), or None when more must come."""
        end = buf.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(buf[:end]).decode().split("\r\n")
        size = None
        for line in head[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                size = int(value)
        if size is None:
            raise Wrong("answer without a length: " + head[0])
        if len(buf) < end + 4 + size:
            return None
        return head[0].split()[1], bytes(buf[end + 4:end + 4 + size]), end + 4 + size

    @staticmethod
    def get(path):
        return b"GET %s HTTP/1.1\r\nHost: demo\r\n\r\n" % path.encode()

    def fetch(self, sock, path):
        sock.sendall(self.get(path))
        buf = bytearray()
        while (got := self.body(buf)) is None:
            more = sock.recv(1 << 16)
            if not more:
                raise Wrong("the server closed the connection")
            buf += more
        if got[0] != "200":
            raise Wrong(f"{path}: status {got[0]}")
        return got[1]

    def prepare(self, sock):
        pass

    def answer(self, conn):
        got = self.body(conn.buf)
        if got is None:
            return False
        del conn.buf[:got[2]]
        if got[0] != "200" or got[1] != conn.want:
            raise Wrong(f"status {got[0]}: {got[1][:60]!r} where "
                        f"{conn.want[:60]!r} was due")
        return True


class Python(Http):
    """server.py: it adds up, for each connection, the numbers that it is told."""

    def __init__(self):
        self.sums = collections.Counter()

    def request(self, conn):
        conn.seq += 1
        self.sums[conn.number] += conn.seq
        conn.want = b"%d" % self.sums[conn.number]
        return self.get(f"/add/{conn.number}/{conn.seq}")

    def verify(self, sock):
        state = json.loads(self.fetch(sock, "/state"))
        want = {str(k): v for k, v in self.sums.items()}
        if state["sums"] != want:
            raise Wrong("python: sums differ")
        if state["squares"] != [i * i for i in range(KEYS)]:
            raise Wrong("python: the list that it made at its start differs")
        return KEYS


class Nginx(Http):
    """Files that the guest made before: file N holds N lines."""
    files = 200

    @staticmethod
    def content(i):
        return b"".join(b"file %d line %d\n" % (i, n) for n in range(i))

    def request(self, conn):
        conn.seq += 1
        i = (conn.seq * 31 + conn.number) % self.files
        conn.want = self.content(i)
        return self.get(f"/{i}.txt")

    def verify(self, sock):
        for i in range(self.files):
            if self.fetch(sock, f"/{i}.txt") != self.content(i):
                raise Wrong(f"nginx: file {i} differs")
        return self.files


APPS = {"redis": Redis, "drain": Drain, "python": Python, "nginx": Nginx}


class Latency:
    """Of many operations: how many took at most 1 us * STEP ** N, for each N."""
    STEP = 1.05

    def __init__(self):
        self.buckets = collections.Counter()
        self.ops, self.longest = 0, 0.0

    def add(self, seconds):
        self.ops += 1
        self.longest = max(self.longest, seconds)
        self.buckets[math.ceil(math.log(max(seconds, 1e-6) * 1e6, self.STEP))] += 1

    def histogram(self):
        return [(self.STEP ** n / 1e3, count) for n, count in sorted(self.buckets.items())]

    def quantile(self, part):
        """So many milliseconds at most, for that part of the operations."""
        left = math.ceil(part * self.ops)
        for at_most, count in self.histogram():
            left -= count
            if left <= 0:
                return min(at_most, self.longest * 1e3)
        return 0.0

    def report(self):
        return {"ops": self.ops, "p50_ms": round(self.quantile(0.5), 3),
                "p99_ms": round(self.quantile(0.99), 3),
                "p99_9_ms": round(self.quantile(0.999), 3),
                "max_ms": round(self.longest * 1e3, 3),
                "histogram_ms": [(round(t, 4), n) for t, n in self.histogram()]}


class Connection:
    def __init__(self, number, total, address):
        self.number, self.total, self.address = number, total, address
        self.seq = 0
        self.open()

    def open(self):
        self.buf = bytearray()
        self.sock = socket.create_connection(self.address, timeout=PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Load:
    def __init__(self, app, address, total, out, pause=0):
        self.app, self.out, self.pause = app, out, pause
        self.selector = selectors.DefaultSelector()
        self.conns = [Connection(n, total, address) for n in range(total)]
        for conn in self.conns:
            self.selector.register(conn.sock, selectors.EVENT_READ, conn)
        self.ops = self.errors = self.reconnects = self.mismatches = 0
        self.problems = []
        self.phase = "before"
        self.done = None            # when a migration was seen to have ended
        self.latency = collections.defaultdict(Latency)    # of each phase
        self.migrations = []

    def send(self, conn):
        data = self.app.request(conn)
        conn.sent = time.monotonic()
        conn.sock.sendall(data)

    def problem(self, conn, text):
        self.problems.append(f"{time.monotonic():.3f} connection {conn.number}: {text}")

    def reconnect(self, conn):
        self.selector.unregister(conn.sock)
        conn.sock.close()
        conn.open()
        self.reconnects += 1
        self.selector.register(conn.sock, selectors.EVENT_READ, conn)
        self.send(conn)

    def receive(self, conn):
        try:
            data = conn.sock.recv(1 << 16)
            if not data:
                raise ConnectionError("closed by the server")
            conn.buf += data
            if not self.app.answer(conn):
                return
        except Wrong as err:
            self.mismatches += 1
            self.problem(conn, err)
            conn.buf.clear()
        except OSError as err:
            self.errors += 1
            self.problem(conn, err)
            self.reconnect(conn)
            return
        delay = time.monotonic() - conn.sent
        self.latency[self.phase].add(delay)
        self.ops += 1
        self.send(conn)

    def watch(self):
        """Which phase is it? The hosts' marker files tell."""
        n = len(self.migrations) + 1
        if self.phase != f"during {n}":
            # (no phase is over before something was answered in it)
            if os.path.exists(f"{self.out}/migration-{n}.start") and \
                    self.latency[self.phase].ops:
                self.phase, self.began = f"during {n}", time.monotonic()
        elif os.path.exists(f"{self.out}/migration-{n}.done"):
            # An answer to a request of before is still awaited: that is a gap, too.
            self.done = self.done or time.monotonic()
            if min(c.sent for c in self.conns) < self.done:
                return
            self.done = None
            gap = self.latency[self.phase].longest
            self.migrations.append({"client_gap_ms": round(gap * 1000, 1),
                                    "window_s": round(time.monotonic() - self.began, 3)})
            self.phase = f"after {n}"

    def run(self):
        next_look = 0.0
        for conn in self.conns:
            self.send(conn)
        while True:
            for key, _ in self.selector.select(0.1):
                self.receive(key.data)
            time.sleep(self.pause)
            now = time.monotonic()
            if now >= next_look:
                next_look = now + 0.1
                self.watch()
                # (a slow host may not have answered once since; or not all that was
                # asked during the migration)
                if os.path.exists(f"{self.out}/stop") and self.latency[self.phase].ops \
                        and not self.phase.startswith("during"):
                    break
            for conn in self.conns:
                if now - conn.sent > PATIENCE:
                    raise Wrong(f"connection {conn.number}: no answer for {PATIENCE} s")

    def drain(self):
        """Take the answers that are still under way."""
        end = time.monotonic() + PATIENCE
        waiting = set(self.conns)
        self.send = waiting.discard
        while waiting and time.monotonic() < end:
            for key, _ in self.selector.select(0.1):
                self.receive(key.data)
        self.errors += len(waiting)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("app", choices=APPS)
    parser.add_argument("address")
    parser.add_argument("--out", required=True)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0, metavar="S",
                        help="after each look at all connections (0)")
    args = parser.parse_args()

    app = APPS[args.app]()
    address = (args.address, app.port)
    side = socket.create_connection(address, timeout=PATIENCE)
    app.prepare(side)
    load = Load(app, address, args.connections, args.out, args.pause)
    report = {"verified": 0}
    try:
        open(f"{args.out}/client-ready", "w").close()
        load.run()
        load.drain()
        report["verified"] = app.verify(side)
    except (Wrong, OSError) as err:
        load.mismatches += isinstance(err, Wrong)
        load.errors += not isinstance(err, Wrong)
        load.problems.append(str(err))
    report.update(app=args.app, connections=args.connections, ops=load.ops,
                  errors=load.errors, reconnects=load.reconnects,
                  mismatches=load.mismatches, migrations=load.migrations,
                  phases={phase: seen.ops for phase, seen in load.latency.items()},
                  latency={phase: seen.report() for phase, seen in load.latency.items()},
                  problems=load.problems[:20])
    with open(f"{args.out}/client.json.new", "w") as f:
        json.dump(report, f, indent=1)
    os.rename(f"{args.out}/client.json.new", f"{args.out}/client.json")
    for line in load.problems[:20]:
        print("client:", line)
    print(f"client: {load.ops} operations, {load.errors} errors, "
          f"{load.reconnects} reconnects, {load.mismatches} mismatches, "
          f"{report['verified']} keys verified")
    return bool(load.errors or load.reconnects or load.mismatches
                or not report["verified"])


if __name__ == "__main__":
    sys.exit(main())
