// SPDX-License-Identifier: GPL-2.0-or-later
/* The JSON value of an image as text. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "image_out.h"
#include "out.h"

static void header_text(const json_t *h)
{
	time_t when = out_num(h, "time");
	char date[32] = "?";
	struct tm tm;

	if (localtime_r(&when, &tm))
		strftime(date, sizeof(date), "%F %T", &tm);
	printf("image     %s\n", out_get(h, "id"));
	if (*out_get(h, "parent"))
		printf("parent    %s\n", out_get(h, "parent"));
	printf("of        %s on %s, Linux %s %s, %s\n", out_get(h, "name"),
	       out_get(h, "host"), out_get(h, "kernel"), out_get(h, "arch"), date);
}

/* One line each: this is what people look for in an image. */
static void fds_text(const json_t *fds, int depth)
{
	const json_t *fd;
	size_t i;

	json_array_foreach(fds, i, fd)
		printf("%*sfd %llu %s %s\n", 12 + 2 * depth, "",
		       (unsigned long long)out_num(fd, "fd"), out_get(fd, "type"),
		       out_get(fd, "path"));
}

static void tree_text(const json_t *procs, int depth)
{
	const json_t *p, *threads;
	size_t i;

	json_array_foreach(procs, i, p) {
		threads = json_object_get(p, "threads");
		printf("%*spid %llu %s", 10 + 2 * depth, "",
		       (unsigned long long)out_num(p, "pid"),
		       out_get(json_array_get(threads, 0), "comm"));
		if (json_is_true(json_object_get(p, "zombie")))
			printf(" (zombie)");
		else
			printf(" (%s), %zu thread%s", out_get(p, "exe"),
			       json_array_size(threads),
			       json_array_size(threads) == 1 ? "" : "s");
		putchar('\n');
		fds_text(json_object_get(p, "fds"), depth);
		tree_text(json_object_get(p, "children"), depth + 1);
	}
}

void image_text(const json_t *j)
{
	const json_t *v;
	size_t i;

	header_text(json_object_get(j, "header"));
	printf("size      %s, %llu records\n", out_bytes(out_num(j, "bytes")),
	       (unsigned long long)out_num(j, "records"));
	puts("processes");
	tree_text(json_object_get(j, "processes"), 0);
	puts("memory");
	json_array_foreach(json_object_get(j, "memory"), i, v)
		printf("          %-22s %5llu mappings %12s\n", out_get(v, "kind"),
		       (unsigned long long)out_num(v, "mappings"),
		       out_bytes(out_num(v, "bytes")));
	puts("rounds");
	json_array_foreach(json_object_get(j, "rounds"), i, v)
		printf("          %llu%s: %llu pages of data, %llu of zeros, %llu gone, %s in %s\n",
		       (unsigned long long)out_num(v, "round"),
		       json_is_true(json_object_get(v, "final")) ? " (final)" : "",
		       (unsigned long long)out_num(v, "data"),
		       (unsigned long long)out_num(v, "zero"),
		       (unsigned long long)out_num(v, "hole"),
		       out_bytes(out_num(v, "bytes")), out_ns(out_num(v, "ns")));
}
