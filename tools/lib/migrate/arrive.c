// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arrive.h"

static int ask(uint32_t mm, const struct livemig_range *v, size_t n, bool wanted,
	       void *arg, struct lm_error *e)
{
	struct lm_arrive *a = arg;
	struct lm_buf b = { 0 };

	if (n) {
		lm_put_u32(&b, LM_WANT_MM, mm);
		lm_put(&b, LM_WANT_RANGES, v, n * sizeof(*v));
	}
	if (wanted)
		lm_put_flag(&b, LM_WANT_NOW);
	return lm_out_buf(&a->p->out, LM_REC_WANT, &b, e);
}

static int next(struct lm_record *rec, void *arg, struct lm_error *e)
{
	struct lm_arrive *a = arg;

	if (lm_peer_take(a->p, rec, LM_SILENCE_MS, e))
		return -1;
	if (rec->type == LIVEMIG_OBJ_PAGES)
		return 1;
	if (a->other)
		return a->other(rec, a->arg, e);
	return lm_fail(e, LM_FAILED, "%s: sent record type %u where PAGES were due",
		       a->p->host, rec->type);
}

void lm_arrive_init(struct lm_arrive *a, struct lm_peer *p)
{
	*a = (struct lm_arrive){
		.link = { .fd = -1, .in = &p->in, .ask = ask, .next = next, .arg = a },
		.p = p,
	};
}

void lm_arrive_from(struct lm_arrive *a)
{
	int patience = LM_SILENCE_MS;

	a->link.fd = a->p->in.fd;
	setsockopt(a->p->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof(patience));
}

int lm_arrive_check(struct lm_error *e)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |
			    UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), ret;

	ret = fd < 0 || ioctl(fd, UFFDIO_API, &api) ?
	      lm_fail_errno(e, LM_REFUSED, "this kernel's userfaultfd: leave out --postcopy") : 0;
	if (fd >= 0)
		close(fd);
	return ret;
}
