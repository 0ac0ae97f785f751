/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the program snapshot share. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <dirent.h>
#include <stddef.h>
#include <stdio.h>

#define MAX_PIDS 4096

struct task {
	char pid[16];		/* here */
	int inner;		/* in the outermost pid namespace but the host's */
	int has_sockets;
};

/* main.c: the container, and what was told before the move, if it is after one. */
extern struct task tasks[MAX_PIDS];
extern int nr_tasks;
extern const char *before;
/* The how manieth it is, from 1 on; 0: none of the container's. */
int nth(int pid);

/* known.c: what is not printed. */
#define LOST "(deleted, and its name lost)"
int is_known(const char *file, const char *name);
void print_known(void);

/* text.c: files of /proc, and the pids in them. */
/* All of them are in pid namespaces of their own: the outermost pids are others after
 * a move. */
extern int own_pidns;
size_t text(const char *file, char *buf, size_t len);	/* Return: its length */
void whole(const char *file);				/* prints it */
/* The value of a line of a status file, from the first word on; NULL: there is none. */
char *status_line(const char *buf, const char *name);
/* "12 5 1" is "5 1" where the first is the pid outside. */
const char *inner(const char *pids_of);
/* What a pid is in the container. */
const char *known_pid(const char *pid);
int by_number(const struct dirent **a, const struct dirent **b);
int is_number(const struct dirent *d);
int by_text(const void *a, const void *b);

/* Of the process or thread whose directory in /proc is the current one. */
/* files.c */
int link_of(const char *file);		/* Return: it is a socket */
int is_lost(const char *file, const char *name);
int was_lost(const char *start);
void fds(struct task *t);
/* maps.c */
void mappings(void);
/* mounts.c */
void mounts(void);

/* process.c: all of one. */
void process(struct task *t);

/* ss.c: of all of them. */
void sockets(void);

#endif
