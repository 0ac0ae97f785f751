// SPDX-License-Identifier: LGPL-2.1-or-later
/* UTS namespaces: the names of the host and of its domain. */
#include <sched.h>
#include <string.h>
#include <sys/utsname.h>

#include "ns.h"

static int describe(struct lm_buf *b, struct lm_error *e)
{
	struct utsname u;

	uname(&u);
	lm_put_str(b, LM_NS_HOSTNAME, u.nodename);
	lm_put_str(b, LM_NS_DOMAINNAME, u.domainname);
	return 0;
}

static void set(struct lm_batch *b, int nr, const char *name)
{
	if (name)
		lm_batch_add(b, nr, LM_DATA(lm_batch_str(b, name)), strlen(name));
}

static int fill(struct lm_batch *b, const struct lm_obj *o, struct lm_error *e)
{
	set(b, __NR_sethostname, lm_str(o->tb[LM_NS_HOSTNAME]));
	set(b, __NR_setdomainname, lm_str(o->tb[LM_NS_DOMAINNAME]));
	return 0;
}

const struct lm_ns_kind lm_ns_uts = {
	.name		= "uts",
	.flag		= CLONE_NEWUTS,
	.at		= offsetof(struct livemig_ns, uts),
	.describe	= describe,
	.fill		= fill,
};
