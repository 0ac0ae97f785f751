// SPDX-License-Identifier: GPL-2.0-or-later
/* The functions of net/netns.h as commands, for run.sh:
 *	nettool dump NETNS FILE
 *	nettool make FILE [PARENT]	then "open", "free" or "remove" on stdin
 *	nettool lock NETNS		prints "locked", holds it until it dies
 *	nettool quiet NETNS 0|1
 *	nettool clear NETNS
 *	nettool unlisted NETNS		a list that the kernel does not tell is no empty one
 *	nettool rules NETNS FILE	the nft ruleset into FILE
 *	nettool load NETNS FILE		... and from there
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sched.h>

#include "net/netns.h"
#include "net/nft.h"
#include "net/rtnl.h"
#include "schema.h"

static struct lm_error e;

static int die(void)
{
	fprintf(stderr, "%s\n", e.msg);
	return e.code ? (int)e.code : 1;
}

static int open_ns(const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), *name == '/' ? "%s" : "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static int dump(const char *ns, const char *file)
{
	struct lm_buf b = { 0 };
	FILE *f;

	if (lm_netns_dump(open_ns(ns), &b, &e) < 0 || b.oom ||
	    lm_schema_check(lm_schema(LM_REC_NETNS), b.data, b.len, &e))
		return die();
	f = fopen(file, "w");
	if (!f || fwrite(b.data, b.len, 1, f) != 1 || fclose(f))
		return 1;
	return 0;
}

static int rules(const char *ns, const char *file)
{
	struct lm_buf b = { 0 };
	FILE *f;

	if (lm_nft_dump(open_ns(ns), &b, &e) < 0)
		return die();
	f = fopen(file, "w");
	if (!f || (b.len && fwrite(b.data, b.len, 1, f) != 1) || fclose(f))
		return 1;
	return 0;
}

static int load(const char *ns, const char *file)
{
	static char attrs[8 << 20];
	static const struct nlattr *msgs[65536];
	const struct nlattr *a = NULL;
	FILE *f = fopen(file, "r");
	size_t len = f ? fread(attrs, 1, sizeof(attrs), f) : 0, n = 0;

	while (n < 65536 && (a = lm_next(attrs, len, a)))
		msgs[n++] = a;
	return lm_nft_load(open_ns(ns), msgs, n, &e) < 0 ? die() : 0;
}

static int make(const char *file, const char *parent)
{
	static char attrs[1 << 20], line[64];
	struct lm_netns_made *made;
	FILE *f = fopen(file, "r");
	size_t len = f ? fread(attrs, 1, sizeof(attrs), f) : 0;
	int fd = lm_netns_make(attrs, len, 0, parent, &made, &e);

	if (fd < 0 || e.code)
		return die();
	printf("made /proc/%d/fd/%d\n", getpid(), fd);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "open", 4) &&
		    (lm_netns_open_up(made, &e) < 0 || lm_netns_publish(made, &e) < 0))
			return die();
		if (!strncmp(line, "remove", 6)) {
			lm_netns_remove(made);
			made = NULL;
		}
		if (!strncmp(line, "free", 4)) {
			lm_netns_free(made);
			made = NULL;
		}
		printf("done\n");
		fflush(stdout);
		if (!made)
			return 0;
	}
	return 0;
}

/* Rules of a family that has none: no message but the end, with the error in it. */
static int unlisted(const char *ns)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct fib_rule_hdr *r;
	struct lm_rt rt;
	int ret;

	if (setns(open_ns(ns), CLONE_NEWNET) || lm_rt_open(&rt, NETLINK_ROUTE, &e) < 0)
		return die();
	nlh->nlmsg_type = RTM_GETRULE;
	nlh->nlmsg_flags = NLM_F_DUMP;
	r = mnl_nlmsg_put_extra_header(nlh, sizeof(*r));
	r->family = AF_DECnet;
	ret = lm_rt_talk(&rt, nlh, NULL, NULL);
	printf("%d, %s\n", ret, strerror(errno));
	ret = ret == -1 && errno == EAFNOSUPPORT;
	lm_rt_close(&rt);
	return !ret;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[1] : "";
	struct lm_netlock *lock;

	if (!strcmp(verb, "dump") && argc == 4)
		return dump(argv[2], argv[3]);
	if (!strcmp(verb, "rules") && argc == 4)
		return rules(argv[2], argv[3]);
	if (!strcmp(verb, "load") && argc == 4)
		return load(argv[2], argv[3]);
	if (!strcmp(verb, "make"))
		return make(argv[2], argc > 3 ? argv[3] : NULL);
	if (!strcmp(verb, "lock")) {
		if (lm_netlock(open_ns(argv[2]), false, &lock, &e) < 0)
			return die();
		puts("locked");
		fflush(stdout);
		pause();
	}
	if (!strcmp(verb, "quiet") && argc == 4)
		return lm_netns_quiet(open_ns(argv[2]), atoi(argv[3]), &e) < 0 ? die() : 0;
	if (!strcmp(verb, "unlisted"))
		return unlisted(argv[2]);
	if (!strcmp(verb, "clear"))
		return lm_netns_clear(open_ns(argv[2]), &e) < 0 ? die() : 0;
	return 1;
}
