// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "../grow.h"
#include "mountinfo.h"

static const struct {
	const char *name;
	uint32_t flag;
} flags[] = {
	{ "ro", MS_RDONLY },		{ "nosuid", MS_NOSUID },
	{ "nodev", MS_NODEV },		{ "noexec", MS_NOEXEC },
	{ "noatime", MS_NOATIME },	{ "nodiratime", MS_NODIRATIME },
	{ "relatime", MS_RELATIME },	{ "nosymfollow", MS_NOSYMFOLLOW },
};

static uint32_t flags_of(char *text)
{
	uint32_t all = 0;

	for (char *save, *w = strtok_r(text, ",", &save); w;
	     w = strtok_r(NULL, ",", &save))
		for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
			if (!strcmp(w, flags[i].name))
				all |= flags[i].flag;
	return all;
}

/* "\040" and the like, in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

/* "rw,size=65536k" -> "size=65536k", and whether it was "ro". */
static const char *cut_options(char *text, bool *read_only)
{
	*read_only = !strncmp(text, "ro", 2) && (!text[2] || text[2] == ',');
	if (!*read_only && strncmp(text, "rw", 2))
		return text;
	return text[2] == ',' ? text + 3 : text + 2;
}

/* "ID PARENT MAJOR:MINOR ROOT POINT FLAGS [shared:N] ... - TYPE SOURCE OPTIONS" */
static bool parse(struct lm_mount *m)
{
	char *field[6], *save = NULL, *w = strtok_r(m->line, " \n", &save);
	unsigned int major, minor;
	int n = 0;

	for (; w && n < 6; w = n < 6 ? strtok_r(NULL, " \n", &save) : w)
		field[n++] = w;
	if (n < 6 || sscanf(field[2], "%u:%u", &major, &minor) != 2)
		return false;
	m->id = atoi(field[0]);
	m->parent = atoi(field[1]);
	m->dev = (uint64_t)major << 20 | minor;
	unescape(field[3]);
	unescape(field[4]);
	m->root = field[3];
	m->point = field[4];
	m->flags = flags_of(field[5]);
	while ((w = strtok_r(NULL, " \n", &save)) && strcmp(w, "-")) {
		sscanf(w, "shared:%u", &m->shared);
		sscanf(w, "master:%u", &m->master);
		m->unbindable |= !strcmp(w, "unbindable");
	}
	/* The source may be empty. */
	field[0] = strsep(&save, " ");
	field[1] = strsep(&save, " ");
	field[2] = strsep(&save, "\n");
	if (!field[0] || !field[1] || !field[2])
		return false;
	unescape(field[1]);
	unescape(field[2]);
	m->type = field[0];
	m->source = field[1];
	m->options = cut_options(field[2], &m->read_only);
	return true;
}

int lm_mounts_read(pid_t pid, struct lm_mounts *m, struct lm_error *e)
{
	char path[48], *line = NULL;
	size_t cap = 0;
	int ret = 0;
	FILE *f;

	memset(m, 0, sizeof(*m));
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	f = fopen(path, "re");
	if (!f)
		return lm_fail_errno(e, LM_FAILED, "%s", path);
	while (!ret && getline(&line, &cap, f) > 0) {
		char *copy = strdup(line);

		if (!copy || lm_grow(&m->v, m->nr, sizeof(*m->v))) {
			free(copy);
			ret = lm_fail(e, LM_FAILED, "out of memory");
			break;
		}
		m->v[m->nr] = (struct lm_mount){ .line = copy };
		if (!parse(&m->v[m->nr++]))
			ret = lm_fail(e, LM_FAILED, "%s: malformed", path);
	}
	free(line);
	fclose(f);
	if (ret)
		lm_mounts_free(m);
	return ret;
}

void lm_mounts_free(struct lm_mounts *m)
{
	for (size_t i = 0; i < m->nr; i++)
		free(m->v[i].line);
	free(m->v);
	memset(m, 0, sizeof(*m));
}

const struct lm_mount *lm_mounts_find(const struct lm_mounts *m, uint32_t id)
{
	for (size_t i = 0; i < m->nr; i++)
		if (m->v[i].id == id)
			return &m->v[i];
	return NULL;
}

const struct lm_mount *lm_mounts_of(const struct lm_mounts *m, const char *path)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		  STATX_MNT_ID, &st) || !(st.stx_mask & STATX_MNT_ID))
		return NULL;
	return lm_mounts_find(m, st.stx_mnt_id);
}

const char *lm_path_below(const char *path, const char *dir)
{
	size_t len = strcmp(dir, "/") ? strlen(dir) : 0;

	if (strncmp(path, dir, len) || (path[len] && path[len] != '/'))
		return NULL;
	return strcmp(path + len, "/") ? path + len : "";
}
