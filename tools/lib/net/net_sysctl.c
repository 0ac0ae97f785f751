// SPDX-License-Identifier: LGPL-2.1-or-later
/* The settings of a network namespace that containers are known to be given.
 * Only what differs from a fresh namespace is written down.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netns.h"
#include "rtnl.h"

static const char *const known[] = {
	"net/core/somaxconn",
	"net/ipv4/igmp_max_memberships",
	"net/ipv4/igmp_max_msf",
	"net/ipv4/ip_forward",
	"net/ipv4/ip_local_port_range",
	"net/ipv4/ip_local_reserved_ports",
	"net/ipv4/ip_nonlocal_bind",
	"net/ipv4/ip_unprivileged_port_start",
	"net/ipv4/ping_group_range",
	"net/ipv4/tcp_congestion_control",
	"net/ipv4/tcp_ecn",
	"net/ipv4/tcp_fastopen",
	"net/ipv4/tcp_fin_timeout",
	"net/ipv4/tcp_keepalive_intvl",
	"net/ipv4/tcp_keepalive_probes",
	"net/ipv4/tcp_keepalive_time",
	"net/ipv4/tcp_max_syn_backlog",
	"net/ipv4/tcp_mtu_probing",
	"net/ipv4/tcp_retries2",
	"net/ipv4/tcp_rmem",
	"net/ipv4/tcp_sack",
	"net/ipv4/tcp_slow_start_after_idle",
	"net/ipv4/tcp_syn_retries",
	"net/ipv4/tcp_syncookies",
	"net/ipv4/tcp_timestamps",
	"net/ipv4/tcp_tw_reuse",
	"net/ipv4/tcp_window_scaling",
	"net/ipv4/tcp_wmem",
	"net/ipv6/bindv6only",
	"net/ipv6/conf/all/disable_ipv6",
	"net/ipv6/conf/default/disable_ipv6",
	"net/ipv6/conf/all/forwarding",
	"net/ipv6/ip_nonlocal_bind",
	"net/unix/max_dgram_qlen",
};
#define NR_KNOWN (sizeof(known) / sizeof(*known))
#define VALUE_MAX 128

/* "" when there is no such setting. */
static void get(const char *name, char *value)
{
	char path[256];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, value, VALUE_MAX - 1);
		close(fd);
	}
	value[n < 0 ? 0 : n] = 0;
	value[strcspn(value, "\n")] = 0;
}

struct values {
	char v[NR_KNOWN][VALUE_MAX];
	bool ok;
};

/* In a thread of its own: the namespace goes with it. */
static void *fresh(void *arg)
{
	struct values *f = arg;

	f->ok = unshare(CLONE_NEWNET) == 0;
	for (size_t i = 0; f->ok && i < NR_KNOWN; i++)
		get(known[i], f->v[i]);
	return NULL;
}

/* What a fresh namespace looks like here; it does not change while we run. */
static struct values defaults;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_defaults(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, fresh, &defaults) == 0)
		pthread_join(t, NULL);
}

void lm_net_sysctl_dump(struct lm_buf *b, uint16_t type)
{
	char value[VALUE_MAX], text[256 + VALUE_MAX];

	pthread_once(&once, find_defaults);
	for (size_t i = 0; i < NR_KNOWN; i++) {
		get(known[i], value);
		if (!value[0] || (defaults.ok && !strcmp(value, defaults.v[i])))
			continue;
		snprintf(text, sizeof(text), "%s=%s", known[i], value);
		lm_put_str(b, type, text);
	}
}

int lm_net_sysctl_set(const char *assignment, struct lm_error *e)
{
	const char *value = strchr(assignment, '=');
	char name[128], now[VALUE_MAX], path[256];
	int fd, n, ret = 0;

	n = value ? value - assignment : 0;
	snprintf(name, sizeof(name), "%.*s", n, assignment);
	for (size_t i = 0; ; i++) {
		if (i == NR_KNOWN)
			return lm_fail(e, LM_REFUSED, "setting %s: not known here", assignment);
		if (!strcmp(known[i], name))
			break;
	}
	value++;
	get(name, now);
	if (!strcmp(now, value))
		return 0;
	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		ret = lm_fail_errno(e, LM_REFUSED, "cannot set %s to \"%s\"", name, value);
	if (fd >= 0)
		close(fd);
	return ret;
}
