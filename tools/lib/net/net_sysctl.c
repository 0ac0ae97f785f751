// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The settings of a network namespace: all that can be read and written, and that
 * differ from what they would be on the other side by themselves. That is what they are
 * in a fresh namespace, and of a device what a new one gets.
 *
 * Some change others: those of "all" are written first, then those of "default", which
 * new devices get, then each device's own. So of two that can meet on the way the second
 * is written down also when it is as in a fresh namespace.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parts.h"
#include "../grow.h"

#define ROOT "/proc/sys/"
#define SHORT_MAX 4096
#define VALUE_MAX 32768
#define NAME_LEN 256

struct setting {
	char *name, *value;
	int rank;
};

struct settings {
	struct setting *v;
	size_t nr;
	int err;
};

static void free_settings(struct settings *s)
{
	for (size_t i = 0; i < s->nr; i++) {
		free(s->v[i].name);
		free(s->v[i].value);
	}
	free(s->v);
	memset(s, 0, sizeof(*s));
}

/* ---- names ---- */

/* Where in @name a device is named, with its length; 0: nowhere. */
static size_t device(const char *name, size_t *len)
{
	static const char *const dirs[] = { "/conf/", "/neigh/" };

	for (int i = 0; i < 2; i++) {
		const char *at = strstr(name, dirs[i]);

		if (!at)
			continue;
		at += strlen(dirs[i]);
		*len = strcspn(at, "/");
		if (at[*len])
			return at - name;
	}
	return 0;
}

static bool is_of(const char *name, const char *dev)
{
	size_t len, at = device(name, &len);

	return at && strlen(dev) == len && !strncmp(name + at, dev, len);
}

/* The same setting of another device. */
static const char *elsewhere(const char *name, const char *dev, char *buf)
{
	size_t len, at = device(name, &len);

	if (snprintf(buf, NAME_LEN, "%.*s%s%s", (int)at, name, dev, name + at + len) >= NAME_LEN)
		*buf = 0;
	return buf;
}

static bool ends(const char *name, const char *with)
{
	size_t n = strlen(name), m = strlen(with);

	return n >= m && !strcmp(name + n - m, with);
}

static bool is_dad(const char *name)
{
	return ends(name, "/accept_dad");
}

/* In which order they are written. */
static int rank(const char *name)
{
	size_t len;

	if (!strcmp(name, "net/ipv4/ip_forward") || ends(name, "/conf/all/forwarding"))
		return 0;
	if (!device(name, &len))
		return 1;
	return is_of(name, "all") ? 2 : is_of(name, "default") ? 3 : is_of(name, "lo") ? 4 : 5;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct setting *)a)->name, ((const struct setting *)b)->name);
}

static int by_rank(const void *a, const void *b)
{
	const struct setting *x = a, *y = b;

	return x->rank != y->rank ? x->rank - y->rank : compare(a, b);
}

/* NULL: there is none. */
static const char *find(const struct settings *s, const char *name)
{
	const struct setting key = { .name = (char *)name };
	const struct setting *found = !s->nr ? NULL :
		bsearch(&key, s->v, s->nr, sizeof(*s->v), compare);

	return found ? found->value : NULL;
}

/* ---- reading ---- */

/* Return: its length, or -1. */
static ssize_t get(int fd, char *value)
{
	/* (the kernel allocates as much as is asked for) */
	ssize_t n = pread(fd, value, SHORT_MAX - 1, 0);

	if (n > SHORT_MAX - 64)
		n = pread(fd, value, VALUE_MAX - 1, 0);
	if (n < 0)
		return -1;
	if (n > VALUE_MAX - 64) {
		errno = E2BIG;
		return -1;
	}
	value[n] = 0;
	if (n && value[n - 1] == '\n')
		value[--n] = 0;
	return n;
}

static void add(struct settings *s, int dir, const char *file, const char *name, char *value)
{
	struct setting *new;
	struct stat st;
	int fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)		/* (some are orders: "flush") */
		return;
	if (fstat(fd, &st) == 0 && (st.st_mode & 0600) == 0600) {
		if (get(fd, value) < 0) {
			/* (a secret that was never set is an error) */
			if (errno == E2BIG)
				s->err = errno;
		} else if (lm_grow(&s->v, s->nr, sizeof(*s->v))) {
			s->err = ENOMEM;
		} else {
			new = &s->v[s->nr++];
			*new = (struct setting){ .name = strdup(name), .value = strdup(value) };
			if (!new->name || !new->value)
				s->err = ENOMEM;
		}
	}
	close(fd);
}

