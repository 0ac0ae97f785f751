#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/labels/run.sh - what confines a container on one host does so on
# the other one: AppArmor profiles, one for each thread
#
# vm: mem=1024 timeout=900
# requires: build/migctl
# coverage: Namespaces, cgroups, security
# build: labels labels.c ../program.c -pthread

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

skip_all()
{
	echo "1..0 # SKIP $*"
	exit 4
}

[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] ||
	skip_all "this kernel runs without AppArmor"
command -v apparmor_parser aa-exec >/dev/null || skip_all "needs the package apparmor"
mountpoint -q /sys/kernel/security || mount -t securityfs none /sys/kernel/security ||
	skip_all "no securityfs"
load_module

# profiles NAME...: each may do everything but read one file, and change to another
profiles()
{
	local name

	for name; do
		cat <<-END
		profile livemig-$name flags=(attach_disconnected) {
			capability setgid, signal, file, change_profile,
			deny $([ "$name" = first ] && echo /etc/protocols || echo /etc/services) r,
		}
		END
	done
}

confined()
{
	box labels aa-exec -p livemig-first -- "$dir/labels" labels "$dir/labels.out"
	is_ready "$dir/labels.out" || return
	prlimit --pid "$(cat "$cg/labels/cgroup.procs")" --nofile=0:1024
}

moves()
{
	moved labels "$dir/img" || return
	answers "$dir/labels.out"
}

# Lets what is restored run without what confined it?
stays_out()
{
	refused 2 "$1" "$migctl" restore --detach "$dir/img" || return
	! grep -q . "$cg/labels/cgroup.procs" 2>/dev/null
}

plan 5
check "profiles can be loaded" apparmor_parser -r <(profiles first other)
check "a program that is confined" confined
check "moves with the profiles of its threads" moves
unbox labels
echo -n "livemig-other" >/sys/kernel/security/apparmor/.remove
check "a profile that is not loaded is refused" stays_out \
	"AppArmor profile livemig-other is not loaded here: load it with apparmor_parser"
apparmor_parser -r <(profiles other)
rm -f "$dir/labels.out"
again()
{
	restore_box labels "$dir/img" && answers "$dir/labels.out"
}
check "... and restored when it is" again
unbox labels
finish
