#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/userns/run.sh - user namespaces, dumped and restored
#
# usage: run.sh [KIND...]
# The program inside sets them up, and looks at them when it runs again: container.c,
# spaces.c and maps.c have what moves, refused.c what does not.
#
# coverage: User namespaces
# vm: mem=1024 timeout=1200
# requires: build/migctl build/liblivemig.a
# build: inside *.c -lrt -lpthread
# build: edit ../restore/edit.c liblivemig

set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh

# Whoever is root inside can get to what is his.
chmod 755 "$dir"

# where KIND OWNER: a new directory for its file
where()
{
	rm -rf "${dir:?}/$1"
	mkdir -p "$dir/$1"
	chown "$2" "$dir/$1"
	file=$dir/$1/state
}

start()
{
	case $1 in
	container | levels | above | overlay | strangers)
		where "$1" 100000:200000
		mkdir -p "$cg/userns-$1"
		chown 100000:200000 "$cg/userns-$1"{,/cgroup.procs,/cgroup.subtree_control}
		setsid "$dir/inside" "$1" "$file" "$cg/userns-$1/cgroup.procs" \
			</dev/null >/dev/null 2>&1 || return
		;;
	foreign)
		where "$1" 0:0
		unshare --user --uts sleep 10000 </dev/null >/dev/null 2>&1 &
		other=$!
		wait_for 60 grep -qx sleep "/proc/$other/comm"
		box "userns-$1" nsenter --uts --target "$other" \
			"$dir/inside" "$1" "$file"
		;;
	alone)
		where "$1" 1000:1000
		box "userns-$1" "$dir/inside" "$1" "$file"
		;;
	*)
		where "$1" 0:0
		box "userns-$1" "$dir/inside" "$1" "$file"
		;;
	esac
	is_ready "$file"
}

# Dump, kill, restore; then what it says itself.
moves()
{
	start "$1" || return
	moved "userns-$1" "$dir/$1.img" || return
	answers "$file" && return
	[ ! -e "$file.before" ] || diff "$file.before" "$file.after"
	return 1
}

# What it has on the host belongs to whom it belonged there.
ids()
{
	local f owner

	for f in "$dir/container/state.mine" \
		"$cg/userns-container"{,/cgroup.procs,/cgroup.subtree_control}; do
		owner=$(stat -c %u:%g "$f")
		[ "$owner" = 100000:200000 ] || { echo "$f: $owner"; return 1; }
	done
	owner=$(stat -c %u:%g "$cg/userns-container/cgroup.freeze")
	[ "$owner" = 0:0 ] || { echo "cgroup.freeze: $owner"; return 1; }
}

declare -A why=(
	[nested]="its user namespace belongs to a user namespace that no process of the container is in"
	[threads]="threads in a user namespace that its pid namespace does not belong to"
	[ancestor]="threads in a user namespace that its pid namespace does not belong to"
	[above]="program that was started in a user namespace above its own: not supported"
	[overlay]="mount /mnt/over (overlay): an overlay of a user namespace"
	[strangers]="ids other than those of the first thread, which its user namespace does not know"
	[foreign]="its uts namespace belongs to a user namespace that no process of the container is in"
	[map]="user namespace: its uid_map is malformed"
	[count]="user namespace: cannot write its uid_map here: Invalid argument"
	[stranger]="user namespace: its uid_map has what its parent has not"
	[orphan]="its parent is missing"
)

# Refused by name, before anything is stopped; it runs on.
stays()
{
	start "$1" || return
	refused 2 "${why[$1]}" "$migctl" dump "$cg/userns-$1" -o "$dir/$1.img" \
		--leave killed || return
	gone "$dir/$1.img" || { echo "an image is left"; return 1; }
	answers "$file"
}

no_helper()
{
	! grep -l livemig-helper /proc/[0-9]*/comm 2>/dev/null
}

# What is wrong with the records of user namespaces in an image (restore/edit.c).
declare -A damages=([some]="map count" [within]="stranger orphan")

# Of a damaged image nothing is left; the good one can still be restored.
withstands()
{
	local what

	start "$1" || return
	dump_box "userns-$1" "$dir/$1.img" || return
	for what in ${damages[$1]}; do
		"$dir/edit" "$dir/$1.img" "$dir/bad.img" "$what" &&
			refused 2 "${why[$what]}" "$migctl" restore --detach "$dir/bad.img" &&
			wait_for 60 gone "$cg/userns-$1" && wait_for 60 no_helper || {
			echo "$what: not refused, or something is left"
			return 1
		}
	done
	restore_box "userns-$1" "$dir/$1.img" && answers "$file"
}

load_module
moved=$(among "container alone some within many levels" "$@")
refused=$(among "nested threads ancestor above foreign overlay strangers" "$@")
damaged=$(among "some within" "$@")
# shellcheck disable=SC2086
set -- $moved $refused $damaged
[[ $moved != *container* ]] || set -- "$@" files
plan $#
for kind in $moved; do
	check "$kind" moves "$kind"
	[ "$kind" != container ] || check "whose files are" ids
	unbox "userns-$kind"
done
for kind in $refused; do
	check "$kind is refused" stays "$kind"
	unbox "userns-$kind"
done
for kind in $damaged; do
	check "$kind, damaged" withstands "$kind"
	unbox "userns-$kind"
done
[ ! "${other:-}" ] || kill "$other"
finish
