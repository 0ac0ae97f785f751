// SPDX-License-Identifier: LGPL-2.1-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"

#define BASE "/run/livemig"

void lm_id_text(const uint8_t *id, char *text)
{
	int i;

	for (i = 0; i < 16; i++)
		sprintf(text + 2 * i, "%02x", id[i]);
}

int lm_id_parse(const char *text, uint8_t *id)
{
	unsigned int byte;
	int i;

	if (strlen(text) != 32 || strspn(text, "0123456789abcdef") != 32)
		return -1;
	for (i = 0; i < 16; i++) {
		sscanf(text + 2 * i, "%2x", &byte);
		id[i] = byte;
	}
	return 0;
}

static void path_of(const struct lm_journal *j, char *path, size_t len,
		    const char *suffix)
{
	char text[33];

	lm_id_text(j->id, text);
	snprintf(path, len, BASE "/%s/%s%s", j->role, text, suffix);
}

static int make_dirs(const char *role, struct lm_error *e)
{
	char dir[64];

	snprintf(dir, sizeof(dir), BASE "/%s", role);
	if ((mkdir(BASE, 0700) && errno != EEXIST) ||
	    (mkdir(dir, 0700) && errno != EEXIST))
		return lm_fail_errno(e, LM_REFUSED, "%s", dir);
	return 0;
}

/* The lock is a file of its own: the journal is replaced at every write. */
static int take_lock(struct lm_journal *j, int wait_ms, struct lm_error *e)
{
	char path[128];

	path_of(j, path, sizeof(path), ".lock");
	j->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (j->lock < 0)
		return lm_fail_errno(e, LM_FAILED, "%s", path);
	for (;; wait_ms -= 50) {
		if (!flock(j->lock, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK || wait_ms <= 0)
			break;
		usleep(50000);
	}
	close(j->lock);
	j->lock = -1;
	return lm_fail(e, LM_FAILED, "%s: another process works on this migration",
		       path);
}

static int write_file(const struct lm_journal *j, struct lm_error *e)
{
	char path[128], tmp[128], text[33];
	json_t *o;
	int fd, ret = -1;

	lm_id_text(j->id, text);
	path_of(j, path, sizeof(path), "");
	path_of(j, tmp, sizeof(tmp), ".new");
	o = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:i,s:I,s:s,s:s,s:I,s:i}", "id", text, "state", j->state,
		      "name", j->name, "peer", j->peer, "host", (json_int_t)j->host,
		      "boot", (json_int_t)j->boot, "session", (int)j->session,
		      "netns", (json_int_t)j->netns, "netns_name", j->netns_name,
		      "dir", j->dir, "cgroup", (json_int_t)j->cgroup, "pid", (int)j->pid);
	if (!o) {
		errno = EILSEQ;	/* names are UTF-8, for JSON */
		return lm_fail_errno(e, LM_REFUSED, "%s: cannot keep \"%s\", \"%s\" in it",
				     path, j->name, j->peer);
	}
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || json_dumpfd(o, fd, 0) || fsync(fd) ||
	    rename(tmp, path))
		lm_fail_errno(e, LM_FAILED, "%s", path);
	else
		ret = 0;
	if (fd >= 0)
		close(fd);
	json_decref(o);
	return ret;
}

int lm_journal_begin(struct lm_journal *j, const char *role, const uint8_t *id,
		     const char *name, const char *peer, const char *state,
		     struct lm_error *e)
{
	memset(j, 0, sizeof(*j));
	j->lock = -1;
	snprintf(j->role, sizeof(j->role), "%s", role);
	memcpy(j->id, id, sizeof(j->id));
	if (snprintf(j->name, sizeof(j->name), "%s", name) >= (int)sizeof(j->name) ||
	    snprintf(j->peer, sizeof(j->peer), "%s", peer) >= (int)sizeof(j->peer))
		return lm_fail(e, LM_REFUSED, "%.60s..., %.60s...: too long", name, peer);
	if (make_dirs(role, e) || take_lock(j, 0, e))
		return -1;
	return lm_journal_state(j, state, e);
}

