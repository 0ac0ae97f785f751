#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/host/scan.sh - kernel logs are judged as they should be
#
# usage: tests/host/scan.sh
#
# Each finding by itself in an otherwise clean log. Runs on the host; KTAP on stdout.
#
# kernels: 6.1

set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/vm/ktap.sh
. tests/vm/ktap.sh
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

clean()
{
	cat <<-'END'
	Linux version 6.1.0-50-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0)
	kasan: KernelAddressSanitizer initialized (generic)
	kfence: initialized - using 2097152 bytes for 255 objects at 0x(____ptrval____)-0x(____ptrval____)
	kmemleak: Kernel memory leak detector initialized (mem pool available: 15679)
	rcu: Preemptible hierarchical RCU implementation.
	Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
	livemig: loading out-of-tree module taints kernel.
	livemig: module verification failed: signature and/or required key missing - tainting kernel
	process 'calls' started with executable stack
	Out of memory: Killed process 301 (work) total-vm:2000kB, anon-rss:90kB
	work[301]: segfault at 10 ip 0000000000401136 sp 00007ffc2a5a1c60 error 6 in work[401000+1000]
	END
}

findings()
{
	cat <<-'END'
	WARNING: CPU: 0 PID: 301 at kmod/session.c:77 session_put+0x12/0x40 [livemig]
	WARNING: possible recursive locking detected
	WARNING: suspicious RCU usage
	BUG: KASAN: slab-use-after-free in session_put+0x12/0x40 [livemig]
	BUG: KFENCE: use-after-free read in session_put+0x12/0x40 [livemig]
	BUG: KCSAN: data-race in session_get / session_put
	BUG: KMSAN: uninit-value in session_put+0x12/0x40 [livemig]
	BUG: kernel NULL pointer dereference, address: 0000000000000008
	BUG: sleeping function called from invalid context at kmod/mm.c:70
	BUG: soft lockup - CPU#0 stuck for 22s! [migctl:301]
	BUG kmalloc-64 (Tainted: G           O      ): Poison overwritten
	kernel BUG at kmod/session.c:77!
	Kernel panic - not syncing: Fatal exception
	Oops: 0000 [#1] PREEMPT SMP NOPTI
	general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP
	UBSAN: array-index-out-of-bounds in kmod/session.c:77:2
	ODEBUG: free active (active state 0) object type: timer_list hint: tick+0x0/0x20
	possible circular locking dependency detected
	possible irq lock inversion dependency detected
	inconsistent {SOFTIRQ-ON-W} -> {IN-SOFTIRQ-W} usage.
	kmod/session.c:77 suspicious RCU usage!
	DEBUG_LOCKS_WARN_ON(lock->magic != lock)
	INFO: trying to register non-static key.
	INFO: task migctl:301 blocked for more than 120 seconds.
	rcu: INFO: rcu_preempt self-detected stall on CPU
	rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 0-... }
	rcu: rcu_preempt kthread starved for 5252 jiffies!
	livemig_session: 3 objects remaining
	unreferenced object 0xffff888003a1c000 (size 64):
	refcount_t: underflow; use-after-free.
	list_del corruption, ffff888003a1c000->next is LIST_POISON1
	END
}

# judged STATUS COUNT: the log of that name, with that many lines of findings
judged()
{
	local status lines

	tests/vm/scan "$tmp/log" >"$tmp/out" 2>&1
	status=$?
	lines=$(wc -l <"$tmp/out")
	[ $status = "$1" ] && [ "$lines" = "$2" ] && return
	echo "status $status, wanted $1; $lines lines, wanted $2"
	cat "$tmp/out"
	return 1
}

is_clean()
{
	clean | sed 's/^/[    1.234567] /' >"$tmp/log"
	judged 0 0 && clean >"$tmp/log" && judged 0 0
}

# Each of them, with the time before it, and with what follows it.
are_found()
{
	local line after

	after=$(clean | wc -l)
	while read -r line; do
		{ clean; echo "[    1.234567] $line"; clean; } >"$tmp/log"
		judged 1 $((after + 1)) && grep -qF "$line" "$tmp/out" ||
			{ echo "in a log with: $line"; return 1; }
	done < <(findings)
}

is_cut()
{
	for ((i = 0; i < 4000; i++)); do
		echo "BUG: KFENCE: use-after-free read in session_put+0x12/0x40 [livemig]"
	done >"$tmp/log"
	judged 1 120
}

is_binary()
{
	{ clean; printf '\0\xff\n'; echo "kernel BUG at kmod/session.c:77!"; } >"$tmp/log"
	judged 1 1
}

is_missing()
{
	rm -f "$tmp/log"
	! tests/vm/scan "$tmp/log" 2>/dev/null
}

plan 5
check "what every kernel says is no finding" is_clean
check "each finding is found" are_found
check "a log full of findings: 120 lines of them" is_cut
check "a log with bytes that are no text" is_binary
check "a log that is not there is not clean" is_missing
finish
