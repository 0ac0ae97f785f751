# SPDX-License-Identifier: GPL-2.0-or-later
"""One TCP connection on which both ends count.

    talk.py server             its first thread is called "ok-N"
    talk.py client IP FILE     FILE has how often it was answered; until FILE.stop exists
"""
import ctypes
import os
import socket
import sys
import time

PORT = 9000
PR_SET_NAME = 15
libc = ctypes.CDLL(None)


def show(n):
    libc.prctl(PR_SET_NAME, b"ok-%d" % n)


def server():
    listener = socket.create_server(("", PORT))
    show(0)
    with listener.accept()[0].makefile("rw") as peer:
        for n, line in enumerate(peer, 1):
            show(n)
            peer.write(f"{n} {line}")
            peer.flush()


def client(ip, path):
    n = 0
    with socket.create_connection((ip, PORT)).makefile("rw") as peer, open(path, "w") as out:
        while not os.path.exists(path + ".stop"):
            n += 1
            peer.write(f"{n}\n")
            peer.flush()
            answer = peer.readline()
            if answer != f"{n} {n}\n":
                sys.exit(f"{answer!r} was answered to {n}")
            out.seek(0)
            out.write(f"{n}\n")
            out.flush()
            time.sleep(0.02)


{"server": server, "client": client}[sys.argv[1]](*sys.argv[2:])
