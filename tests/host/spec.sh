#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/host/spec.sh - the YAML spec and the uapi header say the same
#
# usage: tests/host/spec.sh
#
# Commands, attributes, enum values, constants and structs are compared in both
# directions. Then the spec is damaged in one place after the other, and each
# time the comparison has to notice. Runs on the host; KTAP on stdout.
#
# kernels: 6.1

set -u
cd "$(dirname "$0")/../.." || exit 1
spec=Documentation/netlink/specs/livemig.yaml
header=$PWD/uapi/linux/livemig.h
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0 failed=0

result() # STATUS NAME
{
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=1
	fi
}

# Each line: what is wrong, a sed script that makes it so, what must be said.
damages()
{
	cat <<-'END'
	a command is missing|/name: thaw$/s/thaw/that/|LIVEMIG_CMD_THAW: not in the spec
	a command is too many|/name: thaw$/s/thaw/that/|LIVEMIG_CMD_THAT: not in the header
	an attribute is missing|/name: cgroup-fd$/s/fd/xx/|LIVEMIG_A_CGROUP_FD: not in the spec
	an attribute has another number|/name: xstate$/a\        value: 99|LIVEMIG_THREAD_XSTATE: 99 in the spec
	an enum value is missing|/name: tracker-lost$/s/lost/gone/|LIVEMIG_EVENT_TRACKER_LOST: not in the spec
	a flag has another bit|s/value: 16/value: 17/|LIVEMIG_PAGES_F_UNSAFE_NOFLUSH: 131072 in the spec
	a constant differs|s/value: 4095/value: 4096/|LIVEMIG_PATH_MAX: 4096 in the spec
	a struct member is narrower|/name: left-ns$/,+1s/s64/s32/|livemig_restart.left_ns: 8+4s in the spec
	a struct member has the other sign|/name: left-ns$/,+1s/s64/u64/|livemig_restart.left_ns: 8+8 in the spec
	a command names an unknown attribute|s/attributes: \[ session, timeout-ms \]/attributes: [ session, timeout-xx ]/|freeze: no attribute timeout-xx
	END
}

if ! command -v gcc >/dev/null || ! python3 -c 'import yaml' 2>/dev/null; then
	echo "1..0 # SKIP needs gcc and python3-yaml"
	exit 4
fi

echo "KTAP version 1"
echo "1..$((1 + $(damages | wc -l)))"

tests/host/spec.py compare $spec "$header" >"$tmp/out" 2>&1
status=$?
sed 's/^/# /' "$tmp/out"
result $status "the spec and the header agree"

while IFS='|' read -r what script expected; do
	sed "$script" $spec >"$tmp/spec.yaml"
	tests/host/spec.py compare "$tmp/spec.yaml" "$header" >"$tmp/out" 2>&1
	status=$?
	[ $status -eq 1 ] && grep -qF "$expected" "$tmp/out"
	status=$?
	[ $status -eq 0 ] || sed 's/^/# /' "$tmp/out"
	result $status "it is noticed when $what"
done < <(damages)

exit $failed
