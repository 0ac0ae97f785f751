// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A tree of 100 processes that check themselves and each other. A token goes
 * round a ring of pipes; each process adds one to it, rewrites a part of its
 * memory, and checks all of it. The first one says how it is by its name
 * (/proc/PID/comm): "ok-N" after N rounds, "BAD-..." for ever once something is
 * wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define N	100
#define WORDS	(64 * 1024 / sizeof(long))

static long memory[WORDS];
static int ring[N][2];
static pid_t me, parent;

static void say(const char *what, long n)
{
	char name[32];	/* the kernel keeps 15 bytes */

	snprintf(name, sizeof(name), "%s-%ld", what, n);
	prctl(PR_SET_NAME, name);
}

static void bad(const char *what, long n)
{
	say(what, n);
	for (;;)
		pause();
}

/* Every word knows its place, and how often its part was rewritten. */
static void work(long turn)
{
	unsigned long i, part = WORDS / 8, at = turn % 8 * part;

	for (i = 0; i < part; i++)
		memory[at + i] = turn * 1000003 + at + i;
	for (i = 0; i < WORDS; i++) {
		long last = turn - ((turn - (long)(i / part)) % 8 + 8) % 8;

		if (last >= 1 && memory[i] != last * 1000003 + (long)i)
			bad("BADmem", i);
	}
	if (getpid() != me || (parent && getppid() != parent))
		bad("BADpid", getpid());
}

static void node(int i)
{
	long token, turn = 0;

	me = getpid();
	parent = i ? getppid() : 0;
	for (;;) {
		if (read(ring[i][0], &token, sizeof(token)) != sizeof(token))
			bad("BADread", i);
		work(++turn);
		if (!i) {
			if (token != (turn - 1) * N)
				bad("BADtoken", token);
			say("ok", turn);
			usleep(200000);	/* the tools need the CPU, too */
		} else if (token != (turn - 1) * N + i) {
			bad("BADtoken", token);
		}
		token++;
		if (write(ring[(i + 1) % N][1], &token, sizeof(token)) != sizeof(token))
			bad("BADwrite", i);
	}
}

/* A tree: node i is a child of node (i - 1) / 3. Every tenth leads a group. */
static void grow(int i)
{
	int child, last;

again:
	if (i % 10 == 0)
		setpgid(0, 0);
	last = 3 * i + 3;
	for (child = 3 * i + 1; child <= last && child < N; child++) {
		if (!fork()) {
			i = child;
			goto again;
		}
	}
	node(i);
}

int main(void)
{
	long token = 0;
	int i;

	for (i = 0; i < N; i++)
		if (pipe(ring[i]))
			return 1;
	if (write(ring[0][1], &token, sizeof(token)) != sizeof(token))
		return 1;
	grow(0);
	return 0;
}
