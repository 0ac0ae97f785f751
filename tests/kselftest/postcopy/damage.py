#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""damage.py PORT HOST HOSTPORT: a way to an agent on which one byte of a page is
changed, in the first record after it has said RUNNING."""
import socket
import struct
import sys
import threading

RUNNING = 133           # LM_REC_RUNNING
AT = 4096 + 100         # behind the head of a PAGES record


def says(data, kind):
    """Is there a record of type KIND in what the agent says?"""
    at = 0
    while at + 32 <= len(data):
        magic, this, _, _, head, payload = struct.unpack_from("<IHBBII", data, at)
        if this == kind:
            return True
        at += (32 + head + 7) // 8 * 8 + payload
    return False


class Way:
    def __init__(self, source, agent):
        self.source, self.agent = source, agent
        self.runs, self.passed, self.done = False, 0, False

    def forth(self):
        while data := self.source.recv(65536):
            if self.runs and not self.done:
                i = AT - self.passed
                self.passed += len(data)
                if i < len(data):
                    data = bytearray(data)
                    data[i] ^= 1
                    self.done = True
            self.agent.sendall(data)
        self.agent.shutdown(socket.SHUT_WR)

    def back(self):
        said = b""
        while data := self.agent.recv(65536):
            said += data
            self.runs = self.runs or says(said, RUNNING)
            self.source.sendall(data)
        self.source.shutdown(socket.SHUT_RDWR)


def run(f):
    try:
        f()
    except OSError:
        pass


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    conn, _ = listener.accept()
    way = Way(conn, socket.create_connection((sys.argv[2], int(sys.argv[3]))))
    threading.Thread(target=run, args=(way.forth,), daemon=True).start()
    threading.Thread(target=run, args=(way.back,), daemon=True).start()