static void walk(struct settings *s, const char *dir, char *value)
{
	char path[NAME_LEN + sizeof(ROOT)], name[NAME_LEN];
	struct dirent *ent;
	DIR *d;

	snprintf(path, sizeof(path), ROOT "%s", dir);
	d = opendir(path);
	while (d && !s->err && (ent = readdir(d))) {
		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, "..") ||
		    snprintf(name, sizeof(name), "%s/%s", dir, ent->d_name) >= (int)sizeof(name))
			continue;
		if (ent->d_type == DT_DIR)
			walk(s, name, value);
		else
			add(s, dirfd(d), ent->d_name, name, value);
	}
	if (d)
		closedir(d);
}

/* Those of the calling thread's namespace, by name. Return: 0, or -1 with errno. */
static int read_all(struct settings *s)
{
	char *value = malloc(VALUE_MAX);

	memset(s, 0, sizeof(*s));
	if (value)
		walk(s, "net", value);
	else
		s->err = ENOMEM;
	free(value);
	if (!s->err) {
		if (s->nr)
			qsort(s->v, s->nr, sizeof(*s->v), compare);
		return 0;
	}
	errno = s->err;
	free_settings(s);
	return -1;
}

/* What a fresh namespace looks like here; it does not change while we run. */
static struct settings fresh;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* In a thread of its own: the namespace goes with it. */
static void *in_fresh(void *arg)
{
	if (unshare(CLONE_NEWNET) == 0) {
		read_all(&fresh);
		lm_mptcp_fresh();
	}
	return NULL;
}

static void find_fresh(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, in_fresh, NULL) == 0)
		pthread_join(t, NULL);
}

void lm_net_fresh(void)
{
	pthread_once(&once, find_fresh);
}

/* ---- describing ---- */

