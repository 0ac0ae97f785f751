// SPDX-License-Identifier: GPL-2.0-or-later
/* FILE and FDS objects against what the program opened and what stat says. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "lm.h"

static void named_child(void)
{
	int fd = open("/tmp/state-file", O_RDWR | O_CREAT | O_APPEND, 0640);

	if (write(fd, "hello world", 11) != 11)
		_exit(1);
	lseek(fd, 5, SEEK_SET);
	dup2(fd, 60);
	dup3(fd, 61, O_CLOEXEC);
	dup2(open("/tmp", O_RDONLY | O_DIRECTORY), 62);
	dup2(open("/dev/urandom", O_RDONLY | O_NONBLOCK), 63);
	fcntl(62, F_SETFD, 0);
	mkfifo("/tmp/state-fifo", 0600);
	dup2(open("/tmp/state-fifo", O_RDWR), 64);
	dup2(open("/tmp/state-file", O_PATH), 65);
	ready();
}

static void check_stat(const struct obj *f, const char *path)
{
	struct stat st;

	if (!CHECK(f) || !CHECK(!stat(path, &st)))
		return;
	CHECK_STR(attr_str(f, LIVEMIG_FILE_A_PATH), path);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_MODE), st.st_mode);
	CHECK_EQ(attr_u64(f, LIVEMIG_FILE_A_INO), st.st_ino);
	CHECK_EQ(attr_u64(f, LIVEMIG_FILE_A_DEV), st.st_dev);
	CHECK_EQ(attr_u64(f, LIVEMIG_FILE_A_SIZE), st.st_size);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_NLINK), st.st_nlink);
	CHECK_EQ(attr_u64(f, LIVEMIG_FILE_A_RDEV),
		 (uint64_t)major(st.st_rdev) << 20 | minor(st.st_rdev));
}

static void test_named(void)
{
	const struct livemig_holder *h;
	struct livemig_fd a, b;
	const struct obj *f;
	struct dump d;
	pid_t pid = spawn(named_child);

	lm_freeze();
	lm_dump(&d);
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	f = find_fd(&d, pid, 60, &a);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_TYPE), LIVEMIG_FILE_REG);
	check_stat(f, "/tmp/state-file");
	CHECK_EQ(attr_u64(f, LIVEMIG_FILE_A_POS), 5);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_FLAGS) & ~0100000,
		 O_RDWR | O_APPEND);
	CHECK(!attr(f, LIVEMIG_FILE_A_MAPPED));
	CHECK(find_fd(&d, pid, 61, &b) == f);
	CHECK_EQ(a.cloexec, 0);
	CHECK_EQ(b.cloexec, 1);
	h = attr_data(f, LIVEMIG_FILE_A_HOLDER, NULL);
	CHECK_EQ(h->pid, pid);
	CHECK(h->fd == 60 || find_fd(&d, pid, h->fd, NULL) == f);
	f = find_fd(&d, pid, 62, NULL);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_TYPE), LIVEMIG_FILE_DIR);
	check_stat(f, "/tmp");
	f = find_fd(&d, pid, 63, NULL);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_TYPE), LIVEMIG_FILE_CHR);
	check_stat(f, "/dev/urandom");
	CHECK(attr_u32(f, LIVEMIG_FILE_A_FLAGS) & O_NONBLOCK);
	f = find_fd(&d, pid, 64, NULL);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_TYPE), LIVEMIG_FILE_FIFO);
	check_stat(f, "/tmp/state-fifo");
	f = find_fd(&d, pid, 65, NULL);
	CHECK(attr_u32(f, LIVEMIG_FILE_A_FLAGS) & O_PATH);
	check_stat(find_fd(&d, pid, 0, NULL), "/dev/null");
	CHECK(!find_fd(&d, pid, 66, NULL));
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
	unlink("/tmp/state-file");
	unlink("/tmp/state-fifo");
}

static void anon_child(void)
{
	struct itimerspec it = { .it_value.tv_sec = 4000, .it_interval.tv_sec = 3 };
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 0xabcdef };
	sigset_t set;
	int p[2], m, i;

	dup2(eventfd(17, EFD_SEMAPHORE), 60);
	dup2(timerfd_create(CLOCK_BOOTTIME, 0), 61);
	timerfd_settime(61, 0, &it, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	dup2(signalfd(-1, &set, 0), 62);
	dup2(epoll_create1(0), 63);
	epoll_ctl(63, EPOLL_CTL_ADD, 60, &ev);
	if (pipe(p))
		_exit(1);
	dup2(p[0], 64);
	dup2(p[1], 65);
	fcntl(65, F_SETOWN, getpid());
	fcntl(65, F_SETSIG, SIGRTMIN);
	m = memfd_create("m", MFD_ALLOW_SEALING);
	if (ftruncate(m, 8192))
		_exit(1);
	fcntl(m, F_ADD_SEALS, F_SEAL_GROW);
	dup2(m, 66);
	told->n[0] = (uint64_t)mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				    MAP_SHARED, m, 0);
	/* An epoll with so many files that its text needs further objects. */
	dup2(epoll_create1(0), 67);
	for (i = 300; i < 900; i++) {
		dup2(60, i);
		epoll_ctl(67, EPOLL_CTL_ADD, i, &ev);
	}
	ready();
}

