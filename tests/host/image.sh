#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/host/image.sh - good and bad images, without a module or a guest
#
# usage: tests/host/image.sh
#
# tests/host/image.py writes images by the documentation alone; `migctl image`,
# built with the sanitizers, has to accept the good ones and to refuse each bad
# one with its exit status and one line that says what is wrong. Then a good
# image, which has every type of record that may be in one, is damaged at every
# byte. (For PATCHES, which may not: patches.sh.) KTAP on stdout.
#
# kernels: 6.1

set -u
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0 failed=0

result() # STATUS NAME
{
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n $2"
	else
		echo "not ok $n $2"
		failed=1
	fi
}

skip()
{
	echo "1..0 # SKIP $*"
	exit 4
}

for tool in gcc python3 pkg-config; do
	command -v $tool >/dev/null || skip "needs $tool"
done
pkg-config --exists libmnl jansson || skip "needs libmnl-dev and libjansson-dev"

echo "TAP version 13"
build="make -s -j2 B=$tmp/build CFLAGS=-O1\ -g\ -fsanitize=address,undefined\ -fno-sanitize-recover=all"
if ! eval "$build" "$tmp/build/migctl" >"$tmp/log" 2>&1; then
	sed 's/^/# /' "$tmp/log"
	echo "Bail out! migctl does not build with the sanitizers"
	exit 1
fi
# shellcheck disable=SC2046
gcc -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -Wall -Wextra \
	-D_GNU_SOURCE -Iuapi -Itools/lib -o "$tmp/damage" tests/host/image_damage.c \
	"$tmp/build/liblivemig.a" $(pkg-config --libs libmnl jansson libzstd liblz4) -lxxhash || exit 1
migctl=$tmp/build/migctl

tests/host/image.py "$tmp" >"$tmp/cases" || exit 1
echo "1..$(($(wc -l <"$tmp/cases") + 9))"

# verify NAME STATUS TEXT: and nothing but one line of text
verify()
{
	local status lines

	$migctl image verify "$tmp/$1.img" >"$tmp/out" 2>&1
	status=$?
	lines=$(wc -l <"$tmp/out")
	[ $status -eq "$2" ] && [ "$lines" -eq 1 ] && grep -qF -- "$3" "$tmp/out" && return
	echo "# exit status $status, wanted $2, and: $3"
	sed 's/^/# /' "$tmp/out"
	return 1
}

verify good 0 good
result $? "a good image"
while IFS='|' read -r name status text; do
	verify "$name" "$status" "$text"
	result $? "$name"
done <"$tmp/cases"

json() # the output of $migctl "$@" is one JSON value
{
	$migctl --json "$@" 2>/dev/null | python3 -c 'import json, sys; json.load(sys.stdin)'
}

json image verify "$tmp/good.img" && json image show "$tmp/good.img" &&
	json image show --records "$tmp/good.img" && json image list "$tmp" &&
	json image verify "$tmp/no-end.img"
result $? "--json prints JSON"

$migctl image show -r "$tmp/good.img" >"$tmp/out" &&
	[ "$(grep -c . "$tmp/out")" -eq 59 ] && grep -q 'PAGES$' "$tmp/out"
result $? "show --records lists all records"

# types: of the records that may be in an image, by the headers
types()
{
	{
		sed -n '/^enum livemig_obj {/,/__LIVEMIG_OBJ_MAX/p' uapi/linux/*.h
		sed -n '/^enum lm_rec_type {/,/LM_REC_HELLO/p' tools/lib/record.h
	} | sed -n 's/^\t\(LIVEMIG_OBJ\|LM_REC\)_\([A-Z_]*\)[, ].*/\2/p' |
		grep -vxE 'UNSPEC|PATCHES|USER|HELLO' | sort
}

# all_types: one of each is among the records that were listed
all_types()
{
	sed '1d; s/.* //' "$tmp/out" | sort -u >"$tmp/seen"
	types | diff - "$tmp/seen" >"$tmp/types" && return
	sed 's/^/# /' "$tmp/types"
	return 1
}

[ "$(types | wc -l)" -gt 20 ] && all_types
result $? "a good image has every type of record"
sed -i '/ NFT$/d' "$tmp/out"
! all_types >/dev/null && grep -qx '< NFT' "$tmp/types"
result $? "it is noticed when a type is missing"

$migctl image show "$tmp/good.img" >"$tmp/out" && grep -q 'pid 12 child' "$tmp/out" &&
	grep -q 'fd 0 pipe pipe:\[7\]' "$tmp/out"
result $? "show tells processes and files"

$migctl image show "$tmp/page-not-mapped.img" >"$tmp/out" 2>&1
[ $? -eq 2 ] && [ "$(wc -l <"$tmp/out")" -eq 1 ]
result $? "show refuses a bad image"

$migctl image verify "$tmp/nothing.img" >"$tmp/out" 2>&1
[ $? -eq 2 ] && grep -q 'No such file' "$tmp/out" &&
	! $migctl image verify "$tmp" 2>"$tmp/out" && grep -q 'not a regular file' "$tmp/out"
result $? "no such image"

echo "# Subtest: damage"
"$tmp/damage" "$tmp/good.img"
result $? "damage at every byte"

exit $failed
