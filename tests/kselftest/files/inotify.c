// SPDX-License-Identifier: GPL-2.0-or-later
/* Inotify. */
#include <fcntl.h>
#include <stdbool.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
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

/* Two instances that are told the same: what one has read the other must tell later. */
static char want[16384], have[16384];
static ssize_t want_len;

static int watch_both(const char *path, unsigned int mask)
{
	int wd = inotify_add_watch(fd1, path, mask);

	check(wd > 0 && inotify_add_watch(fd2, path, mask) == wd);
	return wd;
}

static void open_both(void)
{
	fd1 = inotify_init();
	fd2 = inotify_init();
	check(fd1 >= 0 && fd2 >= 0);
	mkdir(name("dir"), 0700);
}

static void read_one(void)
{
	want_len = read(fd2, want, sizeof(want));
	check(want_len > 0);
}

/* With names, long and odd ones, a cookie, and of watches that are not there any more. */
static void set_unread(void)
{
	char from[512], to[512];
	int wd;

	open_both();
	watch_both(name("dir"), IN_CREATE | IN_MOVE | IN_DELETE);
	write_file(name("dir/x"), "");
	write_file(name("dir/a\nname"), "");
	snprintf(from, sizeof(from), "%s%0200d", name("dir/"), 0);
	write_file(from, "");
	snprintf(to, sizeof(to), "%s", name("dir/y"));
	check(!rename(from, to));
	wd = watch_both(to, IN_MODIFY | IN_CLOSE_WRITE);
	write_file(to, "text");
	inotify_rm_watch(fd1, wd);
	inotify_rm_watch(fd2, wd);
	watch_both(name("dir/x"), IN_ATTRIB | IN_ONESHOT);
	chmod(name("dir/x"), 0640);
	mkdir(name("dir/sub"), 0700);
	read_one();
}

static void get_unread(void)
{
	int n = 0;

	check(!ioctl(fd1, FIONREAD, &n) && n == want_len);
	check(read(fd1, have, sizeof(have)) == want_len && !memcmp(have, want, want_len));
	/* and they tell what comes */
	check(!rmdir(name("dir/sub")));
	read_one();
	check(read(fd1, have, sizeof(have)) == want_len && !memcmp(have, want, want_len));
	check(inotify_add_watch(fd1, name("dir/y"), IN_OPEN) > 3);
}

static void queue_limit(const char *text)
{
	int fd = open("/proc/sys/fs/inotify/max_queued_events", O_WRONLY);

	check(fd >= 0 && write(fd, text, strlen(text)) > 0);
	close(fd);
}

/* More than fit. */
static void set_overflow(void)
{
	queue_limit("16");
	open_both();
	queue_limit("16384");
	watch_both(name("dir"), IN_CREATE);
	for (int i = 0; i < 20; i++) {
		char file[32];

		snprintf(file, sizeof(file), "dir/%d", i);
		write_file(name(file), "");
	}
	read_one();
}

static void get_overflow(void)
{
	struct inotify_event last;

	check(read(fd1, have, sizeof(have)) == want_len && !memcmp(have, want, want_len));
	memcpy(&last, have + want_len - sizeof(last), sizeof(last));
	check(last.wd == -1 && last.mask == IN_Q_OVERFLOW);
	write_file(name("dir/more"), "");
	check(read(fd1, have, sizeof(have)) == 32);
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
	{ "unread", set_unread, get_unread },
	{ "overflow", set_overflow, get_overflow },
	{ "watchgone", set_watchgone, NULL },
	{ }
};
