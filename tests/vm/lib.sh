# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/vm/lib.sh - helpers for scripts that run in guests (sourced)

# shellcheck source=tests/vm/nap.sh
. "$(dirname "${BASH_SOURCE[0]}")/nap.sh"

# wait_for SECONDS COMMAND...: until the command succeeds; false when it does not, and
# not for a single try that took so long. Here and below TIME_FACTOR, which tests/run
# passes on, multiplies the seconds.
wait_for()
{
	local end=$((SECONDS + $1 * ${TIME_FACTOR:-1})) tries=0

	shift
	until "$@" >/dev/null 2>&1; do
		((++tries < 5 || SECONDS < end)) || return 1
		nap 0.1
	done
}

# wait_file FILE [SECONDS]: until the file is there (60 s).
wait_file()
{
	wait_for "${2:-60}" test -e "$1"
}

# wait_port HOST PORT [SECONDS]: until a TCP connection is accepted (60 s).
wait_port()
{
	# shellcheck disable=SC2016
	wait_for "${3:-60}" timeout $((10 * ${TIME_FACTOR:-1})) bash -c ': <"/dev/tcp/$0/$1"' "$1" "$2"
}

# tell NAME [TEXT]: leaves a note for the other guests, at once and whole.
tell()
{
	echo "${2:-}" >"/run/out/.note.$1.$$" &&
		mv "/run/out/.note.$1.$$" "/run/out/note.$1"
}

# hear NAME [SECONDS]: waits for a note and prints its text (60 s).
hear()
{
	wait_file "/run/out/note.$1" "${2:-60}" && cat "/run/out/note.$1"
}

# barrier NAME [SECONDS]: until every guest of the topology is here (60 s).
barrier()
{
	local guest

	: >"/run/out/barrier.$1.$VM_NAME"
	for guest in $VM_GUESTS; do
		wait_file "/run/out/barrier.$1.$guest" "${2:-60}" || return 1
	done
}

# load_module [PARAMETER...]: livemig.ko and what it depends on.
load_module()
{
	local needed

	for needed in $(modinfo -F depends "$LIVEMIG_KO" | tr , ' '); do
		modprobe "$needed" || return
	done
	insmod "$LIVEMIG_KO" "$@"
}