int lm_journal_state(struct lm_journal *j, const char *state, struct lm_error *e)
{
	snprintf(j->state, sizeof(j->state), "%s", state);
	return write_file(j, e);
}

static void copy(json_t *o, const char *key, char *to, size_t len)
{
	const char *s = json_string_value(json_object_get(o, key));

	snprintf(to, len, "%s", s ? s : "");
}

int lm_journal_read(struct lm_journal *j, const char *role, const uint8_t *id,
		    int wait_ms, struct lm_error *e)
{
	char path[128];
	json_t *o;

	memset(j, 0, sizeof(*j));
	j->lock = -1;
	snprintf(j->role, sizeof(j->role), "%s", role);
	memcpy(j->id, id, sizeof(j->id));
	path_of(j, path, sizeof(path), "");
	if (access(path, F_OK))
		return 0;
	if (take_lock(j, wait_ms, e))
		return -1;
	o = json_load_file(path, 0, NULL);
	if (!o) {
		lm_journal_close(j, false);
		return lm_fail(e, LM_OPERATOR, "%s: not readable", path);
	}
	copy(o, "state", j->state, sizeof(j->state));
	copy(o, "name", j->name, sizeof(j->name));
	copy(o, "peer", j->peer, sizeof(j->peer));
	copy(o, "dir", j->dir, sizeof(j->dir));
	copy(o, "netns_name", j->netns_name, sizeof(j->netns_name));
	j->cgroup = json_integer_value(json_object_get(o, "cgroup"));
	j->host = json_integer_value(json_object_get(o, "host"));
	j->boot = json_integer_value(json_object_get(o, "boot"));
	j->netns = json_integer_value(json_object_get(o, "netns"));
	j->session = json_integer_value(json_object_get(o, "session"));
	j->pid = json_integer_value(json_object_get(o, "pid"));
	json_decref(o);
	return 1;
}

int lm_journal_list(const char *role, const char *state, uint8_t (*ids)[16],
		    int max)
{
	struct lm_journal j;
	struct dirent *d;
	char dir[64];
	uint8_t id[16];
	int n = 0;
	DIR *dp;

	snprintf(dir, sizeof(dir), BASE "/%s", role);
	dp = opendir(dir);
	if (!dp)
		return 0;
	while (n < max && (d = readdir(dp))) {
		if (lm_id_parse(d->d_name, id) ||
		    lm_journal_read(&j, role, id, 0, NULL) != 1)
			continue;
		if (!*state || !strcmp(j.state, state))
			memcpy(ids[n++], id, 16);
		lm_journal_close(&j, false);
	}
	closedir(dp);
	return n;
}

bool lm_journal_holds(uint32_t session)
{
	DIR *dp = opendir(BASE "/source");
	bool holds = false;
	struct dirent *d;
	char path[128];
	uint8_t id[16];

	while (dp && !holds && (d = readdir(dp))) {
		char state[16];
		json_t *o;

		if (lm_id_parse(d->d_name, id) ||
		    snprintf(path, sizeof(path), BASE "/source/%s", d->d_name) >=
		    (int)sizeof(path))
			continue;
		o = json_load_file(path, 0, NULL);
		copy(o, "state", state, sizeof(state));
		holds = (!strcmp(state, "committed") || !strcmp(state, "serving")) &&
			json_integer_value(json_object_get(o, "session")) == session;
		json_decref(o);
	}
	if (dp)
		closedir(dp);
	return holds;
}

void lm_journal_close(struct lm_journal *j, bool remove)
{
	char path[128];

	if (remove) {
		path_of(j, path, sizeof(path), "");
		unlink(path);
		path_of(j, path, sizeof(path), ".lock");
		unlink(path);
	}
	if (j->lock >= 0)
		close(j->lock);
	j->lock = -1;
}
