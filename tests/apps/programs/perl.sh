# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# needs: perl
# check: no
#
# A process for each client, each with a coprocess behind pipes and a timer.

start()
{
	container perl "$here/perl.pl"
}

ready()
{
	port 7000
}

load()
{
	cd "$work" && exec /usr/bin/python3 - <<-'END'
		from load import Line, run

		lines = [Line(7000) for _ in range(4)]
		seen = [0] * len(lines)

		def step(i):
		    n = i % len(lines)
		    seen[n] += 1
		    word, count = f"word{i}", i % 30 + 1
		    answer = lines[n].ask(f"{word} " * count)
		    assert answer == f"{seen[n]} {count} {len(word)} ok", answer

		run(step)
	END
}
