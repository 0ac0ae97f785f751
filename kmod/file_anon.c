// SPDX-License-Identifier: GPL-2.0
/*
 * Anonymous files of system calls (eventfd, epoll, timerfd, signalfd, ...):
 * known by the name that the kernel gives them. Their state is private; the
 * text that they show in fdinfo has all of it.
 *
 * Locking: none of its own. show_fdinfo() may take the file's locks and sleep.
 */
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include "file_kinds.h"
#include "state.h"
#include "wrapper/file_state.h"

#define FDINFO_MIN	4096
#define FDINFO_MAX	(4U << 20)
/* What one FILE object carries of it; the rest follows in further ones. */
#define FDINFO_PIECE	16384

/**
 * lm_anon_name - what the kernel calls an anonymous file
 * @f: any file
 *
 * Return: "[eventfd]", ...; "" for a file of another kind.
 */
const char *lm_anon_name(struct file *f)
{
	if (file_inode(f)->i_sb->s_magic != ANON_INODE_FS_MAGIC)
		return "";
	return f->f_path.dentry->d_name.name;
}

/**
 * lm_fdinfo_text - what a file shows of itself
 * @f: the file
 * @show: writes it; NULL: the file's own show_fdinfo()
 * @text: set to the text, terminated, to be freed by kvfree()
 *
 * Sleeps.
 * Return: its length, or -ENOMEM, -EFBIG.
 */
ssize_t lm_fdinfo_text(struct file *f, lm_show_t show, char **text)
{
	struct seq_file m = { .file = f };
	size_t size;

	mutex_init(&m.lock);
	if (!show)
		show = f->f_op->show_fdinfo;
	for (size = FDINFO_MIN; size <= FDINFO_MAX; size *= 4) {
		m.buf = kvmalloc(size, GFP_KERNEL);
		if (!m.buf)
			return -ENOMEM;
		m.size = size;
		m.count = 0;
		show(&m, f);
		if (!seq_has_overflowed(&m)) {	/* so there is room for a NUL */
			m.buf[m.count] = '\0';
			*text = m.buf;
			return m.count;
		}
		kvfree(m.buf);
	}
	return -EFBIG;
}

/* Length of the next piece of @text, whole lines. */
static size_t piece_of(const char *text, size_t len)
{
	size_t n = len;

	if (n <= FDINFO_PIECE)
		return n;
	for (n = FDINFO_PIECE; n && text[n - 1] != '\n'; n--)
		;
	return n ?: FDINFO_PIECE;
}

static int put_piece(struct sk_buff *obj, const char *text, size_t len)
{
	struct nlattr *nla = nla_reserve(obj, LIVEMIG_FILE_A_FDINFO, len + 1);

	if (!nla)
		return -EMSGSIZE;
	memcpy(nla_data(nla), text, len);
	((char *)nla_data(nla))[len] = '\0';
	return 0;
}

/* All but the first piece, which is in the FILE object itself. */
static int put_rest(struct lm_dump *d, u32 file_id, u32 type, const char *text,
		    size_t len)
{
	size_t n = piece_of(text, len);

	while ((text += n, len -= n)) {
		struct sk_buff *obj = lm_obj_begin(d, LIVEMIG_OBJ_FILE);

		if (!obj)
			return -ENOMEM;
		n = piece_of(text, len);
		if (nla_put_u32(obj, LIVEMIG_FILE_A_ID, file_id) ||
		    nla_put_u32(obj, LIVEMIG_FILE_A_TYPE, type) ||
		    put_piece(obj, text, n)) {
			kfree_skb(obj);
			return -EMSGSIZE;
		}
		lm_obj_end(d, obj);
	}
	return 0;
}

/**
 * lm_put_text - add the first piece of a file's text to its FILE object
 * @obj: the object under construction
 * @f: the file
 * @show: as for lm_fdinfo_text()
 *
 * Sleeps.
 * Return: 0, -ENOMEM, -EFBIG or -EMSGSIZE.
 */
int lm_put_text(struct sk_buff *obj, struct file *f, lm_show_t show)
{
	char *text;
	ssize_t len = lm_fdinfo_text(f, show, &text);
	int err;

	if (len < 0)
		return len;
	err = put_piece(obj, text, piece_of(text, len));
	kvfree(text);
	return err;
}

/**
 * lm_put_more_text - queue what did not fit into the FILE object
 * @d: the dump
 * @f: the file
 * @file_id: its number
 * @type: its type
 * @show: as for lm_fdinfo_text()
 *
 * Sleeps.
 * Return: 0, -ENOMEM, -EFBIG or -EMSGSIZE.
 */
int lm_put_more_text(struct lm_dump *d, struct file *f, u32 file_id, u32 type,
		     lm_show_t show)
{
	char *text;
	ssize_t len = lm_fdinfo_text(f, show, &text);
	int err;

	if (len < 0)
		return len;
	err = put_rest(d, file_id, type, text, len);
	kvfree(text);
	return err;
}

