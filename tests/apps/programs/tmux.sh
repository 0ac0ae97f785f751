# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# needs: tmux
# check: no
#
# Two windows: one counts, into the other commands are typed; what has scrolled
# away is still known in the end.

tmux=(env -u TMUX TERM=screen LC_ALL=C.UTF-8 tmux -f /dev/null -S "$work/socket")

start()
{
	container "${tmux[@]}" -D
	wait_for 30 test -S "$work/socket"
	"${tmux[@]}" set -g history-limit 10000 \; \
		new-session -d -x 90 -y 25 -s s 'n=0; while :; do echo $((n++)); sleep 0.02; done' \; \
		new-window -d -t s:1 'exec bash --norc --noediting'
}

ready()
{
	"${tmux[@]}" list-windows -t s | grep -q '^1:'
}

load()
{
	local n=0

	cd "$work" || exit
	until [ -e stop ]; do
		# It is not there for a moment while it moves.
		"${tmux[@]}" send-keys -t s:1 "echo typed \$(($n * 3))" Enter 2>>load.err || {
			sleep 0.1
			continue
		}
		echo $((++n)) >ops.new
		mv ops.new ops
	done
}

verify()
{
	local n

	n=$(cat "$work/ops")
	typed() { "${tmux[@]}" capture-pane -p -S - -t s:1 | grep -qx "typed $(((n - 1) * 3))"; }
	wait_for 60 typed || { "${tmux[@]}" capture-pane -p -t s:1; return 1; }
	"${tmux[@]}" capture-pane -p -S - -t s:1 | grep '^typed' |
		awk -v n="$n" '$2 != 3 * (NR - 1) { print; exit 1 } END { if (NR != n) exit 1 }' || return
	"${tmux[@]}" capture-pane -p -S - -t s:0 | grep . |
		awk 'NR > 1 && $1 != last + 1 { print last, $1; exit 1 } { last = $1 } END { if (last < 50) exit 1 }'
}
