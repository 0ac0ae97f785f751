#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks for the time without pause, as every program does: in the vdso. Each answer
has to lie between two of the kernel's own, and clocks that only go on do so. Whoever
sends a line (port 8081) is answered "ok TURNS", or what was wrong first.
"""
import ctypes
import select
import socket
import time

SYS_clock_gettime = 228
ONWARD = [time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME]
OTHERS = [time.CLOCK_REALTIME, time.CLOCK_MONOTONIC_RAW]
libc = ctypes.CDLL(None, use_errno=True)


class Timespec(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_long), ("nsec", ctypes.c_long)]


def kernel(clock):
    t = Timespec()
    if libc.syscall(SYS_clock_gettime, clock, ctypes.byref(t)):
        raise OSError(ctypes.get_errno(), "clock_gettime")
    return t.sec * 1_000_000_000 + t.nsec


def agrees(clock):
    before = kernel(clock)
    now = time.clock_gettime_ns(clock)
    after = kernel(clock)
    return "" if before <= now <= after else f"{now}, not in {before}..{after}"


def look(last):
    for clock in ONWARD + OTHERS:
        # (hosts differ about the day: the second try is on one of them)
        wrong = agrees(clock) and agrees(clock)
        if wrong:
            return f"clock {clock}: {wrong}"
    for clock in ONWARD:
        now = time.clock_gettime_ns(clock)
        if now < last.get(clock, 0):
            return f"clock {clock}: {now} after {last[clock]}"
        last[clock] = now
    return ""


def main():
    listener = socket.create_server(("0.0.0.0", 8081))
    ready, asking, last, turns, wrong = [], [listener], {}, 0, ""
    while True:
        wrong = wrong or look(last)
        turns += 1
        ready, _, _ = select.select(asking, [], [], 0.002)
        for sock in ready:
            if sock is listener:
                asking.append(sock.accept()[0])
            elif sock.recv(4096):
                sock.sendall(f"{wrong or f'ok {turns}'}\n".encode())
            else:
                asking.remove(sock)
                sock.close()


main()
