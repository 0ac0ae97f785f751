# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/kselftest/load.sh - sourced by run.sh scripts inside a guest
#
# load_module [PARAMETER...]: loads the livemig.ko that was built for the kernel
# that runs: $LIVEMIG_KO, or one in the tree. Does nothing when it is loaded.
# Ends the caller with KTAP's skip when there is none.

load_module()
{
	local root ko

	[ -d /sys/module/livemig ] && return
	root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
	for ko in ${LIVEMIG_KO:+"$LIVEMIG_KO"} "$root"/livemig.ko \
		  "$root"/build/kernels/*/livemig.ko; do
		[ -e "$ko" ] || continue
		case $(modinfo -F vermagic "$ko") in
		"$(uname -r) "*)
			modinfo -F depends "$ko" | tr , '\n' |
				xargs -r -n 1 modprobe &&
				insmod "$ko" "$@" && return
			echo "Bail out! insmod $ko failed"
			exit 1
			;;
		esac
	done
	echo "1..0 # SKIP livemig.ko is not built for $(uname -r)"
	exit 4
}
