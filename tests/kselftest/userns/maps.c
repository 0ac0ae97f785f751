// SPDX-License-Identifier: GPL-2.0-or-later
/* Maps of many lines. */
#include <unistd.h>

#include "inside.h"

#define UID_LINES	340	/* as many as a map may have, */
#define GID_LINES	125	/* one more than /proc shows in a page */

static struct kid outer, inner;
static pid_t *inner_pid;	/* shared: only its parent is told */

/* Every @first-th id is one of every @there-th above, the other way round: no line
 * continues another.
 */
static void map_many(pid_t of, const char *name, int lines, int first, int there)
{
	char text[4096];
	int n = 0;

	for (int i = 0; i < lines; i++)
		n += snprintf(text + n, sizeof(text) - n, "%d %d 1\n", first * i,
			      there * (lines - 1 - i));
	map_of(of, name, text);
}

/* Root is the last one that it knows, and it knows no odd ones. */
static bool knows_last(void)
{
	return getuid() == 2 * (UID_LINES - 1) && getgid() == 2 * (GID_LINES - 1) &&
	       setresuid(-1, 1, -1) && errno == EINVAL;
}

static bool inner_knows(void)
{
	static int calls;

	return !calls++ || (!getuid() && !getgid() && !setresuid(-1, UID_LINES - 1, -1) &&
			    !setresuid(-1, 0, -1));
}

/* First without maps, then it makes the inner one, from then on it asks that. */
static bool wide_may(void)
{
	static int calls;

	switch (calls++) {
	case 0:
		return true;
	case 1:
		inner = kid_begin(own_user, inner_knows);
		*inner_pid = inner.pid;
		if (!kid_ready(&inner))
			return false;
		map_many(inner.pid, "uid_map", UID_LINES, 1, 2);
		map_many(inner.pid, "gid_map", GID_LINES, 1, 2);
		return knows_last() && !*wrong;
	default:
		return knows_last() && says_yes(&inner);
	}
}

static void take_many(void)
{
	note_process(outer.pid);
	note_process(*inner_pid);
}

static int lines_of(pid_t pid, const char *name)
{
	char path[64], line[128];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		fclose(f);
	return n;
}

static int run_many(void)
{
	inner_pid = shared_pid();
	outer = kid(own_user, wide_may);
	map_many(outer.pid, "uid_map", UID_LINES, 2, 1);
	map_many(outer.pid, "gid_map", GID_LINES, 2, 1);
	check(says_yes(&outer) && says_yes(&outer));
	check(lines_of(outer.pid, "uid_map") == UID_LINES);
	check(lines_of(*inner_pid, "gid_map") == GID_LINES);
	move(take_many);
	check(says_yes(&outer));
	return answer();
}

const struct kind map_kinds[] = {
	{ "many", run_many },
	{ }
};
