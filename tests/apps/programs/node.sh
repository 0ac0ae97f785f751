# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# needs: node
# check: no

start()
{
	container node "$here/node.js"
}

ready()
{
	port 7000
}

load()
{
	cd "$work" && exec /usr/bin/python3 - <<-'END'
		import hashlib
		import http.client

		from load import run, words

		conns = [http.client.HTTPConnection("10.9.0.1", 7000, timeout=600) for _ in range(6)]
		history = [hashlib.sha256() for _ in conns]

		def step(i):
		    n = i % len(conns)
		    body = words(i, i % 5000)
		    history[n].update(body)
		    conns[n].request("POST", f"/{n}", body)
		    answer = conns[n].getresponse().read().decode()
		    assert answer == history[n].hexdigest() + " ok", (i, answer)

		run(step)
	END
}
