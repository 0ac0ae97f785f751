// SPDX-License-Identifier: LGPL-2.1-or-later
/* UTS namespaces: the names of the host and of its domain. */
#include <sched.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ns.h"

static int describe(const struct lm_ns_inside *in, struct lm_error *e)
{
	struct utsname u;

	uname(&u);
	lm_put_str(in->b, LM_NS_HOSTNAME, u.nodename);
	lm_put_str(in->b, LM_NS_DOMAINNAME, u.domainname);
	return 0;
}

static int fill(const struct lm_obj *o, struct lm_error *e)
{
	const char *host = lm_str(o->tb[LM_NS_HOSTNAME]);
	const char *domain = lm_str(o->tb[LM_NS_DOMAINNAME]);

	if ((host && sethostname(host, strlen(host))) ||
	    (domain && setdomainname(domain, strlen(domain))))
		return lm_fail_errno(e, LM_FAILED, "%s", host);
	return 0;
}

const struct lm_ns_kind lm_ns_uts = {
	.name		= "uts",
	.flag		= CLONE_NEWUTS,
	.at		= offsetof(struct livemig_ns, uts),
	.describe	= describe,
	.fill		= fill,
};
