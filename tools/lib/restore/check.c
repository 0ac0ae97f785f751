// SPDX-License-Identifier: LGPL-2.1-or-later
/* Can this container be restored on this host? All answers are LM_REFUSED. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "internal.h"
#include "../ipc/ipc.h"
#include "../kinds/kind.h"
#include "../kinds/kinds.h"
#include "../nl.h"

static const struct {
	uint64_t bit;
	const char *name;
} xfeatures[] = {
	{ 1ULL << 0, "x87" },		{ 1ULL << 1, "SSE" },
	{ 1ULL << 2, "AVX" },		{ 3ULL << 3, "MPX" },
	{ 7ULL << 5, "AVX-512" },	{ 1ULL << 9, "protection keys" },
	{ 3ULL << 17, "AMX" },		{ 1ULL << 19, "APX" },
};

static int check_features(uint64_t there, uint64_t here, struct lm_error *e)
{
	uint64_t missing = there & ~here;
	char names[128] = "";

	if (!missing)
		return 0;
	for (size_t i = 0; i < sizeof(xfeatures) / sizeof(*xfeatures); i++)
		if (missing & xfeatures[i].bit)
			snprintf(names + strlen(names), sizeof(names) - strlen(names),
				 "%s%s", *names ? ", " : "", xfeatures[i].name);
	return lm_fail(e, LM_REFUSED,
		       "this CPU lacks features that the source has: %s (xfeatures %#llx); use a host with them",
		       *names ? names : "unknown", (unsigned long long)missing);
}

static int check_vdso(struct lm_restorer *r, const struct nlattr **tb, uint64_t own,
		      struct lm_error *e)
{
	/* For tests: as if it were from another kernel. */
	bool other = getenv("LIVEMIG_OTHER_VDSO");

	r->vdso_id = lm_u64(tb[LM_HEADER_VDSO_ID]);
	if (!tb[LM_HEADER_VDSO_ID] || (r->vdso_id == own && !other))
		return 0;
	if (!tb[LM_HEADER_VDSO])
		return lm_fail(e, LM_REFUSED,
			       "vdso of another kernel: use the same kernel");
	return lm_vdso_expect(r, lm_data(tb[LM_HEADER_VDSO]), lm_len(tb[LM_HEADER_VDSO]),
			      r->vdso_id, e);
}

int lm_check_header(struct lm_restorer *r, const struct lm_record *rec,
		    struct lm_error *e)
{
	const struct nlattr *tb[LM_HEADER_MAX + 1];
	struct lm_info info;
	struct utsname here;
	struct lm_nl *nl;
	const char *arch;
	int ret;

	if (lm_parse(rec->head, rec->head_len, tb, LM_HEADER_MAX, e))
		return -1;
	if (lm_u32(tb[LM_HEADER_FORMAT]) != 1)
		return lm_fail(e, LM_REFUSED, "image format %u is not known here; use a newer migctl",
			       lm_u32(tb[LM_HEADER_FORMAT]));
	if (tb[LM_HEADER_PARENT])
		return lm_fail(e, LM_REFUSED,
			       "the image is a difference; merge it with its parent first");
	uname(&here);
	arch = lm_str(tb[LM_HEADER_ARCH]) ?: "unknown";
	if (strcmp(arch, here.machine))
		return lm_fail(e, LM_REFUSED, "the image is from a %s machine, this is %s; restore it on a %s machine",
			       arch, here.machine, arch);
	if (lm_nl_open(&nl, e))
		return -1;
	ret = lm_nl_info(nl, &info, e);
	lm_nl_close(nl);
	if (ret)
		return -1;
	if (check_features(lm_u64(tb[LM_HEADER_XFEATURES]), info.xfeatures, e))
		return -1;
	if (check_vdso(r, tb, info.vdso_id, e))
		return lm_prefix(e, "the image is from %s, this is %s",
				 lm_str(tb[LM_HEADER_KERNEL]) ?: "an unknown kernel",
				 here.release);
	snprintf(r->name, sizeof(r->name), "%s", lm_str(tb[LM_HEADER_NAME]) ?: "");
	return 0;
}

