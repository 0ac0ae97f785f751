#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/host/style.sh - every file has its licence in the first lines
#
# usage: tests/host/style.sh
#
# Runs on the host, in a clone of the repository; KTAP on stdout.
#
# kernels: 6.1

set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/vm/ktap.sh
. tests/vm/ktap.sh
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# Names of files that cannot have one, each with the reason; none so far.
cannot=()

git -c safe.directory='*' ls-files >"$tmp/tracked" 2>"$tmp/log" && [ -s "$tmp/tracked" ] ||
	skip_all "no clone of the repository: $(head -n 1 "$tmp/log")"
while read -r file; do
	[ ! -e "$file" ] || [[ " ${cannot[*]} " == *" $file "* ]] || echo "$file"
done <"$tmp/tracked" >"$tmp/files"

# licence FILE: the one that files of its directory have
licence()
{
	case $1 in
	kmod/*|Kbuild|dkms.conf) echo GPL-2.0 ;;
	tools/lib/*|Documentation/man/liblivemig.3) echo LGPL-2.1-or-later ;;
	uapi/*) echo "GPL-2.0 WITH Linux-syscall-note" ;;
	Documentation/netlink/specs/*)
		echo "((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)" ;;
	Documentation/*.rst) echo "GPL-2.0 GPL-2.0-or-later" ;;
	*) echo GPL-2.0-or-later ;;
	esac
}

# said DIRECTORY: "FILE<TAB>licence" of those below it that have one in the first
# three lines
said()
{
	(cd "$1" && xargs awk '
	FNR > 3 { nextfile }
	sub(/^([#;] |\/\/ |\/\* |\.\. |\.\\" |<!-- |)SPDX-License-Identifier: */, "") {
		sub(/ *(\*\/|-->)$/, "")
		print FILENAME "\t" $0
		nextfile
	}') <"$tmp/files" | sort
}

have_one()
{
	said "${1:-.}" >"$tmp/said"
	sort "$tmp/files" | join -t $'\t' -v 1 - "$tmp/said" >"$tmp/bare"
	sed 's/$/: no SPDX-License-Identifier in its first three lines/' "$tmp/bare"
	[ ! -s "$tmp/bare" ]
}

is_right()
{
	local file is wanted bad=0

	while IFS=$'\t' read -r file is; do
		wanted=$(licence "$file")
		[[ $is == "$wanted" || ($file == *.rst && " $wanted " == *" $is "*) ]] &&
			continue
		echo "$file: $is, wanted $wanted"
		bad=1
	done <"$tmp/said"
	return $bad
}

# The same files, without that line, and one of another licence.
are_noticed()
{
	local file=kmod/main.c

	mkdir "$tmp/copy"
	tar -cf - -T "$tmp/files" | tar -xf - -C "$tmp/copy" || return
	(cd "$tmp/copy" && xargs sed -i '1,3{/SPDX-License-Identifier/d}' <"$tmp/files")
	! have_one "$tmp/copy" >"$tmp/out" && cmp <(sort "$tmp/files") "$tmp/bare" || return
	grep -qx "$file: no SPDX.*" "$tmp/out" || return
	printf '%s\tMIT\n' $file >"$tmp/said"
	! is_right >"$tmp/out" && grep -qx "$file: MIT, wanted GPL-2.0" "$tmp/out"
}

plan 3
check "every file has a licence" have_one
check "it is the one of its directory" is_right
check "it is noticed where it is missing or another" are_noticed
finish
