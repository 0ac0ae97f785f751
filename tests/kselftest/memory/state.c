// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * state KIND ? - can there be memory of this kind here? Status 0: yes.
 * state KIND FILE - a program with memory of one kind that knows what must become of
 * it: what the kernel says of its mappings, and what is in them. It sets it up,
 * makes FILE.ready, waits for FILE.go (meanwhile it is dumped, killed and
 * restored), looks again, and writes "ok" or what is wrong to FILE.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "state.h"

static const char *base;
char wrong[1024];
char *map1, *map2;

const char *name(const char *suffix)
{
	static char buf[2][512];
	static int n;

	n = !n;
	snprintf(buf[n], sizeof(buf[n]), "%s.%s", base, suffix);
	return buf[n];
}

void write_file(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(9);
	close(fd);
}

char *anon(size_t len, int prot, int flags)
{
	char *p = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED)
		check(!"mmap");
	return p;
}

bool has_flag(const char *p, const char *flag)
{
	bool here = false, found = false;
	char line[1024], two[5];
	FILE *f = fopen("/proc/self/smaps", "re");

	snprintf(two, sizeof(two), " %s", flag);
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (unsigned long)p && (unsigned long)p < to;
		else if (here && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, two);
	}
	if (f)
		fclose(f);
	return found;
}

long status_kb(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			kb = atol(line + strlen(key) + 1);
	if (f)
		fclose(f);
	return kb;
}

char stamp(size_t page, int writer)
{
	return page * 7 + writer * 31 + 1;
}

void fill(char *p, size_t from, size_t to, int writer)
{
	for (size_t i = from; i < to; i++) {
		memset(p + i * PAGE, stamp(i, writer), PAGE);
		memcpy(p + i * PAGE, &i, sizeof(i));
	}
}

bool filled(const char *p, size_t from, size_t to, int writer)
{
	for (size_t i = from; i < to; i++)
		if (memcmp(p + i * PAGE, &i, sizeof(i)) ||
		    p[i * PAGE + PAGE - 1] != stamp(i, writer))
			return false;
	return true;
}

bool zeros(const char *p, size_t from, size_t to)
{
	for (size_t i = from * PAGE; i < to * PAGE; i++)
		if (p[i])
			return false;
	return true;
}

void nothing(void)
{
}

static const struct kind *find(const char *kind)
{
	static const struct kind *const all[] = {
		map_kinds, page_kinds, huge_kinds, ring_kinds,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (const struct kind *k = all[i]; k->name; k++)
			if (!strcmp(k->name, kind))
				return k;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct kind *k = NULL;

	if (argc == 3)
		k = find(argv[1]);
	if (!k)
		return 2;
	if (!strcmp(argv[2], "?"))
		return k->can && !k->can();
	base = argv[2];
	k->set();
	write_file(name("ready"), wrong);
	while (access(name("go"), F_OK))
		usleep(20000);
	if (!*wrong)
		k->get();
	write_file(name("result"), *wrong ? wrong : "ok");
	rename(name("result"), base);
	return *wrong != 0;
}
