// SPDX-License-Identifier: GPL-2.0-or-later
/* image show, verify and list */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "image_out.h"
#include "out.h"
#include "schema.h"

static bool records;

static int open_image(const char *path, struct lm_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return lm_fail_errno(e, LM_REFUSED, "%s", path);
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return lm_fail(e, LM_REFUSED, "%s: not a regular file", path);
}

int image_load(const char *path, const struct lm_image_opts *o, struct lm_image *img,
	       struct lm_error *e)
{
	int ret, fd;

	memset(img, 0, sizeof(*img));
	fd = open_image(path, e);
	if (fd < 0)
		return -1;
	ret = lm_image_read(img, fd, o, e);
	close(fd);
	return ret ? lm_prefix(e, "%s", path) : 0;
}

/* ---- verify ---- */

static void verify_text(const json_t *j)
{
	printf("%s: good: %llu records, %s, %llu pages of data\n", out_get(j, "image"),
	       (unsigned long long)out_num(j, "records"), out_bytes(out_num(j, "bytes")),
	       (unsigned long long)out_num(j, "data"));
}

static int run_verify(int argc, char **argv, struct lm_error *e)
{
	struct lm_image_opts o = { 0 };
	struct lm_image img;
	uint64_t data = 0;
	int ret;

	ret = image_load(argv[0], &o, &img, e);
	for (size_t i = 0; i < img.nr_rounds; i++)
		data += img.rounds[i].data;
	if (!ret)
		ret = out(json_pack("{s:o, s:b, s:I, s:I, s:I, s:I}",
				    "image", out_str(argv[0]), "ok", 1,
				    "records", (json_int_t)img.records,
				    "bytes", (json_int_t)img.bytes,
				    "rounds", (json_int_t)img.nr_rounds,
				    "data", (json_int_t)data), verify_text, e);
	lm_image_free(&img);
	return ret;
}

MIGCTL_CMD(cmd_image_verify) = {
	.name = "image verify",
	.args = "IMAGE",
	.summary = "read all of an image and check it",
	.help = "Checks sequence and checksums of all records, the hash of every page, the\n"
		"counts, and that the state they describe is complete and consistent.\n",
	.min_args = 1,
	.max_args = 1,
	.run = run_verify,
};

/* ---- show ---- */

static json_t *pages_json(const struct lm_record *r)
{
	const struct livemig_page_entry *entries;
	const struct livemig_pages *p;
	uint32_t n;

	if (lm_pages_check(r, &p, &entries, &n, NULL))
		return json_object();
	return json_pack("{s:s, s:I, s:I, s:I, s:I}",
			 "space", p->space == LIVEMIG_PAGES_SPACE_MM ? "mm" : "shmem",
			 "id", (json_int_t)p->id, "round", (json_int_t)p->round,
			 "entries", (json_int_t)n,
			 "first", (json_int_t)(entries[0].addr & -4096ULL));
}

static int list_record(const struct lm_in *in, const struct lm_record *r, void *arg)
{
	const struct lm_schema *s = lm_schema(r->type);
	json_t *what;

	if (r->type == LIVEMIG_OBJ_PAGES)
		what = pages_json(r);
	else if (s && s->attrs && !lm_schema_check(s, r->head, r->head_len, NULL))
		what = attrs_json(r->type, r->head, r->head_len);
	else
		what = json_object();
	return json_array_append_new(arg, json_pack("{s:I, s:I, s:s, s:I, s:I, s:o}",
		"record", (json_int_t)in->records, "offset", (json_int_t)in->start,
		"type", s ? s->name : "?", "head", (json_int_t)r->head_len,
		"payload", (json_int_t)r->payload_len, "attributes", what));
}

static void show_text(const json_t *j)
{
	const json_t *r;
	size_t i;

	if (!json_object_get(j, "list"))
		return image_text(j);
	puts("  record       offset   head   payload  type");
	json_array_foreach(json_object_get(j, "list"), i, r)
		printf("%8llu %12llu %6llu %9llu  %s\n",
		       (unsigned long long)out_num(r, "record"),
		       (unsigned long long)out_num(r, "offset"),
		       (unsigned long long)out_num(r, "head"),
		       (unsigned long long)out_num(r, "payload"), out_get(r, "type"));
}

static int run_show(int argc, char **argv, struct lm_error *e)
{
	struct lm_image_opts o = { .no_hashes = true };
	struct lm_error why = { 0 };
	struct lm_image img;
	json_t *list = NULL, *j;
	int ret;

	if (records) {
		list = json_array();
		o.record = list_record;
		o.arg = list;
	}
	ret = image_load(argv[0], &o, &img, &why);
	/* What was readable of a damaged image is worth seeing, record by record. */
	if (!ret || (list && json_array_size(list))) {
		j = !ret ? image_json(&img) : json_object();
		if (list)
			json_object_set(j, "list", list);
		out(j, show_text, e);
	}
	if (ret)
		lm_fail(e, why.code, "%s", why.msg);
	json_decref(list);
	lm_image_free(&img);
	return e->code ? -1 : 0;
}

static const struct opt show_opts[] = {
	{ "records", 'r', OPT_FLAG, NULL, "list the records instead", &records },
	{ 0 }
};

MIGCTL_CMD(cmd_image_show) = {
	.name = "image show",
	.args = "IMAGE",
	.summary = "tell what is in an image",
	.opts = show_opts,
	.min_args = 1,
	.max_args = 1,
	.run = run_show,
};

/* ---- list ---- */

static json_t *entry_json(const char *dir, const char *name)
{
	struct lm_image_opts o = { .header_only = true };
	struct lm_image img;
	char path[PATH_MAX];
	struct stat st;
	json_t *j = NULL;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
	    stat(path, &st) || !S_ISREG(st.st_mode))
		return NULL;
	if (!image_load(path, &o, &img, NULL))
		j = json_pack("{s:o, s:o, s:I}", "image", out_str(path),
			      "header", image_header_json(&img),
			      "bytes", (json_int_t)st.st_size);
	lm_image_free(&img);
	return j;
}

static void list_text(const json_t *j)
{
	const json_t *v;
	size_t i;

	json_array_foreach(j, i, v) {
		const json_t *h = json_object_get(v, "header");

		printf("%s  %9s  %s on %s  %s\n", out_get(h, "id"),
		       out_bytes(out_num(v, "bytes")), out_get(h, "name"),
		       out_get(h, "host"), out_get(v, "image"));
	}
}

static int run_list(int argc, char **argv, struct lm_error *e)
{
	const char *dir = argc ? argv[0] : ".";
	struct dirent **names;
	json_t *list;
	int n;

	n = scandir(dir, &names, NULL, alphasort);
	if (n < 0)
		return lm_fail_errno(e, LM_REFUSED, "%s", dir);
	list = json_array();
	for (int i = 0; i < n; i++) {
		json_t *j = entry_json(dir, names[i]->d_name);

		if (j)
			json_array_append_new(list, j);
		free(names[i]);
	}
	free(names);
	return out(list, list_text, e);
}

MIGCTL_CMD(cmd_image_list) = {
	.name = "image list",
	.args = "[DIR]",
	.summary = "list the images in a directory",
	.max_args = 1,
	.run = run_list,
};
