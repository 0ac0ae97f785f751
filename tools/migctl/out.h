/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results: one JSON value each, printed as it is (--json) or as text made of it. */
#ifndef MIGCTL_OUT_H
#define MIGCTL_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <jansson.h>
#include "error.h"

extern bool out_json;		/* --json */

/* Print @j (NULL: out of memory; the reference is taken) with @text, or as JSON.
 * Return: 0 or -1.
 */
int out(json_t *j, void (*text)(const json_t *j), struct lm_error *e);
/* The same for one of many: a line of JSON each, flushed at once. */
int out_line(json_t *j, void (*text)(const json_t *j), struct lm_error *e);
int out_version(void);
/* One of several things that are in the way, of which @e will name the first. */
void out_refused(const char *line, void *arg);
/* Report @e, if there is one. Return: the exit status. */
int out_end(struct lm_error *e);

/* A JSON string out of any bytes: what is not UTF-8 or a control character comes
 * as \xNN. NULL: null.
 */
json_t *out_str(const char *s);
json_t *out_hex(const void *data, size_t len);
/* A 64-bit fingerprint: JSON numbers are too short for it. */
json_t *out_id(uint64_t id);
/* Of an object: "" and 0 when absent. */
const char *out_get(const json_t *j, const char *key);
uint64_t out_num(const json_t *j, const char *key);

/* "1.5 MB", "12.3 ms"; in one of a few static buffers. */
const char *out_bytes(uint64_t bytes);
const char *out_ns(uint64_t ns);

/* One line on stderr that is overwritten, when stderr is a terminal. */
void progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* ... after a round while it runs, which was @st and took @ns. */
struct lm_stats;
void progress_round(const char *verb, unsigned int nr, const struct lm_stats *st, uint64_t ns,
		    uint64_t left, double stop_ms);
void progress_end(void);

#endif
