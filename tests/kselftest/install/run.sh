#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/kselftest/install/run.sh - what `make install-tools` puts where, and that
# it is enough: the tool works without the build directory, the headers without
# the sources, the manual page's example as it stands there
#
# vm: cpus=1 timeout=900
# kernels: 6.1
# requires: build/migctl

cd "$(dirname "$0")" || exit 1
# shellcheck source=tests/kselftest/move.sh
. ../move.sh
load_module
cd "$root" || exit 1
migctl=/usr/sbin/migctl

# Everything of ours below /usr.
installed()
{
	find /usr/sbin /usr/libexec /usr/lib /usr/lib/pkgconfig /usr/include \
		/usr/share/man/man3 /usr/share/man/man8 \
		/usr/share/bash-completion/completions -maxdepth 1 \
		\( -name '*livemig*' -o -name 'migctl*' \) 2>/dev/null
}

manual()
{
	local page

	for page in 8:migctl 3:liblivemig; do
		man "${page%:*}" "${page#*:}" | grep -q "^NAME" || return
	done
}

# Each header is enough for itself, and for a strict compiler.
headers()
{
	local header n=0

	for header in /usr/include/livemig/*.h; do
		# shellcheck disable=SC2046
		echo "#include <${header##*/}>" | gcc -Wall -Werror -fsyntax-only -x c \
			$(pkg-config --cflags liblivemig) - || return
		((++n))
	done
	((n > 5)) || { echo "$n headers"; return 1; }
}

# The example of liblivemig(3): it freezes a cgroup until a key is pressed.
example()	# [--static]
{
	local program=$dir/example${1:-} pid libs

	sed -n '/^\.SH EXAMPLE/,/^\.fi/p' /usr/share/man/man3/liblivemig.3 |
		sed '/^\./d; s/\\e/\\/g; s/\\-/-/g' >"$program.c"
	libs=$(pkg-config "$@" --libs liblivemig) || return
	[ $# = 0 ] || libs=${libs/-llivemig/-l:liblivemig.a}
	# shellcheck disable=SC2046,SC2086
	gcc -Wall -Werror -D_GNU_SOURCE -o "$program" "$program.c" \
		$(pkg-config --cflags liblivemig) $libs || return
	mkfifo "$program.key"
	"$program" cgroup:idle <"$program.key" &
	pid=$!
	exec 6>"$program.key"
	wait_for 60 grep -qx "frozen 1" "$cg/idle/cgroup.events" || { echo "not frozen"; return 1; }
	exec 6>&-
	wait "$pid" && grep -qx "frozen 0" "$cg/idle/cgroup.events"
}

# Not the helper of the build directory, which is not there.
moves()
{
	local pid

	pid=$(<"$cg/idle/cgroup.procs")
	cp "$snapshot" "$dir/snapshot" && snapshot=$dir/snapshot
	mount -t tmpfs none "$root/build" || return
	moved idle "$dir/image" &&
		kill -0 "$pid"
}

completion()
{
	bash -c '. /usr/share/bash-completion/completions/migctl && complete -p migctl'
}

removed()
{
	umount "$root/build"
	make -s uninstall || return
	[ -z "$(installed)" ] || { installed; return 1; }
}

plan 9
check "make install-tools" make -s install-tools
check "the tool is found" eval '[[ $(type -p migctl) = $migctl ]] && migctl status'
if command -v man >/dev/null; then
	check "manual pages" manual
else
	skip "manual pages" "man is not installed"
fi
check "completion" completion
check "each header is enough for itself" headers
box idle sleep 1000
wait_for 60 grep -q . "$cg/idle/cgroup.procs"
check "the example of the manual page" example
check "the same with the static library" example --static
check "dump and restore without the build directory" moves
unbox idle
check "make uninstall leaves nothing" removed
finish