int lm_check_pid(uint32_t pid, struct lm_error *e)
{
	char path[48], comm[32] = "?";
	ssize_t n;
	int fd;

	if (kill(pid, 0) && errno == ESRCH)
		return 0;
	/* A thread's id has a directory there, too, though it is not listed. */
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, comm, sizeof(comm) - 1);
	close(fd);
	if (n > 0)
		comm[n - 1] = 0;
	return lm_fail(e, LM_REFUSED,
		       "pid %u is taken here by %s; end it, or use another host",
		       pid, comm);
}

static int check_id(uint32_t id, unsigned long max, struct lm_error *e)
{
	if (id >= max)
		return lm_fail(e, LM_REFUSED,
			       "pid %u is beyond the limit of %lu here; raise kernel.pid_max",
			       id, max);
	return lm_check_pid(id, e);
}

static int check_pids(const struct lm_restorer *r, struct lm_error *e)
{
	char text[32] = "";
	unsigned long max;
	int fd = -1;

	/* Its own namespace is empty, and the numbers outside may be any. */
	if (lm_own_pidns(&r->m))
		return 0;
	fd = open("/proc/sys/kernel/pid_max", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		lm_fail_errno(e, LM_FAILED, "/proc/sys/kernel/pid_max");
	close(fd);
	max = strtoul(text, NULL, 10);
	for (size_t i = 0; i < r->m.nr_procs; i++) {
		const struct lm_process *p = r->m.procs[i];

		if (lm_proc(r, p->pid))
			continue;
		if (check_id(p->pid, max, e))
			return -1;
		for (size_t j = 0; j < p->nr_threads; j++)
			if (check_id(p->threads[j]->tid, max, e))
				return -1;
	}
	return 0;
}

/* Of a process or cgroup that is not there yet. */
static bool comes_later(const char *path)
{
	return !strncmp(path, "/proc/", 6) || !strncmp(path, "/sys/fs/cgroup/", 15);
}

/* A working or root directory that the host has. */
static int check_dir(const char *path, struct lm_error *e)
{
	return !path || comes_later(path) || !access(path, F_OK) ? 0 : lm_kind_no_file(path, e);
}

static int check_dirs(const struct lm_restorer *r, const struct lm_process *p,
		      struct lm_error *e)
{
	const struct nlattr *const *tb = p->obj.tb;
	bool gone = lm_u32(tb[LIVEMIG_PROCESS_FLAGS]) & LIVEMIG_PROCESS_F_CWD_GONE;

	if (lm_ns_root(r, lm_ns_of(p, &lm_ns_mnt)) >= 0)
		return 0;
	return check_dir(gone ? NULL : lm_str(tb[LIVEMIG_PROCESS_CWD]), e) ||
	       check_dir(lm_str(tb[LIVEMIG_PROCESS_ROOT]), e) ? -1 : 0;
}

/* Files that only are read must be the same from the beginning; those that are
 * written may still change, and are checked when they are opened.
 */
static int check_file(const struct lm_restorer *r, const struct lm_file *f,
		      struct lm_error *e)
{
	bool read_only = (f->flags & O_ACCMODE) == O_RDONLY;
	const struct lm_file_kind *kind = lm_file_kind(f);
	struct stat st;
	int fd, ret;

	if (!kind && !f->mapped)
		return lm_fail(e, LM_REFUSED, "pid %u fd %d: %s: not supported",
			       f->holder.pid, f->holder.fd,
			       f->path ?: f->name ?: "a file of unknown kind");
	if (f->type != LIVEMIG_FILE_REG || !f->path || lm_kind_is_deleted(f))
		return 0;
	if (!f->mapped && !read_only && !r->final)
		return 0;
	if (comes_later(f->path))
		return 0;
	if (lm_restorer_root(r, f) < 0 && !stat(f->path, &st) && lm_kind_is_plain(f, &st))
		return 0;
	fd = lm_restorer_open(r, f, f->path, O_PATH, 0);
	if (fd < 0)
		return lm_kind_no_file(f->path, e);
	/* Of a tmpfs that is not filled yet. */
	ret = lm_restorer_root(r, f) >= 0 && !r->final ? 0 : lm_kind_same(f, fd, e);
	close(fd);
	return ret;
}

/* Is @id that of an earlier one of @m's processes, too? Then @other is it. */
static int seen(struct lm_ids *ids, const struct lm_model *m, uint32_t id, size_t at,
		const struct lm_process **other, struct lm_error *e)
{
	long was = lm_ids_get(ids, id);

	if (was >= 0)
		*other = m->procs[was];
	else if (lm_ids_put(ids, id, at))
		return lm_fail(e, LM_FAILED, "out of memory");
	return was >= 0;
}

/* Processes that have ended have nothing to share. A working directory and a table of
 * open files are shared by being born with them.
 */
static int check_shared(const struct lm_model *m, struct lm_error *e)
{
	struct lm_ids mms = { 0 }, files = { 0 }, fs = { 0 };
	const struct lm_process *p = NULL, *other = NULL;
	const char *what = NULL;
	int ret = 0;

	for (size_t i = 0; i < m->nr_procs && !ret; i++) {
		p = m->procs[i];
		if (!p->mm)
			continue;
		what = "their memory";
		ret = seen(&mms, m, p->mm_id, i, &other, e);
		if (!ret && !lm_model_shares_files(m, p)) {
			what = "their table of open files";
			ret = seen(&files, m, p->files_id, i, &other, e);
		}
		if (!ret && !lm_model_shares_fs(m, p)) {
			what = "their working directory";
			ret = seen(&fs, m, p->fs_id, i, &other, e);
		}
	}
	lm_ids_free(&mms);
	lm_ids_free(&files);
	lm_ids_free(&fs);
	return ret <= 0 ? ret :
	       lm_fail(e, LM_REFUSED, "pids %u and %u share %s: not supported",
		       other->pid, p->pid, what);
}

static int check_clocks(struct lm_error *e)
{
	if (!access("/proc/self/ns/time", F_OK))
		return 0;
	return lm_fail(e, LM_REFUSED,
		       "this kernel has no time namespaces (CONFIG_TIME_NS): the clocks of the container would jump");
}

int lm_check_model(struct lm_restorer *r, struct lm_error *e)
{
	if (r->m.nr_refusals) {
		char text[512];

		lm_refusal_text(&r->m.refusals[0], text, sizeof(text));
		if (r->final)
			return lm_fail(e, LM_REFUSED, "%s", text);
	}
	if (!r->m.nr_procs)
		return lm_fail(e, LM_REFUSED, "no process in it");
	for (size_t i = 0; i < r->m.nr_procs; i++)
		if (lm_model_pdeath(&r->m, r->m.procs[i]))
			return lm_fail(e, LM_REFUSED, "pid %u: " LM_PDEATH_LOST,
				       r->m.procs[i]->pid);
	if (r->m.nr_netns > 1)
		return lm_fail(e, LM_REFUSED, "%zu network namespaces: not supported",
			       r->m.nr_netns);
	if (check_shared(&r->m, e))
		return -1;
	if (r->final && (lm_seccomp_check(r, e) ||
			 lm_ipc_check_attached(&r->m, NULL, e)))
		return -1;
	return lm_check_lacks(r, e) || lm_prctl_check(&r->m, e) ||
	       lm_numa_check(&r->m, e) || check_pids(r, e) || check_clocks(e) ? -1 : 0;
}

int lm_check_files(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->m.nr_file; i++)
		if (check_file(r, r->m.file[i], e))
			return -1;
	for (size_t i = 0; i < r->m.nr_procs; i++)
		if (check_dirs(r, r->m.procs[i], e))
			return -1;
	return 0;
}
