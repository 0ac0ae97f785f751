// SPDX-License-Identifier: GPL-2.0-or-later
/* What is bound to change in a move, with the reasons. */
#include <string.h>

#include "snapshot.h"

#define ELSEWHERE "which pages are in memory already is not state of the program"
#define NUMBERED "the kernel numbers these as they come"
#define COUNTED "a count of what happened here"

static const struct known {
	const char *file, *name, *why;
} known[] = {
	{ "status", "VmPeak", COUNTED },
	{ "status", "VmHWM", ELSEWHERE },
	{ "status", "VmRSS", ELSEWHERE },
	{ "status", "RssAnon", ELSEWHERE },
	{ "status", "RssFile", ELSEWHERE },
	{ "status", "RssShmem", ELSEWHERE },
	{ "status", "HugetlbPages", ELSEWHERE },
	{ "status", "VmSwap", "what is swapped out is read in to be moved" },
	{ "status", "VmPTE", ELSEWHERE },
	{ "status", "FDSize", "the table is as large as its files need; it does not shrink" },
	{ "status", "Ngid", "NUMA balancing finds its groups anew" },
	{ "status", "SigQ", "counts the signals of a user, of all processes" },
	{ "status", "Pid", "in NSpid" },
	{ "status", "Tgid", "in NStgid" },
	{ "status", "PPid", "in stat" },
	{ "status", "NSpid, NStgid, NSpgid, NSsid: the first", NUMBERED
	  " (where the container has a pid namespace of its own)" },
	{ "status", "NSpgid, NSsid: 0 outside of the container",
	  "who is outside does not move; it is init's group or session then" },
	{ "status", "State", "a task that is about to sleep may be counted either way" },
	{ "status", "SigBlk in ppoll() and the like",
	  "the system call sets its own again when it is made again" },
	{ "status", "ShdPnd: SIGSTOP", "a stopped task is stopped again once it can run" },
	{ "status", "SigPnd, ShdPnd: SIGALRM, signals of its timers",
	  "time goes on: they are due while it is frozen" },
	{ "status", "voluntary_ctxt_switches", COUNTED },
	{ "status", "nonvoluntary_ctxt_switches", COUNTED },
	{ "VmFlags", "sd", "soft-dirty is livemig's own instrument" },
	{ "VmFlags", "sh", "the s of rw-s, and whether it may be written, which mw tells" },
	{ "VmFlags", "--ac", "memory is accounted when it is written to" },
	{ "fdinfo", "mnt_id", NUMBERED },
	{ "fdinfo", "ino", NUMBERED " (of a file that has no name)" },
	{ "fdinfo", "sdev", NUMBERED " (devices without hardware)" },
	{ "fdinfo", "eventfd-id", NUMBERED },
	{ "fdinfo", "it_value", "time goes on" },
	{ "fdinfo", "ticks", "time goes on: of a timerfd that is due while it is frozen" },
	{ "fdinfo", "fhandle-bytes", "inotify: names the file by its inode" },
	{ "fdinfo", "fhandle-type", "inotify: names the file by its inode" },
	{ "fdinfo", "f_handle", "inotify: names the file by its inode" },
	{ "fdinfo", "number, order, device and inode of locks", NUMBERED },
	{ "fdinfo", "pid of flock() locks", "who took them does not matter: migctl did (a limit)" },
	{ "fdinfo", "flags: O_TMPFILE", "such files are opened anew without it (a limit)" },
	{ "fdinfo", "scm_fds", NUMBERED },
	{ "fdinfo", "flags: O_LARGEFILE", "pipes are opened by name; means nothing on 64 bits" },
	{ "fdinfo", "order of what epoll watches", "by the addresses of kernel objects" },
	{ "link", "[number]", NUMBERED " (pipes, sockets: `pipe:[123]')" },
	{ "timers", "ClockID of a thread's CPU time", "its own, or that of its tid: the same clock" },
	{ "timers", "order", "the newest first, and they are made in the order of their ids" },
	{ "link, maps", "name of what is deleted, where another file has it now",
	  "it cannot be made under it" },
	{ "link, maps", "name of what is deleted, but has another name", "it is found under that" },
	{ "link, maps", "name in a directory that is deleted, too", "there is no such place" },
	{ "link, maps", "number of an O_TMPFILE file", NUMBERED },
	{ "maps", "borders between private mappings that are alike", "of no meaning" },
	{ "maps", "key in /SYSVkey", "a removed segment has none, and gets none (a limit)" },
	{ "maps", "inode of a deleted file", NUMBERED },
	{ "maps", "device and inode on a device without hardware", NUMBERED
	  " (a tmpfs is filled anew)" },
	{ "stat", "CPU, faults, start in ticks of the host", COUNTED },
	{ "mountinfo", "root of cgroup2",
	  "a container in a cgroup namespace does not see those above it (a limit)" },
	{ "mountinfo", "ids, device numbers, numbers of groups", NUMBERED },
	{ "ss", "queues", "peers under load send meanwhile" },
	{ "ss", "cgroup", "sockets are made by migctl, and belong to its cgroup (a limit)" },
	{ "ss", "inodes, devices, timers", NUMBERED },
};

int is_known(const char *file, const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(known[i].file, file) && !strcmp(known[i].name, name))
			return 1;
	return 0;
}

void print_known(void)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		printf("%s\t%s\t%s\n", known[i].file, known[i].name, known[i].why);
}
