// SPDX-License-Identifier: LGPL-2.1-or-later
/* Keyrings stay behind: who has keys is told, each keyring once. */
#include <stdio.h>
#include <string.h>

#include "source_priv.h"

static void tell_one(const struct lm_process *p, const struct nlattr *a,
		     void (*report)(const char *line, void *arg), void *arg)
{
	static const char *const kinds[] = {
		[LIVEMIG_KEYRING_THREAD] = "thread",
		[LIVEMIG_KEYRING_PROCESS] = "process",
		[LIVEMIG_KEYRING_SESSION] = "session",
	};
	const char *name = (const char *)lm_data(a) + sizeof(struct livemig_keyring);
	struct livemig_keyring k;
	char line[400], safe[256];
	size_t len;

	memcpy(&k, lm_data(a), sizeof(k));
	len = lm_len(a) - sizeof(k);
	/* (the program's words, for a terminal) */
	for (size_t i = 0; i < sizeof(safe); i++)
		safe[i] = i >= len || !name[i] ? 0 :
			  name[i] < ' ' || name[i] > '~' ? '?' : name[i];
	safe[sizeof(safe) - 1] = 0;
	snprintf(line, sizeof(line),
		 "warning: pid %u: its %s keyring (%s), with %u key%s, stays behind",
		 p->host, k.kind < sizeof(kinds) / sizeof(*kinds) ? kinds[k.kind] : "other",
		 safe, k.keys, k.keys == 1 ? "" : "s");
	report(line, arg);
}

int lm_source_keys(struct lm_source *s, void (*report)(const char *line, void *arg),
		   void *arg, struct lm_error *e)
{
	const struct lm_model *m = &s->model;
	struct lm_ids told = { 0 };
	int ret = 0;

	for (size_t i = 0; report && i < m->nr_procs; i++)
		for (size_t j = 0; j < m->procs[i]->nr_threads; j++) {
			const struct lm_obj *o = &m->procs[i]->threads[j]->obj;
			const struct nlattr *a = NULL;
			struct livemig_keyring k;

			while (!ret && (a = lm_next(o->raw, o->len, a))) {
				if (lm_type(a) != LIVEMIG_THREAD_KEYRING ||
				    lm_len(a) <= sizeof(k))
					continue;
				memcpy(&k, lm_data(a), sizeof(k));
				if (lm_ids_get(&told, k.serial) >= 0)
					continue;
				ret = lm_ids_put(&told, k.serial, 0);
				tell_one(m->procs[i], a, report, arg);
			}
		}
	lm_ids_free(&told);
	return ret ? lm_fail(e, LM_FAILED, "out of memory") : 0;
}
