// SPDX-License-Identifier: GPL-2.0-or-later
/* /dev/livemig and the helper: what they do, what they refuse, what is left. */
#include "tests.h"

struct image im;

bool good(int ret)
{
	if (ret)
		printf("# %s\n", im.e.msg);
	return !ret;
}

bool all_gone(uint32_t pid, int ms)
{
	for (; ms > 0; ms -= 10) {
		if (gone(pid))
			return true;
		sleep_ms(10);
	}
	return false;
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "helper", test_helper },
	{ "one", test_one },
	{ "seven", test_seven },
	{ "frozen", test_frozen },
	{ "sleeps", test_sleeps },
	{ "objects", test_objects },
	{ "restores", test_restores },
	{ "callers", test_callers },
	{ "tcp", test_tcp },
	{ "ended", test_ended },
	{ "killed", test_killed },
};

/* usage: become [TEST] */
int main(int argc, char **argv)
{
	ktap_begin();
	xstate_learn();
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (argc < 2 || !strcmp(argv[1], tests[i].name))
			tests[i].run();
	return ktap_end();
}