static int count_lines(const struct dump *d, uint32_t id, const char *key)
{
	int i, n = 0;

	for (i = 0; i < d->nr; i++) {
		const char *s = attr_str(&d->objs[i], LIVEMIG_FILE_A_FDINFO);

		if (d->objs[i].type != LIVEMIG_OBJ_FILE || !s ||
		    attr_u32(&d->objs[i], LIVEMIG_FILE_A_ID) != id)
			continue;
		for (; (s = strstr(s, key)); s++)
			n++;
	}
	return n;
}

static void test_anon(void)
{
	const struct livemig_fown *own;
	const struct obj *f, *s;
	struct livemig_fd e;
	const char *text;
	struct dump d;
	struct rlimit lim = { 1024, 4096 };
	pid_t pid;

	setrlimit(RLIMIT_NOFILE, &lim);
	pid = spawn(anon_child);
	lm_freeze();
	lm_dump(&d);
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	f = find_fd(&d, pid, 60, NULL);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_TYPE), LIVEMIG_FILE_EVENTFD);
	text = attr_str(f, LIVEMIG_FILE_A_FDINFO);
	if (CHECK(text && strstr(text, "eventfd-count:")))
		CHECK_EQ(strtoul(strchr(strstr(text, "eventfd-count:"), ':') + 1,
				 NULL, 16), 17);
	f = find_fd(&d, pid, 61, NULL);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_TYPE), LIVEMIG_FILE_TIMERFD);
	text = attr_str(f, LIVEMIG_FILE_A_FDINFO);
	CHECK(text && strstr(text, "clockid: 7") &&
	      strstr(text, "it_interval: (3, 0)"));
	f = find_fd(&d, pid, 62, NULL);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_TYPE), LIVEMIG_FILE_SIGNALFD);
	text = attr_str(f, LIVEMIG_FILE_A_FDINFO);
	CHECK(text && strstr(text, "sigmask:\t0000000000000001"));
	f = find_fd(&d, pid, 63, NULL);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_TYPE), LIVEMIG_FILE_EPOLL);
	text = attr_str(f, LIVEMIG_FILE_A_FDINFO);
	CHECK(text && strstr(text, "tfd:       60") && strstr(text, "abcdef"));
	f = find_fd(&d, pid, 64, NULL);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_TYPE), LIVEMIG_FILE_PIPE);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_FLAGS) & O_ACCMODE, O_RDONLY);
	CHECK(!attr(f, LIVEMIG_FILE_A_OWNER));
	s = find_fd(&d, pid, 65, NULL);
	CHECK_EQ(attr_u64(s, LIVEMIG_FILE_A_INO), attr_u64(f, LIVEMIG_FILE_A_INO));
	CHECK_EQ(attr_u32(s, LIVEMIG_FILE_A_FLAGS) & O_ACCMODE, O_WRONLY);
	own = attr_data(s, LIVEMIG_FILE_A_OWNER, NULL);
	if (CHECK(own)) {
		CHECK_EQ(own->pid, pid);
		CHECK_EQ(own->signum, SIGRTMIN);
	}
	f = find_fd(&d, pid, 66, NULL);
	CHECK_EQ(attr_u32(f, LIVEMIG_FILE_A_TYPE), LIVEMIG_FILE_MEMFD);
	CHECK_STR(attr_str(f, LIVEMIG_FILE_A_NAME), "memfd:m");
	s = find_obj(&d, LIVEMIG_OBJ_SHMEM, LIVEMIG_SHMEM_ID,
		     attr_u32(f, LIVEMIG_FILE_A_SHMEM_ID));
	CHECK(s);
	CHECK_EQ(attr_u32(s, LIVEMIG_SHMEM_SEALS), F_SEAL_GROW);
	find_fd(&d, pid, 67, &e);
	CHECK_EQ(count_lines(&d, e.file, "tfd:"), 600);
	CHECK(find_fd(&d, pid, 899, NULL) == find_fd(&d, pid, 60, NULL));
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

/* One open file in two processes: one object, two tables. */
static void inherit_child(void)
{
	pid_t pid;

	dup2(open("/etc/passwd", O_RDONLY), 60);
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	told->n[0] = pid;
	ready();
}

static void test_inherit(void)
{
	struct dump d;
	pid_t pid = spawn(inherit_child), kid = told->n[0];

	lm_freeze();
	lm_dump(&d);
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	CHECK(find_fd(&d, pid, 60, NULL));
	CHECK(find_fd(&d, pid, 60, NULL) == find_fd(&d, kid, 60, NULL));
	CHECK(attr_u32(find_obj(&d, LIVEMIG_OBJ_PROCESS, LIVEMIG_PROCESS_PID, pid),
		       LIVEMIG_PROCESS_FILES_ID) !=
	      attr_u32(find_obj(&d, LIVEMIG_OBJ_PROCESS, LIVEMIG_PROCESS_PID, kid),
		       LIVEMIG_PROCESS_FILES_ID));
	lm_dump_free(&d);
	lm_thaw();
	kill(kid, SIGKILL);
	kill_child(pid);
}

const struct test tests_file[] = {
	{ "file_named", test_named },
	{ "file_anon", test_anon },
	{ "file_inherit", test_inherit },
	{}
};
