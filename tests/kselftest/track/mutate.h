/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that change their memory in every way at once. */
#ifndef MUTATE_H
#define MUTATE_H

#include <stdbool.h>
#include <stdint.h>

/* ANON_GB: the beginning of a gigabyte of huge pages, there with M_REMAP. */
enum region_kind { ANON, ANON_THP, ANON_GB, FILE_PRIVATE, SHARED };

struct region {
	const char *name;
	unsigned long addr, len;
	enum region_kind kind;
};

extern const struct region regions[];
extern const int nr_regions;

/* What goes on. */
enum {
	M_WRITE		= 1 << 0,	/* three writers, everywhere */
	M_CHURN		= 1 << 1,	/* mmap, DONTNEED, mprotect in one region */
	M_MPROT		= 1 << 2,	/* PROT_READ on and off */
	M_SHARED	= 1 << 3,	/* writes and reads of a shared region */
	M_ZAP		= 1 << 4,	/* and DONTNEED there */
	M_FORK		= 1 << 5,	/* children come and go */
	M_REMAP		= 1 << 6,	/* tables move over one another */
	M_SWAP		= 1 << 7,	/* pages are swapped out */
	M_TIGHT		= 1 << 8,	/* one CPU, 64 pages, no system call */
};

/* Called once, before the fork: maps the shared regions, makes the file. */
void mutate_prepare(void);
/* In the container; @arg is struct mutator. Never returns. */
struct mutator {
	unsigned int seed, what;
	volatile int *ready;
};
void mutate(void *arg);

/* The first word of shared region @r. */
uint64_t region_tag(const struct region *r);
/* What is below a private page of @r that was never written. */
const char *region_below(const struct region *r, unsigned long off);

#endif
