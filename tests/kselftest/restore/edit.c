// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * edit IMAGE OUT WHAT - copies an image with one thing changed:
 *
 *	arch		of another architecture
 *	xfeatures	a CPU feature that no CPU has
 *	vdso		the vdso of another kernel
 *	page		one byte of the first page of data
 *	opath		pipes are opened with O_PATH
 *	node		NUMA policies of threads name node 63, too
 *	value OLD NEW	a value of a cgroup is another of the same length
 * and of user namespaces
 *	map		their last line of the map of uids does not end in a number
 *	count		... is about no ids, where it was about less than ten
 *	stranger	the first line within a parent is of an id that this has not
 *	orphan		those within a parent have one that is not there
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "ns/ns.h"
#include "record.h"

static unsigned char *image;
static size_t len;

static void reseal(struct livemig_rec *rec)
{
	XXH64_state_t *st = XXH64_createState();

	rec->checksum = 0;
	XXH64_reset(st, 0);
	XXH64_update(st, rec, sizeof(*rec));
	XXH64_update(st, rec + 1, rec->head_len);
	rec->checksum = XXH64_digest(st);
	XXH64_freeState(st);
}

/* The next one after *@at, which moves on. */
static struct livemig_rec *next(size_t *at, uint16_t type)
{
	while (*at + sizeof(struct livemig_rec) <= len) {
		struct livemig_rec *rec = (void *)(image + *at);
		size_t align = rec->type == LIVEMIG_OBJ_PAGES ? 4096 : 8;

		*at += (sizeof(*rec) + rec->head_len + align - 1) & -align;
		*at += rec->payload_len;
		if (rec->type == type && (type != LIVEMIG_OBJ_PAGES || rec->payload_len))
			return rec;
	}
	return NULL;
}

static struct livemig_rec *find(uint16_t type)
{
	size_t at = 0;

	return next(&at, type);
}

static void change(int attr)
{
	struct livemig_rec *rec = find(LM_REC_HEADER);
	const struct nlattr *tb[LM_HEADER_MAX + 1];
	struct lm_error e = { 0 };
	unsigned char *value;

	if (!rec || lm_parse(rec + 1, rec->head_len, tb, LM_HEADER_MAX, &e) ||
	    !tb[attr])
		exit(1);
	value = (void *)lm_data(tb[attr]);
	if (attr == LM_HEADER_XFEATURES)
		value[5] = 0x40;
	else
		value[0] ^= 1;
	reseal(rec);
}

static void change_pipes(void)
{
	const struct nlattr *tb[LIVEMIG_FILE_A_MAX + 1];
	struct livemig_rec *rec;
	size_t at = 0;

	while ((rec = next(&at, LIVEMIG_OBJ_FILE))) {
		if (lm_parse(rec + 1, rec->head_len, tb, LIVEMIG_FILE_A_MAX, NULL))
			exit(1);
		if (lm_u32(tb[LIVEMIG_FILE_A_TYPE]) != LIVEMIG_FILE_PIPE)
			continue;
		*(uint32_t *)lm_data(tb[LIVEMIG_FILE_A_FLAGS]) |= O_PATH;
		reseal(rec);
	}
}

static void change_nodes(void)
{
	const struct nlattr *tb[LIVEMIG_THREAD_MAX + 1];
	struct livemig_rec *rec;
	size_t at = 0;

	while ((rec = next(&at, LIVEMIG_OBJ_THREAD))) {
		struct livemig_mempolicy *p;

		if (lm_parse(rec + 1, rec->head_len, tb, LIVEMIG_THREAD_MAX, NULL))
			exit(1);
		if (!tb[LIVEMIG_THREAD_MEMPOLICY])
			continue;
		p = (void *)lm_data(tb[LIVEMIG_THREAD_MEMPOLICY]);
		p->nodes |= 1ULL << 63;
		reseal(rec);
	}
}

static bool change_value(const char *old, const char *new)
{
	struct livemig_rec *rec;
	size_t at = 0;

	while ((rec = next(&at, LM_REC_CGROUP))) {
		const struct nlattr *a = NULL;

		while ((a = lm_next(rec + 1, rec->head_len, a))) {
			if (lm_type(a) != LM_CGROUP_VALUE || !lm_str(a) ||
			    strcmp(lm_str(a), old) || strlen(old) != strlen(new))
				continue;
			strcpy((char *)lm_data(a), new);
			reseal(rec);
			return true;
		}
	}
	return false;
}

/* The columns of a map are ten characters wide. */
static bool damage_user(const struct nlattr *const *tb, const char *what)
{
	char *map = (char *)lm_str(tb[LM_NS_UID_MAP]);

	if (map && !strcmp(what, "map"))
		map[strlen(map) - 1] = 'x';
	else if (map && !strcmp(what, "count"))
		map[strlen(map) - 1] = '0';
	else if (map && tb[LM_NS_OWNER] && !strcmp(what, "stranger"))
		memcpy(map + 11, "4000000000", 10);
	else if (tb[LM_NS_OWNER] && !strcmp(what, "orphan"))
		*(uint32_t *)lm_data(tb[LM_NS_OWNER]) ^= 1U << 30;
	else
		return false;
	return true;
}

static bool change_users(const char *what)
{
	const struct nlattr *tb[LM_NS_MAX + 1];
	struct livemig_rec *rec;
	bool changed = false;
	size_t at = 0;

	while ((rec = next(&at, LM_REC_NS))) {
		if (lm_parse(rec + 1, rec->head_len, tb, LM_NS_MAX, NULL))
			exit(1);
		if (strcmp(lm_str(tb[LM_NS_KIND]), "user") || !damage_user(tb, what))
			continue;
		reseal(rec);
		changed = true;
	}
	return changed;
}

int main(int argc, char **argv)
{
	struct livemig_rec *pages;
	struct stat st;
	int fd;

	if (argc < 4 || (fd = open(argv[1], O_RDONLY)) < 0 || fstat(fd, &st))
		return 2;
	len = st.st_size;
	image = malloc(len);
	if (!image || read(fd, image, len) != (ssize_t)len)
		return 2;
	close(fd);
	if (!strcmp(argv[3], "arch"))
		change(LM_HEADER_ARCH);
	else if (!strcmp(argv[3], "xfeatures"))
		change(LM_HEADER_XFEATURES);
	else if (!strcmp(argv[3], "vdso"))
		change(LM_HEADER_VDSO_ID);
	else if (!strcmp(argv[3], "opath"))
		change_pipes();
	else if (!strcmp(argv[3], "node"))
		change_nodes();
	else if (!strcmp(argv[3], "page") && (pages = find(LIVEMIG_OBJ_PAGES)))
		((unsigned char *)pages)[4096 + 100] ^= 1;
	else if (!strcmp(argv[3], "value")) {
		if (argc < 6 || !change_value(argv[4], argv[5]))
			return 2;
	} else if (!change_users(argv[3]))
		return 2;
	fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	return fd < 0 || write(fd, image, len) != (ssize_t)len;
}