static int dump_fdinfo(struct lm_dump *d, struct task_struct *t, int fd,
		       struct file *f, struct sk_buff *obj)
{
	return lm_put_text(obj, f, NULL);
}

#define ANON_KIND(kind, id, label)					\
static bool is_##kind(struct file *f)					\
{									\
	return !strcmp(lm_anon_name(f), label);				\
}									\
static int more_of_##kind(struct lm_dump *d, struct task_struct *t,	\
			  int fd, struct file *f, u32 file_id)		\
{									\
	return lm_put_more_text(d, f, file_id, LIVEMIG_FILE_##id, NULL);\
}									\
const struct lm_file_kind lm_file_##kind = {				\
	.name = #kind,							\
	.type = LIVEMIG_FILE_##id,					\
	.match = is_##kind,						\
	.dump = dump_fdinfo,						\
	.dump_data = more_of_##kind,					\
}

ANON_KIND(epoll, EPOLL, "[eventpoll]");
ANON_KIND(signalfd, SIGNALFD, "[signalfd]");

static bool is_timerfd(struct file *f)
{
	return !strcmp(lm_anon_name(f), "[timerfd]");
}

/* What remains, and then what time it was: a timer may be set to a time of day. */
static void show_timerfd(struct seq_file *m, struct file *f)
{
	struct timespec64 now;

	f->f_op->show_fdinfo(m, f);
	ktime_get_real_ts64(&now);
	seq_printf(m, "realtime: (%lld, %ld)\n", (long long)now.tv_sec, now.tv_nsec);
}

static int dump_timerfd(struct lm_dump *d, struct task_struct *t, int fd,
			struct file *f, struct sk_buff *obj)
{
	return lm_put_text(obj, f, show_timerfd);
}

const struct lm_file_kind lm_file_timerfd = {
	.name = "timerfd",
	.type = LIVEMIG_FILE_TIMERFD,
	.match = is_timerfd,
	.dump = dump_timerfd,
};

/* A file system of their own from 6.9 on. */
static bool is_pidfd(struct file *f)
{
	return !strcmp(lm_anon_name(f), "[pidfd]") ||
	       !strcmp(file_inode(f)->i_sb->s_type->name, "pidfs");
}

/* That of a process which has ended, and was waited for, is like any other. */
static const char *pidfd_unsupported(struct lm_dump *d, struct file *f,
				     bool *transient)
{
	struct pid *pid = lm_pidfd_pid(f);

	if (f->f_flags & O_EXCL ||
	    (pid_has_task(pid, PIDTYPE_PID) && !pid_has_task(pid, PIDTYPE_TGID)))
		return "pidfd of a thread";
	return NULL;
}

/* Not from its show_fdinfo(), which asks the reader's /proc for its pids; but -1
 * for none, as there.
 */
static int dump_pidfd(struct lm_dump *d, struct task_struct *t, int fd,
		      struct file *f, struct sk_buff *obj)
{
	struct pid *pid = lm_pidfd_pid(f);
	char text[32];

	snprintf(text, sizeof(text), "Pid:\t%d\n",
		 pid_has_task(pid, PIDTYPE_PID) ? pid_nr_ns(pid, d->pid_ns) : -1);
	return nla_put_string(obj, LIVEMIG_FILE_A_FDINFO, text);
}

const struct lm_file_kind lm_file_pidfd = {
	.name = "pidfd",
	.type = LIVEMIG_FILE_PIDFD,
	.match = is_pidfd,
	.dump = dump_pidfd,
	.unsupported = pidfd_unsupported,
};

static bool is_anything(struct file *f)
{
	return true;
}

static const char *unknown_unsupported(struct lm_dump *d, struct file *f,
				       bool *transient)
{
	static const struct {
		const char *start, *what;
	} known[] = {
		{ "[fanotify]", "fanotify" },
		{ "[perf_event]", "perf event" },
		{ "[io_uring]", "io_uring" },
		{ "[userfaultfd]", "userfaultfd" },
		{ "bpf", "bpf" },
		{ "btf", "bpf" },
		{ "kvm", "KVM" },
	};
	const char *name = lm_anon_name(f);
	int i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strncmp(name, known[i].start, strlen(known[i].start)))
			return known[i].what;
	if (S_ISBLK(file_inode(f)->i_mode))
		return "block device";
	if (file_inode(f)->i_sb->s_magic == NSFS_MAGIC)
		return "descriptor of a namespace";
	if (!strcmp(file_inode(f)->i_sb->s_type->name, "secretmem"))
		return "secret memory (memfd_secret)";
	return *name ? name : "file of an unknown kind";
}

const struct lm_file_kind lm_file_unknown = {
	.name = "unknown",
	.type = LIVEMIG_FILE_UNKNOWN,
	.match = is_anything,
	.unsupported = unknown_unsupported,
};
