# SPDX-License-Identifier: GPL-2.0-or-later
"""Adds up squares, for each connection: an asyncio server that has processes
multiply, while threads watch that a queue between them loses nothing."""
import asyncio
import multiprocessing
import os
import queue
import threading
import time
from concurrent.futures import ProcessPoolExecutor

todo = queue.Queue(10)
lock = threading.Lock()
made = taken = 0
wrong = ""


def maker():
    global made
    while True:
        with lock:
            n = made
            made += 1
        todo.put(n)
        time.sleep(0.01)


def taker():
    global taken, wrong
    while True:
        n = todo.get()
        if n != taken:
            wrong = f"{n} came, {taken} was due"
        taken += 1


def square(x, owner):
    if os.getppid() != owner:
        raise RuntimeError("my parent is another one")
    return x * x


async def main():
    pool = ProcessPoolExecutor(3, multiprocessing.get_context("fork"))
    loop = asyncio.get_running_loop()

    async def client(reader, writer):
        total = 0
        while line := await reader.readline():
            before = time.monotonic()
            total += await loop.run_in_executor(pool, square, int(line), os.getpid())
            await asyncio.sleep(0.001)
            after = time.monotonic()
            said = wrong or ("ok" if 0 < after - before < 60 else f"{before} {after}")
            writer.write(f"{total} {said}\n".encode())
            await writer.drain()

    await asyncio.gather(*(loop.run_in_executor(pool, square, i, os.getpid())
                           for i in range(3)))
    for target in maker, taker:
        threading.Thread(target=target, daemon=True).start()
    server = await asyncio.start_server(client, "0.0.0.0", 7000)
    await server.serve_forever()


asyncio.run(main())
