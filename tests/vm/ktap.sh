# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tests/vm/ktap.sh - KTAP for test scripts (sourced)
#
#	plan 3
#	check "numbers are equal" [ 1 = 1 ]
#	skip "needs more memory" "only 1 GB"
#	pass "it works"; fail "it does not"
#	finish

ktap_number=0
ktap_failed=0

plan()
{
	echo "KTAP version 1"
	echo "1..$1"
}

pass()
{
	echo "ok $((++ktap_number)) - $1"
}

fail()
{
	echo "not ok $((++ktap_number)) - $1"
	((++ktap_failed))
}

skip()
{
	echo "ok $((++ktap_number)) - $1 # SKIP ${2:-}"
}

# check NAME COMMAND...: passes when the command does; what it said on failure,
# otherwise lines "# refused: ...".
check()
{
	local name=$1 output

	shift
	if output=$("$@" 2>&1); then
		[[ $output == *'# refused: '* ]] && grep '^# refused: ' <<<"$output"
		pass "$name"
	else
		output="status $?: $*${output:+$'\n'$output}"
		printf '%s\n' "# ${output//$'\n'/$'\n'# }"
		fail "$name"
	fi
}

# verdict STATUS NAME FILE: passes with status 0; otherwise FILE has the details.
verdict()
{
	if (($1)); then
		sed 's/^/# /' "$3" | head -n 40
		fail "$2"
	else
		pass "$2"
	fi
}

# check_here NAME COMMAND...: as check(), but in this shell, whose variables the command
# may set.
check_here()
{
	local name=$1

	: "${ktap_said:=$(mktemp)}"
	shift
	"$@" >"$ktap_said" 2>&1
	verdict $? "$name" "$ktap_said"
}

# skip_all REASON: nothing of this area can run here.
skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
}

finish()
{
	exit $((ktap_failed > 0))
}
