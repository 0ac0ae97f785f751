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
#include "file_kinds.h"
#include "state.h"

#define FDINFO_MIN	4096
#define FDINFO_MAX	(4U << 20)
/* What one FILE object carries of it; the rest follows in further ones. */
#define FDINFO_PIECE	16384

static const char *anon_name(struct file *f)
{
	if (file_inode(f)->i_sb->s_magic != ANON_INODE_FS_MAGIC)
		return "";
	return f->f_path.dentry->d_name.name;
}

/* The text that the file shows of itself. Return: its length, *@text to be
 * freed by kvfree(); or -errno.
 */
static ssize_t fdinfo_text(struct file *f, char **text)
{
	struct seq_file m = { .file = f };
	size_t size;

	mutex_init(&m.lock);
	for (size = FDINFO_MIN; size <= FDINFO_MAX; size *= 4) {
		m.buf = kvmalloc(size, GFP_KERNEL);
		if (!m.buf)
			return -ENOMEM;
		m.size = size;
		m.count = 0;
		f->f_op->show_fdinfo(&m, f);
		if (!seq_has_overflowed(&m)) {
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

static int dump_fdinfo(struct lm_dump *d, struct task_struct *t, int fd,
		       struct file *f, struct sk_buff *obj)
{
	char *text;
	ssize_t len = fdinfo_text(f, &text);
	int err;

	if (len < 0)
		return len;
	err = put_piece(obj, text, piece_of(text, len));
	kvfree(text);
	return err;
}

static int dump_more_fdinfo(struct lm_dump *d, struct file *f, u32 file_id,
			    u32 type)
{
	char *text;
	ssize_t len = fdinfo_text(f, &text);
	int err;

	if (len < 0)
		return len;
	err = put_rest(d, file_id, type, text, len);
	kvfree(text);
	return err;
}

#define ANON_KIND(kind, id, label)					\
static bool is_##kind(struct file *f)					\
{									\
	return !strcmp(anon_name(f), label);				\
}									\
static int more_of_##kind(struct lm_dump *d, struct task_struct *t,	\
			  int fd, struct file *f, u32 file_id)		\
{									\
	return dump_more_fdinfo(d, f, file_id, LIVEMIG_FILE_##id);	\
}									\
const struct lm_file_kind lm_file_##kind = {				\
	.name = #kind,							\
	.type = LIVEMIG_FILE_##id,					\
	.match = is_##kind,						\
	.dump = dump_fdinfo,						\
	.dump_data = more_of_##kind,					\
}

ANON_KIND(eventfd, EVENTFD, "[eventfd]");
ANON_KIND(epoll, EPOLL, "[eventpoll]");
ANON_KIND(timerfd, TIMERFD, "[timerfd]");
ANON_KIND(signalfd, SIGNALFD, "[signalfd]");

static bool is_inotify(struct file *f)
{
	return !strcmp(anon_name(f), "inotify");
}

static const char *inotify_unsupported(struct lm_dump *d, struct file *f,
				       bool *transient)
{
	return "inotify";
}

const struct lm_file_kind lm_file_inotify = {
	.name = "inotify",
	.type = LIVEMIG_FILE_INOTIFY,
	.match = is_inotify,
	.unsupported = inotify_unsupported,
};

/* A file system of their own from 6.9 on. */
static bool is_pidfd(struct file *f)
{
	return !strcmp(anon_name(f), "[pidfd]") ||
	       !strcmp(file_inode(f)->i_sb->s_type->name, "pidfs");
}

static const char *pidfd_unsupported(struct lm_dump *d, struct file *f,
				     bool *transient)
{
	return "pidfd";
}

const struct lm_file_kind lm_file_pidfd = {
	.name = "pidfd",
	.type = LIVEMIG_FILE_PIDFD,
	.match = is_pidfd,
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
	const char *name = anon_name(f);
	int i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strncmp(name, known[i].start, strlen(known[i].start)))
			return known[i].what;
	if (S_ISBLK(file_inode(f)->i_mode))
		return "block device";
	if (S_ISLNK(file_inode(f)->i_mode))
		return "descriptor of a symbolic link (O_PATH)";
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
