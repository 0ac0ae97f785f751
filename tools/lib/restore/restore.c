// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The restorer: takes records in the order in which a source writes them and
 * calls what builds the container. See internal.h for the parts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define DEVICE "/dev/livemig"

void lm_progress(struct lm_restorer *r, const char *step, uint64_t done,
		 uint64_t total)
{
	if (r->o.progress)
		r->o.progress(step, done, total, r->o.arg);
}

const struct lm_model *lm_restorer_model(const struct lm_restorer *r)
{
	return &r->m;
}

int lm_restorer_device(const struct lm_restorer *r)
{
	return r->dev;
}

int lm_restorer_netns(const struct lm_restorer *r)
{
	return r->netns;
}

bool lm_restorer_ready(const struct lm_restorer *r)
{
	return r->ready;
}

uint32_t lm_restorer_host(const struct lm_restorer *r, uint32_t pid)
{
	return lm_host_pid(r, pid);
}

pid_t lm_restorer_pid(const struct lm_restorer *r)
{
	return r->root_pid ? (pid_t)lm_host_pid(r, r->root_pid) : 0;
}

const char *lm_restorer_cgroup(const struct lm_restorer *r)
{
	return r->cgroup;
}

/* All files of the container are open here at some moment. */
static void raise_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l))
		return;
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

static int needs_root(struct lm_error *e)
{
	return lm_fail(e, LM_REFUSED,
		       "restoring needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN): run migctl as root");
}

int lm_restorer_new(struct lm_restorer **out, const struct lm_restore_opts *o,
		    struct lm_error *e)
{
	struct lm_restorer *r;

	if (geteuid())
		return needs_root(e);
	r = calloc(1, sizeof(*r));
	if (!r)
		return lm_fail(e, LM_FAILED, "out of memory");
	r->o = *o;
	r->cgroup_fd = r->netns = r->timens = r->dev = -1;
	lm_model_init(&r->m);
	if (lm_undo_new(&r->undo, e))
		goto err;
	r->dev = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (r->dev < 0) {
		if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
			lm_fail(e, LM_REFUSED, "the livemig module is not loaded: modprobe livemig (there is no " DEVICE ")");
		else if (errno == EPERM || errno == EACCES)
			needs_root(e);
		else
			lm_fail_errno(e, LM_REFUSED, DEVICE);
		goto err;
	}
	raise_limit();
	*out = r;
	return 0;
err:
	lm_restorer_free(r);
	return -1;
}

/* The skeleton follows the model that has just come. */
static int sync_skeleton(struct lm_restorer *r, struct lm_error *e)
{
	r->synced = true;
	if (lm_model_finish(&r->m, e) || lm_leaders_add(r, e) ||
	    lm_check_model(r, e) || lm_labels_check(r, e) || lm_vdso_adapt(r, e))
		return -1;
	if (!r->built && (lm_huge_check(&r->m, e) || lm_cgroup_make(r, e)))
		return -1;
	lm_inherit_plan(r);
	if (lm_user_sync(r, e) || lm_tree_sync(r, e) || lm_inherit_reserve(r, e) ||
	    lm_net_sync(r, e) || lm_net_rules(r, e) || lm_ns_sync(r, e) ||
	    lm_tmpfs_fill(r, e) || lm_check_files(r, e) ||
	    lm_ipc_sync(r, e) || lm_shmem_sync(r, e))
		return -1;
	r->built = true;
	for (size_t i = 0; i < r->nr_procs; i++) {
		struct lm_proc *p = r->procs[i];
		const struct lm_mm *mm = lm_model_process(&r->m, p->pid)->mm;

		if (mm && lm_mm_sync(r, p, mm, e))
			return -1;
	}
	if (lm_mapped_check(r, e))
		return -1;
	lm_object_fds_close(&r->mapped);
	lm_object_fds_close(&r->read_only);
	return lm_pages_unstash(r, e);
}

static int begin_round(struct lm_restorer *r, const struct lm_record *rec,
		       struct lm_error *e)
{
	const struct nlattr *tb[LM_ROUND_MAX + 1];

	if (r->final)
		return lm_fail(e, LM_FAILED, "a round after the last one");
	if (lm_parse(rec->head, rec->head_len, tb, LM_ROUND_MAX, e))
		return -1;
	lm_model_free(&r->m);
	lm_model_init(&r->m);
	r->final = tb[LM_ROUND_FINAL];
	r->in_round = true;
	r->synced = false;
	lm_progress(r, "round", lm_u32(tb[LM_ROUND_NR]), 0);
	return 0;
}

static int end_round(struct lm_restorer *r, struct lm_error *e)
{
	lm_pages_close(r);
	r->in_round = false;
	return lm_inherit_end(r, e);
}

static int memory(struct lm_restorer *r, struct lm_in *in, const struct lm_record *rec,
		  struct lm_error *e)
{
	if (!r->synced && sync_skeleton(r, e))
		return -1;
	switch (rec->type) {
	case LIVEMIG_OBJ_PAGES:
		return lm_pages_record(r, in, rec, e);
	case LIVEMIG_OBJ_PATCHES:
		return lm_patches_record(r, rec, e);
	}
	return end_round(r, e);
}

static bool is_image(const struct lm_in *in)
{
	struct stat st;

	return !fstat(in->fd, &st) && S_ISREG(st.st_mode);
}

