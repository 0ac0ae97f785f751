# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# needs: etcd
# check: no
#
# A Go program: its scheduler's threads and timers, a mapped database, and
# connections to itself.

start()
{
	container etcd --data-dir "$work/data" --unsafe-no-fsync --log-level error \
		--listen-client-urls http://$addr:2379 \
		--advertise-client-urls http://$addr:2379
}

ready()
{
	curl -fs -m 5 http://$addr:2379/health | grep -q true
}

load()
{
	cd "$work" && exec /usr/bin/python3 - <<-'END'
		import base64
		import http.client
		import json

		from load import run, words

		conns = [http.client.HTTPConnection("10.9.0.1", 2379, timeout=600) for _ in range(4)]
		stored = {}
		revision = 0

		def b64(data):
		    return base64.b64encode(data).decode()

		def call(i, what, **args):
		    conn = conns[i % len(conns)]
		    conn.request("POST", f"/v3/kv/{what}", json.dumps(args))
		    answer = conn.getresponse()
		    text = answer.read()
		    assert answer.status == 200, text
		    return json.loads(text)

		def step(i):
		    global revision
		    key = b64(b"key %d" % (i * 7919 % 300))
		    if key in stored:
		        assert call(i, "range", key=key)["kvs"][0]["value"] == stored[key], i
		    value = b64(words(i, i % 3000))
		    now = int(call(i, "put", key=key, value=value)["header"]["revision"])
		    assert now == revision + 1 or not revision, (now, revision)
		    revision = now
		    stored[key] = value

		run(step)
		for key, value in stored.items():
		    assert call(0, "range", key=key)["kvs"][0]["value"] == value
	END
}