static const struct lm_link *link_of(const char *name, const struct lm_link *links, size_t nr)
{
	size_t len, at = device(name, &len);

	for (size_t i = 0; at && i < nr; i++)
		if (strlen(links[i].name) == len && !strncmp(name + at, links[i].name, len))
			return &links[i];
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static bool is_changed(const struct settings *now, const char *name)
{
	return find(now, name) && !same(find(now, name), find(&fresh, name));
}

/* Has one been changed that may change @name when it is written? (IPv4 has a device
 * follow "default" until it has an address or a value of its own.)
 */
static bool is_touched(const struct settings *now, const char *name)
{
	bool lo = is_of(name, "lo");
	char buf[NAME_LEN];

	if (!strcmp(name, "net/ipv4/conf/all/accept_redirects"))
		return is_changed(now, "net/ipv4/conf/all/forwarding");
	return ((lo || is_of(name, "default")) && is_changed(now, elsewhere(name, "all", buf))) ||
	       (lo && is_changed(now, elsewhere(name, "default", buf)));
}

/* What a new device gets: of "default", where there is that. */
static const char *inherited(const struct settings *now, const char *name)
{
	char buf[NAME_LEN];
	const char *v;

	if (is_dad(name))	/* dad.c */
		return "1";
	v = find(now, elsewhere(name, "default", buf));
	return v ? v : find(&fresh, elsewhere(name, "lo", buf));
}

static bool comes_by_itself(const struct settings *now, const struct setting *s,
			    const struct lm_link *l)
{
	char mtu[16];

	if (l && strcmp(l->kind, "lo")) {
		snprintf(mtu, sizeof(mtu), "%u", l->mtu);
		return same(s->value, ends(s->name, "/mtu") ? mtu : inherited(now, s->name));
	}
	if (is_dad(s->name) && is_of(s->name, "default"))
		return same(s->value, "1");
	return same(s->value, find(&fresh, s->name)) && !is_touched(now, s->name);
}

int lm_net_sysctl_dump(const struct lm_link *links, size_t nr_links, struct lm_buf *b,
		       struct lm_error *e)
{
	struct settings now, out = { 0 };
	struct lm_buf text = { 0 };
	size_t len;
	int ret = 0;

	lm_net_fresh();
	if (!fresh.nr)
		return lm_fail(e, LM_FAILED, "cannot read the settings of a fresh network namespace");
	if (read_all(&now) < 0)
		return errno == E2BIG ?
		       lm_fail(e, LM_REFUSED, "network setting of more than 32 KB: not supported") :
		       lm_fail_errno(e, LM_FAILED, "cannot read the network settings");
	for (size_t i = 0; i < now.nr && ret == 0; i++) {
		const struct setting *s = &now.v[i];
		const struct lm_link *l = link_of(s->name, links, nr_links);

		/* (devices that a namespace has by itself are not in the record) */
		if ((!l && device(s->name, &len) && !is_of(s->name, "all") &&
		     !is_of(s->name, "default")) || comes_by_itself(&now, s, l))
			continue;
		if (lm_grow(&out.v, out.nr, sizeof(*out.v))) {
			ret = lm_fail(e, LM_FAILED, "no memory");
		} else {
			out.v[out.nr] = *s;
			out.v[out.nr++].rank = rank(s->name);
		}
	}
	if (out.nr)
		qsort(out.v, out.nr, sizeof(*out.v), by_rank);
	for (size_t i = 0; i < out.nr; i++) {
		text.len = 0;
		lm_buf_add(&text, out.v[i].name, strlen(out.v[i].name));
		lm_buf_add(&text, "=", 1);
		lm_buf_add(&text, out.v[i].value, strlen(out.v[i].value) + 1);
		if (text.oom)
			ret = lm_fail(e, LM_FAILED, "no memory");
		else
			lm_put_str(b, LM_NETNS_SYSCTL, text.data);
	}
	lm_buf_free(&text);
	free(out.v);
	free_settings(&now);
	return ret;
}

/* ---- setting ---- */

/* Below net/, as the namespace has nothing else of its own. */
static bool is_name(const char *name)
{
	size_t len;

	if (strncmp(name, "net/", 4))
		return false;
	for (; *name; name += len + (name[len] == '/')) {
		len = strcspn(name, "/");
		if (!len || (len == 1 && *name == '.') || (len == 2 && !strncmp(name, "..", 2)))
			return false;
	}
	return true;
}

static int put(const char *path, const char *value)
{
	size_t len = strlen(value), done = 0;
	int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	/* (of a long list the kernel takes a page at a time) */
	do {
		n = write(fd, value + done, len - done);
		done += n > 0 ? n : 0;
	} while (n > 0 && done < len);
	close(fd);
	return n < 0 ? -1 : 0;
}

static int set(const char *assignment, char *now, struct lm_error *e)
{
	/* (names of devices can contain =, values do not) */
	const char *value = strrchr(assignment, '=');
	char name[NAME_LEN], path[NAME_LEN + sizeof(ROOT)];
	ssize_t n;
	int fd;

	if (!value || value - assignment >= NAME_LEN)
		return lm_fail(e, LM_REFUSED, "the record of a network setting is malformed");
	snprintf(name, sizeof(name), "%.*s", (int)(value - assignment), assignment);
	if (!is_name(name))
		return lm_fail(e, LM_REFUSED, "the record of a network setting is malformed");
	value++;
	snprintf(path, sizeof(path), ROOT "%s", name);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	/* Without IPv6 nothing depends on how it would be. */
	if (fd < 0 && errno == ENOENT && !strncmp(name, "net/ipv6/", 9) &&
	    access(ROOT "net/ipv6/conf", F_OK))
		return 0;
	if (fd < 0 && errno == ENOENT)
		return lm_fail(e, LM_REFUSED,
			       "setting %s=%.64s: this host has none of that name; its kernel is older, or a module is not loaded",
			       name, value);
	n = fd < 0 ? -1 : get(fd, now);
	if (fd >= 0)
		close(fd);
	if (n >= 0 && !strcmp(now, value))
		return 0;
	return put(path, value) == 0 ? 0 :
	       lm_fail_errno(e, LM_REFUSED, "cannot set %s to \"%.64s\"", name, value);
}

static bool is_due(const char *assignment, const char *dev)
{
	size_t len;

	if (dev && !*dev)
		return true;
	if (strstr(assignment, "/accept_dad="))
		return false;
	return dev ? is_of(assignment, dev) : !device(assignment, &len) ||
	       is_of(assignment, "all") || is_of(assignment, "default") || is_of(assignment, "lo");
}

bool lm_net_sysctl_below(const struct nlattr *const *all, size_t nr, const char *dir)
{
	for (size_t i = 0; i < nr; i++)
		if (lm_str(all[i]) && !strncmp(lm_str(all[i]), dir, strlen(dir)))
			return true;
	return false;
}

int lm_net_sysctl_make(const struct nlattr *const *all, size_t nr, const char *dev,
		       struct lm_error *e)
{
	struct lm_error why;
	char *now = malloc(VALUE_MAX);
	size_t failed = nr + 1, before;

	if (!now)
		return lm_fail(e, LM_FAILED, "no memory");
	/* A limit may have to wait for another one. */
	do {
		before = failed;
		failed = 0;
		for (size_t i = 0; i < nr; i++) {
			const char *s = lm_str(all[i]);
			struct lm_error own = { 0 };

			if ((s && !is_due(s, dev)) || set(s ? s : "", now, &own) == 0)
				continue;
			if (!failed++)
				why = own;
		}
	} while (failed && failed < before);
	free(now);
	return failed ? lm_fail(e, why.code, "%s", why.msg) : 0;
}
