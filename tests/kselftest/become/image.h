/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program made by hand, and the coordinator that restores it. */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>
#include "record.h"
#include "remote.h"

/* Its memory: code, and one slot a thread in memory shared with the test. */
#define CODE_ADDR	0x10000000UL
#define CODE_LEN	0x1000UL
#define OUT_ADDR	0x20000000UL
#define OUT_LEN		0x20000UL
#define SLOT_LEN	0x4000UL
#define MAX_THREADS	8

/* What the code writes into its slot (%r15); code.c has the same numbers. */
struct slot {
	uint64_t reg[16];	/* rax rbx rcx rdx rsi rdi rbp rsp r8..r15 */
	uint64_t flags;		/* 128 */
	uint64_t fs0;		/* 136: the word at %fs:0 */
	uint64_t result;	/* 144: of the system call that was restarted */
	uint64_t signo, sigval, sigsp;	/* 152: the handler's */
	uint64_t done;		/* 176 */
	uint64_t tls;		/* 184: where fs_base points */
	uint64_t resv[8];
	uint8_t ymm[16][32];	/* 256 */
	uint64_t rseq[16] __attribute__((aligned(32)));
	uint64_t robust[3];
	uint64_t timespec[2];
};

/* Offsets into the code page. */
extern const char code_begin[], code_entry[], code_syscall[], code_handler[],
	code_restorer[], code_end[];
#define CODE_AT(label)	(CODE_ADDR + (uint64_t)((label) - code_begin))

struct image {
	int dev;
	int out_fd;
	struct slot *out;	/* by slots of SLOT_LEN */
	struct lm_remote *helper;
	struct lm_error e;
	uint32_t pid;
	int threads;
	uint32_t tid[MAX_THREADS];
	struct user_regs_struct regs[MAX_THREADS];
	uint8_t ymm[MAX_THREADS][16][32];
	uint64_t pending_value;	/* != 0: SIGUSR1 waits in thread 0 */
	struct livemig_restart restart;	/* of thread 0 */
};

struct slot *image_slot(struct image *im, int thread);
/* Make the helper with its memory; @cgroup_fd -1: none. */
int image_begin(struct image *im, int threads, int cgroup_fd);
/* Give the objects to the module. */
int image_add(struct image *im);
/* Threads and leader become. */
int image_become(struct image *im);
int image_wait(struct image *im, struct livemig_ioc_wait *w);
int image_serve(struct image *im);
/* Everything, up to READY. */
int image_ready(struct image *im, int threads, int cgroup_fd);
bool image_done(struct image *im, int ms);	/* all slots are written */
void image_end(struct image *im);		/* kills what is left */

/* The attributes of one object, for the tests of wrong ones. */
void put_thread(struct lm_buf *b, struct image *im, int thread);
void put_process(struct lm_buf *b, struct image *im);
void put_mm(struct lm_buf *b);
int add(struct image *im, uint32_t type, struct lm_buf *b, char *why); /* frees @b */

extern size_t xstate_len;
void xstate_learn(void);
void sleep_ms(int ms);
bool gone(uint32_t pid);

#endif
