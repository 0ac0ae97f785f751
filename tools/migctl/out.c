// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/livemig.h>

#include "nl.h"
#include "out.h"

bool out_json;

static bool progress_shown;

static int print(json_t *j, void (*text)(const json_t *j), size_t flags,
		 struct lm_error *e)
{
	if (!j)
		return lm_fail(e, LM_FAILED, "out of memory");
	if (!out_json)
		text(j);
	else if (!json_dumpf(j, stdout, flags | JSON_ENCODE_ANY))
		putchar('\n');
	json_decref(j);
	return 0;
}

int out(json_t *j, void (*text)(const json_t *j), struct lm_error *e)
{
	progress_end();
	return print(j, text, JSON_INDENT(2), e);
}

int out_line(json_t *j, void (*text)(const json_t *j), struct lm_error *e)
{
	if (print(j, text, JSON_COMPACT, e))
		return -1;
	if (fflush(stdout))
		return lm_fail_errno(e, LM_FAILED, "standard output");
	return 0;
}

static void version_text(const json_t *j)
{
	printf("migctl %s (protocol %u)\n", out_get(j, "version"),
	       (unsigned int)out_num(j, "protocol"));
}

int out_version(void)
{
	return out(json_pack("{s:s, s:i}", "version", LIVEMIG_VERSION,
			     "protocol", LIVEMIG_PROTOCOL), version_text, NULL);
}

void out_refused(const char *line, void *arg)
{
	fprintf(stderr, "migctl: %s\n", line);
}

int out_end(struct lm_error *e)
{
	json_t *msg;

	progress_end();
	/* A full disk behind stdout is a failure, too. */
	if (!e->code && (fflush(stdout) || ferror(stdout)))
		lm_fail_errno(e, LM_FAILED, "standard output");
	if (!e->code)
		return 0;
	fprintf(stderr, "migctl: %s\n", e->msg);
	if (e->code == LM_USAGE)
		fputs("migctl: 'migctl --help' tells more\n", stderr);
	if (out_json) {
		msg = json_pack("{s:{s:i, s:o}}", "error", "code", (int)e->code,
				"message", out_str(e->msg));
		if (msg && !json_dumpf(msg, stdout, JSON_COMPACT))
			putchar('\n');
		json_decref(msg);
	}
	return e->code;
}

/* Bytes of the UTF-8 character at @s that may stand as they are; 0: none. */
static size_t plain(const unsigned char *s)
{
	size_t n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 :
		   *s >= 0xf0 && *s < 0xf5 ? 4 : 0;
	json_t *test;

	if (n == 1)
		return *s >= 0x20 && *s != 0x7f && *s != '\\';
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* (surrogates and overlong forms: jansson knows) */
	test = n ? json_stringn((const char *)s, n) : NULL;
	json_decref(test);
	return test ? n : 0;
}

json_t *out_str(const char *s)
{
	char *buf, *to;
	json_t *j;

	if (!s)
		return json_null();
	buf = to = malloc(4 * strlen(s) + 1);
	if (!buf)
		return NULL;
	while (*s) {
		size_t n = plain((const unsigned char *)s);

		if (n) {
			memcpy(to, s, n);
			to += n;
			s += n;
		} else {
			to += sprintf(to, *s == '\\' ? "\\\\" : "\\x%02x", (unsigned char)*s);
			s++;
		}
	}
	j = json_stringn(buf, to - buf);
	free(buf);
	return j;
}

json_t *out_hex(const void *data, size_t len)
{
	const unsigned char *p = data;
	char buf[2 * 64 + 1] = "";

	for (size_t i = 0; i < len && i < 64; i++)
		sprintf(buf + 2 * i, "%02x", p[i]);
	return json_string(buf);
}

json_t *out_id(uint64_t id)
{
	return json_sprintf("%016llx", (unsigned long long)id);
}

const char *out_get(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

uint64_t out_num(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static char *buffer(size_t *size)
{
	static char bufs[8][32];
	static unsigned int next;

	*size = sizeof(bufs[0]);
	return bufs[next++ % 8];
}

const char *out_bytes(uint64_t bytes)
{
	static const char *const unit[] = { "kB", "MB", "GB", "TB" };
	double v = bytes / 1000.0;
	size_t size, i = 0;
	char *buf = buffer(&size);

	while (v >= 999.95 && i < 3) {
		v /= 1000;
		i++;
	}
	if (bytes < 1000)
		snprintf(buf, size, "%u B", (unsigned int)bytes);
	else
		snprintf(buf, size, "%.1f %s", v, unit[i]);
	return buf;
}

const char *out_ns(uint64_t ns)
{
	size_t size;
	char *buf = buffer(&size);

	if (ns < 1000000000)
		snprintf(buf, size, "%.1f ms", ns / 1e6);
	else
		snprintf(buf, size, "%.2f s", ns / 1e9);
	return buf;
}

void progress(const char *fmt, ...)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	va_list ap;

	/* Whoever stops their terminal (^S) does not stop us. */
	if (!isatty(STDERR_FILENO) || poll(&p, 1, 0) <= 0)
		return;
	fputs("\r\033[K", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fflush(stderr);
	progress_shown = true;
}

void progress_round(const char *verb, unsigned int nr, const struct lm_stats *st, uint64_t ns,
		    uint64_t left, double stop_ms)
{
	progress("%s: round %u: %llu pages, %s, %.0f pages/s dirty, would stop for %.0f ms",
		 verb, nr, (unsigned long long)st->data, out_bytes(st->bytes),
		 ns ? left / (ns / 1e9) : 0.0, stop_ms);
}

void progress_end(void)
{
	if (progress_shown)
		fputs("\r\033[K", stderr);
	progress_shown = false;
}
