// SPDX-License-Identifier: GPL-2.0-or-later
/* Shared memory segments. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc.h"

#define KEY	0x4c4d0001
#define SIZE	(5 * 4096 + 100)

static int id;
static char *at, *ro;
static pid_t child;
static struct shmid_ds before;

/* The child has both mappings of ours, and one that it made itself. */
static void in_child(void)
{
	char *own = shmat(id, NULL, 0);

	strcpy(own + 3 * 4096, "child");
	write_file(name("attached"), "");
	wait_for(name("child"));
	if (strcmp(own, "from the parent") || strcmp(ro, "from the parent"))
		_exit(1);
	strcpy(own + 100, "from the child");
	_exit(shmdt(own) || shmdt(at) || shmdt(ro) ? 2 : 0);
}

static void set_shm(void)
{
	struct shmid_ds ds = { .shm_perm = { .uid = 12, .gid = 34, .mode = 0640 } };

	id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	check(id >= 0 && !shmctl(id, IPC_SET, &ds));
	at = shmat(id, NULL, 0);
	ro = shmat(id, NULL, SHM_RDONLY);
	check(at != (void *)-1 && ro != (void *)-1);
	strcpy(at + SIZE - 10, "the end");
	child = fork();
	if (!child)
		in_child();
	wait_for(name("attached"));
	check(!mprotect(at + 4096, 4096, PROT_READ));
	check(!shmctl(id, IPC_STAT, &before) && before.shm_nattch == 7);
}

static void get_shm(void)
{
	struct shmid_ds ds;
	int status = 1;

	check(shmget(KEY, SIZE, 0) == id);
	check(!shmctl(id, IPC_STAT, &ds));
	check(ds.shm_nattch == before.shm_nattch && ds.shm_segsz == SIZE);
	check(ds.shm_perm.uid == 12 && ds.shm_perm.gid == 34);
	check(ds.shm_perm.mode == 0640 && ds.shm_perm.__key == KEY);
	check(!strcmp(at + SIZE - 10, "the end") && !strcmp(at + 3 * 4096, "child"));
	check(mprotect(ro, 4096, PROT_READ | PROT_WRITE) && errno == EACCES);
	strcpy(at, "from the parent");
	check(!strcmp(ro, "from the parent"));
	write_file(name("child"), "");
	check(waitpid(child, &status, 0) == child && !status);
	check(!strcmp(at + 100, "from the child"));
	check(!shmctl(id, IPC_STAT, &ds) && ds.shm_nattch == 4);
	check(!shmdt(ro) && !shmdt(at));
	check(!shmctl(id, IPC_STAT, &ds) && ds.shm_nattch == 0);
	check(!shmctl(id, IPC_RMID, NULL));
}

/* Marked for removal: it lives as long as somebody has it. A piece is missing. */
static void set_shmgone(void)
{
	id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	at = shmat(id, NULL, 0);
	check(at != (void *)-1 && !shmctl(id, IPC_RMID, NULL));
	strcpy(at, "first");
	strcpy(at + 4096, "gone");
	strcpy(at + 2 * 4096, "last");
	check(!munmap(at + 4096, 4096));
}

static void get_shmgone(void)
{
	struct shmid_ds ds;
	unsigned char v;

	check(!shmctl(id, IPC_STAT, &ds) && ds.shm_perm.mode & SHM_DEST);
	check(ds.shm_nattch == 2);
	check(!strcmp(at, "first") && !strcmp(at + 2 * 4096, "last"));
	check(mincore(at + 4096, 4096, &v) && errno == ENOMEM);
	ro = shmat(id, NULL, 0);
	check(ro != (void *)-1 && !strcmp(ro + 4096, "gone"));
	check(!shmdt(ro) && !shmdt(at));
	check(shmctl(id, IPC_STAT, &ds) && errno == EINVAL);
}

/* Nobody has it attached. Others were made and removed before. */
static void set_shmalone(void)
{
	for (int i = 0; i < 3; i++)
		shmctl(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600), IPC_RMID, NULL);
	id = shmget(KEY, 40 << 20, IPC_CREAT | IPC_EXCL | 0604);
	at = shmat(id, NULL, 0);
	check(at != (void *)-1);
	strcpy(at + 5, "beginning");
	strcpy(at + (20 << 20) + 4090, "across two pages");
	check(!shmdt(at) && !shmctl(id, SHM_LOCK, NULL));
}

static void get_shmalone(void)
{
	struct shmid_ds ds;
	struct shm_info info;

	check(shmget(KEY, 0, 0) == id);
	check(!shmctl(id, IPC_STAT, &ds) && ds.shm_nattch == 0);
	check(ds.shm_segsz == 40 << 20 && ds.shm_perm.mode == (SHM_LOCKED | 0604));
	check(shmctl(0, SHM_INFO, (void *)&info) >= 0 && info.shm_rss < 20);
	at = shmat(id, NULL, 0);
	check(at != (void *)-1 && !strcmp(at + 5, "beginning"));
	check(!strcmp(at + (20 << 20) + 4090, "across two pages"));
	check(!shmctl(id, IPC_RMID, NULL));
}

/* Attached, and in another namespace since. */
static void set_shmelse(void)
{
	id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	at = shmat(id, NULL, 0);
	check(at != (void *)-1);
	strcpy(at, "of another one");
	check(!unshare(CLONE_NEWIPC));
}

static void get_shmelse(void)
{
	check(!strcmp(at, "of another one") && !shmdt(at));
}

/* It reaches further than the segment. */
static void set_shmgrown(void)
{
	id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	at = shmat(id, NULL, 0);
	check(at != (void *)-1);
	strcpy(at, "grown");
	at = mremap(at, (SIZE + 4095) & ~4095, 10 * 4096, MREMAP_MAYMOVE);
	check(at != MAP_FAILED);
}

static void get_shmgrown(void)
{
	check(!strcmp(at, "grown") && !shmdt(at) && !shmctl(id, IPC_RMID, NULL));
}

/* While an image is written, who has it attached starts programs, and is two processes
 * meanwhile.
 */
static volatile bool over;
static pthread_t spawner;
static char image[512];

static void *spawn(void *arg)
{
	while (!over) {
		int status = 1;
		pid_t pid;

		usleep(400000);
		if (access(image, F_OK))
			continue;
		pid = vfork();
		if (!pid) {
			usleep(100000);
			_exit(0);
		}
		check(pid > 0 && waitpid(pid, &status, 0) == pid && !status);
	}
	return arg;
}

static void set_shmspawn(void)
{
	id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	at = shmat(id, NULL, 0);
	check(at != (void *)-1);
	strcpy(at, "one of one process");
	strcpy(image, name("img.tmp"));
	check(!pthread_create(&spawner, NULL, spawn, NULL));
}

static void get_shmspawn(void)
{
	over = true;
	check(!pthread_join(spawner, NULL) && !strcmp(at, "one of one process"));
	check(!shmdt(at) && !shmctl(id, IPC_RMID, NULL));
}

const struct test shm_tests[] = {
	{ "shm", set_shm, get_shm },
	{ "shmgone", set_shmgone, get_shmgone },
	{ "shmalone", set_shmalone, get_shmalone },
	{ "shmelse", set_shmelse, get_shmelse },
	{ "shmgrown", set_shmgrown, get_shmgrown },
	{ "shmspawn", set_shmspawn, get_shmspawn },
	{ }
};
