// SPDX-License-Identifier: GPL-2.0-or-later
/* Inotify. */
#include <fcntl.h>
#include <stdbool.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

static int fd1, fd2;

static int watches[4];

/* Numbers with gaps, two files and a directory. */
static void set_inotify(void)
{
	fd1 = inotify_init1(IN_NONBLOCK);
	mkdir(name("dir"), 0700);
	write_file(name("data"), "");
	write_file(name("other"), "");
	for (int i = 0; i < 3; i++) {
		watches[0] = inotify_add_watch(fd1, name("dir"), IN_CREATE | IN_DELETE);
		if (i < 2)
			inotify_rm_watch(fd1, watches[0]);
	}
	watches[1] = inotify_add_watch(fd1, name("data"), IN_MODIFY | IN_ONESHOT);
	watches[3] = inotify_add_watch(fd1, name("other"), IN_ATTRIB);
	watches[2] = inotify_add_watch(fd1, "/proc/self", IN_ACCESS);
	check(watches[0] == 3 && watches[1] == 4 && watches[2] == 6);
	inotify_rm_watch(fd1, watches[2]);
	{
		char events[1024];

		check(read(fd1, events, sizeof(events)) > 0);	/* IN_IGNORED */
		check(read(fd1, events, sizeof(events)) < 0);
	}
}

/* The next event, of those that one read() brought. */
static bool told(int wd, unsigned int mask)
{
	static char buf[1024];
	static ssize_t at, len;
	struct inotify_event ev;

	if (at >= len) {
		at = 0;
		len = read(fd1, buf, sizeof(buf));
		if (len <= 0)
			return false;
	}
	memcpy(&ev, buf + at, sizeof(ev));
	at += sizeof(ev) + ev.len;
	return ev.wd == wd && ev.mask == mask;
}

static void get_inotify(void)
{
	char c;

	check(read(fd1, &c, 1) < 0 && errno == EAGAIN);
	write_file(name("dir/x"), "");
	check(told(watches[0], IN_CREATE));
	fd2 = open(name("data"), O_WRONLY);
	check(write(fd2, "x", 1) == 1);
	check(told(watches[1], IN_MODIFY) && told(watches[1], IN_IGNORED));
	check(write(fd2, "x", 1) == 1);
	chmod(name("other"), 0640);
	check(told(watches[3], IN_ATTRIB));
	check(inotify_add_watch(fd1, name("dir"), IN_CREATE) == watches[0]);
	check(inotify_add_watch(fd1, name("data"), IN_OPEN) > watches[3]);
}

static void set_unread(void)
{
	fd1 = inotify_init();
	mkdir(name("dir"), 0700);
	check(inotify_add_watch(fd1, name("dir"), IN_CREATE) > 0);
	write_file(name("dir/x"), "");
}

static void set_watchgone(void)
{
	fd1 = inotify_init();
	fd2 = open(name("gone"), O_RDWR | O_CREAT, 0600);
	check(inotify_add_watch(fd1, name("gone"), IN_MODIFY) > 0);
	unlink(name("gone"));
}

const struct test inotify_tests[] = {
	{ "inotify", set_inotify, get_inotify },
	{ "unread", set_unread, NULL },
	{ "watchgone", set_watchgone, NULL },
	{ }
};