/* Rounds of an image are of different moments and need not fit together: a file may have
 * grown, something may have been mounted. Who sends them lives, and tries again; of an
 * image, which can be read once more, the last one alone counts.
 */
static bool waits_for_last(const struct lm_restorer *r)
{
	if (r->o.lazy || (r->lazy && r->lazy->z.index))
		return true;
	return r->image && !r->built && !r->final && !r->o.live;
}

/* Nothing is made before the last round: what a page was before does not matter. */
static int memory_later(struct lm_restorer *r, struct lm_in *in,
			const struct lm_record *rec, struct lm_error *e)
{
	switch (rec->type) {
	case LIVEMIG_OBJ_PAGES:
		return lm_lazy_note(r, in, rec, e);
	case LIVEMIG_OBJ_PATCHES:
		return lm_fail(e, LM_REFUSED, "it tells pages by others, which can only be told from who sends them");
	}
	if (!r->final) {
		r->in_round = false;
		return 0;
	}
	return sync_skeleton(r, e) || lm_lazy_fill(r, e) || end_round(r, e) ? -1 : 0;
}

static int end(struct lm_restorer *r, const struct lm_record *rec,
	       const struct lm_in *in, struct lm_error *e)
{
	const struct nlattr *tb[LM_END_MAX + 1];

	if (!r->final || r->in_round)
		return lm_fail(e, LM_FAILED, "it ends before its last round");
	if (lm_parse(rec->head, rec->head_len, tb, LM_END_MAX, e))
		return -1;
	if (tb[LM_END_RECORDS] && lm_u64(tb[LM_END_RECORDS]) != in->seq - 1)
		return lm_fail(e, LM_FAILED, "a record is missing or doubled");
	if (lm_later_fetch(r, e) || lm_finish(r, e) || lm_lazy_start(r, e))
		return -1;
	r->ready = true;
	return 0;
}

int lm_restorer_record(struct lm_restorer *r, struct lm_in *in,
		       const struct lm_record *rec, struct lm_error *e)
{
	int ret;

	if (r->ready)
		return lm_fail(e, LM_FAILED, "a record after the end");
	if (!r->header && rec->type != LM_REC_HEADER)
		return lm_fail(e, LM_FAILED, "it does not begin with a header");
	switch (rec->type) {
	case LM_REC_HEADER:
		if (r->header)
			return lm_fail(e, LM_FAILED, "a second header");
		r->header = true;
		r->image = is_image(in);
		ret = lm_check_header(r, rec, e);
		break;
	case LM_REC_ROUND:
		ret = begin_round(r, rec, e);
		break;
	case LM_REC_ROUND_END:
	case LIVEMIG_OBJ_PAGES:
	case LIVEMIG_OBJ_PATCHES:
		if (!r->in_round)
			return lm_fail(e, LM_FAILED, "pages outside of a round");
		ret = waits_for_last(r) ? memory_later(r, in, rec, e) :
					      memory(r, in, rec, e);
		break;
	case LM_REC_END:
		ret = end(r, rec, in, e);
		break;
	case LM_REC_PAD:
		ret = 0;
		break;
	default:
		if (!r->in_round || r->synced) {
			if (rec->flags & LIVEMIG_REC_F_REQUIRED)
				return lm_fail(e, LM_FAILED,
					       "a record of type %u in the wrong place",
					       rec->type);
			ret = 0;
			break;
		}
		ret = lm_model_add(&r->m, rec->type, rec->head, rec->head_len, e);
	}
	return ret;
}

int lm_restore_commit(struct lm_restorer *r, struct lm_error *e)
{
	if (!r->ready || r->committed)
		return lm_fail(e, LM_FAILED, "not ready");
	if (lm_serve(r, e))
		return -1;
	r->committed = true;
	for (size_t i = 0; i < r->nr_procs; i++) {
		lm_remote_release(r->procs[i]->remote);
		r->procs[i]->remote = NULL;
	}
	return 0;
}

/* Tasks die before their cgroup goes, and that before the network. */
void lm_restorer_free(struct lm_restorer *r)
{
	if (!r)
		return;
	/* What sockets say when they are closed must not reach their peers. */
	if (r->net && !r->committed)
		lm_netns_shut(r->net);
	lm_lazy_free(r);
	lm_files_close(r);
	lm_inherit_drop(r);
	while (r->nr_procs)
		lm_proc_free(r->procs[--r->nr_procs]);
	free(r->procs);
	lm_ids_free(&r->by_pid);
	lm_ids_free(&r->owner.tids);
	if (r->dev >= 0)
		close(r->dev);
	if (r->cgroup_fd >= 0)
		close(r->cgroup_fd);
	if (r->timens >= 0)
		close(r->timens);
	lm_undo_run(r->undo);
	if (r->net && r->committed) {
		lm_netns_free(r->net);
		r->net = NULL;
	}
	lm_net_drop(r);
	lm_tmpfs_close(r);
	lm_ns_close(r);
	lm_ipc_close(r);
	lm_object_fds_close(&r->shmem);
	lm_object_fds_close(&r->read_only);
	lm_object_fds_close(&r->mapped);
	lm_deleted_close(r);
	lm_pages_close(r);
	lm_removed_close(r);
	lm_stash_free(&r->stash);
	free(r->missed_buf);
	lm_model_free(&r->m);
	lm_vdso_free(&r->vdso);
	lm_vdso_free(&r->own_vdso);
	free(r);
}
