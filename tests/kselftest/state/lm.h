/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small client of the module for these tests, and the frame of a test. */
#ifndef LM_H
#define LM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <libmnl/libmnl.h>
#include <linux/livemig.h>

/* ---- the client: lm.c ---- */

struct obj {
	uint32_t type;
	const struct nlattr *attrs;
	size_t len;
};

struct dump {
	struct obj *objs;
	int nr;
};

/* A session on a fresh cgroup of its own. All these end the test on failure. */
void lm_begin(void);
void lm_end(void);
extern int lm_cgroup_fd;
extern char lm_cgroup[];
void lm_freeze(void);
void lm_thaw(void);
int lm_try_dump(struct dump *d);
void lm_dump(struct dump *d);
void lm_dump_free(struct dump *d);
uint32_t lm_info_u32(int attr);

const struct nlattr *attr(const struct obj *o, int type);
uint32_t attr_u32(const struct obj *o, int type);
uint64_t attr_u64(const struct obj *o, int type);
const char *attr_str(const struct obj *o, int type);
/* Payload, NULL when absent; *len may be NULL. */
const void *attr_data(const struct obj *o, int type, size_t *len);
/* A nest as an object. */
struct obj attr_nest(const struct obj *o, int type);
/* The first object of @type whose u32 attribute @key is @value. */
const struct obj *find_obj(const struct dump *d, uint32_t type, int key,
			   uint32_t value);
/* The THREAD object of @tid, and the registers in one; both end the test on failure. */
struct user_regs_struct;
const struct obj *thread_obj(const struct dump *d, pid_t tid);
const struct user_regs_struct *thread_regs(const struct obj *t);
/* Is there an UNSUPPORTED object for @pid whose reason starts with @what;
 * @fd -2: any.
 */
const struct obj *find_refusal(const struct dump *d, pid_t pid, int fd,
			       const char *what);
int count_refusals(const struct dump *d);
void show_refusals(const struct dump *d);
/* The FILE object behind a descriptor of a process. */
const struct obj *find_fd(const struct dump *d, pid_t pid, int fd,
			  struct livemig_fd *entry);
/* All bytes of DATA objects of a file and queue, in order. */
size_t gather(const struct dump *d, uint32_t file, uint32_t queue, char *buf,
	      size_t size);

/* ---- tests ---- */

void bail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Returns @ok; remembers the first failure with its place. */
bool check(bool ok, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
#define CHECK(c)	check(c, __FILE__, __LINE__, "%s", #c)
#define CHECK_EQ(a, b) ({						\
	long long a_ = (long long)(a), b_ = (long long)(b);		\
	check(a_ == b_, __FILE__, __LINE__, "%s is %lld (0x%llx), %s is %lld (0x%llx)", \
	      #a, a_, a_, #b, b_, b_); })
#define CHECK_STR(a, b) ({						\
	const char *a_ = (a), *b_ = (b);				\
	check(a_ && b_ && !strcmp(a_, b_), __FILE__, __LINE__,		\
	      "%s is '%s', %s is '%s'", #a, a_ ?: "(absent)", #b, b_ ?: "(absent)"); })

struct test {
	const char *name;
	void (*run)(void);
	const void *arg;
};
extern const void *test_arg;	/* of the one that runs */
/* Ends the test: it cannot be run here. */
void skip(const char *why) __attribute__((noreturn));
#define TESTS(group)	extern const struct test tests_##group[]
TESTS(process);
TESTS(thread);
TESTS(call);
TESTS(mm);
TESTS(file);
TESTS(tcp);
TESTS(unix);
TESTS(refuse);

/*
 * A child in the test's cgroup, a session leader without a terminal. @fn runs
 * in it and calls ready() when everything is set up; then it may do what it
 * likes. spawn() returns after ready(). What the child wants to tell is in
 * `told`, memory shared with the test.
 */
pid_t spawn(void (*fn)(void));
void ready(void);
void kill_child(pid_t pid);
/* Until the child sleeps in system call @nr, or goes on in it. */
void wait_in_call(pid_t pid, long nr);
/* Until the child has used some more of the CPU. */
void wait_running(pid_t pid);
extern union told {
	uint64_t n[64];
	char s[4096];
} *told;

/* A helper that is put outside of the cgroup. */
pid_t spawn_outside(void (*fn)(void));

#endif
