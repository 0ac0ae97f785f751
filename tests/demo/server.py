#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo's python application: a threaded HTTP server whose state is only in
its memory. /add/WHO/N adds N to WHO's sum and answers the sum; /state tells
everything.
"""
import http.server
import json
import threading

squares = [i * i for i in range(100_000)]
sums = {}
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        word = self.path.split("/")
        if word[1] == "add":
            with lock:
                sums[word[2]] = sums.get(word[2], 0) + int(word[3])
                body = str(sums[word[2]]).encode()
        elif word[1] == "state":
            with lock:
                body = json.dumps({"sums": sums, "squares": squares}).encode()
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
