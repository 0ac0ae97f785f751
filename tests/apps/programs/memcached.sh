# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# needs: memcached
# check: no

start()
{
	container memcached -u nobody -t 4 -l "$addr"
}

ready()
{
	port 11211
}

load()
{
	cd "$work" && exec /usr/bin/python3 - <<-'END'
		from load import Line, run, words

		lines = [Line(11211) for _ in range(8)]
		stored = {}

		def step(i):
		    line = lines[i % len(lines)]
		    key = i * 7919 % 500
		    if key in stored:
		        line.say(b"get k%d\r\n" % key)
		        head = line.hear().split()
		        assert head[:2] == [b"VALUE", b"k%d" % key], head
		        assert line.hear() == stored[key] and line.hear() == b"END", key
		    stored[key] = words(i, 100 + i % 2000)
		    line.say(b"set k%d 0 0 %d\r\n%s\r\n" % (key, len(stored[key]), stored[key]))
		    assert line.hear() == b"STORED"

		run(step)
		for key in stored:
		    lines[0].say(b"get k%d\r\n" % key)
		    lines[0].hear()
		    assert lines[0].hear() == stored[key] and lines[0].hear() == b"END", key
	END
}
