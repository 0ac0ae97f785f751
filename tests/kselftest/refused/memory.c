// SPDX-License-Identifier: GPL-2.0-or-later
/* Of memory. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "refused.h"

static char *map;

static void set_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	need(fd >= 0);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)map;
	reg.range.len = 4096;
	check(!ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &reg));
}

static void get_uffd(void)
{
	static char page[4096] __attribute__((aligned(4096))) = "given";
	struct uffdio_copy copy = { .dst = (uintptr_t)map, .src = (uintptr_t)page,
				    .len = 4096 };

	check(!ioctl(fd, UFFDIO_COPY, &copy) && !strcmp(map, "given"));
}

static void set_secret(void)
{
	fd = syscall(447 /* memfd_secret */, 0);
	need(fd >= 0);
	check(!ftruncate(fd, 4096));
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED && !close(fd));
	if (!*wrong)
		strcpy(map, "secret");
}

static void get_secret(void)
{
	check(!strcmp(map, "secret"));
}

/* The BIOS. */
static void set_devmem(void)
{
	fd = open("/dev/mem", O_RDONLY);
	need(fd >= 0);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0xf0000);
	need(map != MAP_FAILED);
	check(!close(fd));
}

static void get_devmem(void)
{
	check(*(volatile char *)map || !msync(map, 4096, MS_ASYNC));
}

/* A program that has no file. */
static void set_memfdexe(void)
{
	char path[64];
	struct stat st;
	int exe;

	if (getenv("AGAIN"))
		return;
	exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	fd = memfd_create("program", MFD_CLOEXEC);
	check(!fstat(exe, &st) && sendfile(fd, exe, NULL, st.st_size) == st.st_size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again(path);
}

static void get_memfdexe(void)
{
	char path[512] = "";

	check(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0 &&
	      !strncmp(path, "/memfd:program", 14));
}

static void set_hugeshm(void)
{
	int id;

	need(run("echo 4 >/proc/sys/vm/nr_hugepages"));
	id = shmget(IPC_PRIVATE, 2 << 20, SHM_HUGETLB | IPC_CREAT | 0600);
	need(id >= 0);
	map = shmat(id, NULL, 0);
	check(map != (void *)-1 && !shmctl(id, IPC_RMID, NULL));
	if (!*wrong)
		strcpy(map, "huge");
}

static void get_hugeshm(void)
{
	check(!strcmp(map, "huge") && !shmdt(map));
	run("echo 0 >/proc/sys/vm/nr_hugepages");
}

const struct thing memory_things[] = {
	{ "uffd", set_uffd, get_uffd, OF_PROCESS, "userfaultfd at 0x" },
	{ "secret", set_secret, get_secret, OF_PROCESS,
	  "secret memory (memfd_secret)" },
	{ "devmem", set_devmem, get_devmem, OF_PROCESS, "mapping of a device" },
	{ "memfdexe", set_memfdexe, get_memfdexe, OF_PROCESS, "executable in a memfd" },
	{ "hugeshm", set_hugeshm, get_hugeshm, OF_PROCESS,
	  "System V shared memory in huge pages" },
	{ }
};
