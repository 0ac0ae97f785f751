#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/apps/demo.sh APP - one guest's part of the demo, judged (KTAP from C)

set -u
top=$(readlink -f "$(dirname "$0")/../..")
app=$1
[ "$VM_NAME" = C ] || exec "$top/tests/demo/guest" "$app" "$VM_NAME"

# shellcheck source=tests/vm/ktap.sh
. "$top/tests/vm/ktap.sh"

report=/tmp/report.json
is() # JSON-EXPRESSION: true of the report
{
	/usr/bin/python3 -c "
import json
r = json.load(open('$report'))
c = r['client']
print(c)
exit(not ($1))"
}

other_kernel()
{
	[[ $(cat /run/out/host-A) != "$(cat /run/out/host-B)" ]] ||
		{ echo "both have $(cat /run/out/host-A)"; return 1; }
}

if [ "$app" = drain ]; then plan 8; else plan 7; fi
"$top/tests/demo/guest" "$app" C
/usr/bin/python3 "$top/tests/demo/report.py" /run/out $report
check "$app: moved there and back" is "len(r['migrations']) == 2"
check "$app: the client was busy all the time" is \
	"len(c['phases']) == 5 and all(c['phases'].values())"
check "$app: each operation's latency is noted" is \
	"all(0 < l['p50_ms'] <= l['p99_ms'] <= l['p99_9_ms'] <= l['max_ms'] and
	     sum(n for _, n in l['histogram_ms']) == l['ops'] for l in c['latency'].values()) and
	 sum(l['ops'] for l in c['latency'].values()) == c['ops'] and
	 all(abs(c['latency'][f'during {n}']['max_ms'] - m['client_gap_ms']) < 0.1
	     for n, m in enumerate(r['migrations'], 1))"
check "$app: no errors" is "c['errors'] == 0"
check "$app: no reconnects" is "c['reconnects'] == 0"
check "$app: no wrong answers" is "c['mismatches'] == 0"
check "$app: all data is right" is "r['keys_verified'] > 0 and r['ok']"
[ "$app" != drain ] || check "$app: between two kernels" other_kernel
finish
