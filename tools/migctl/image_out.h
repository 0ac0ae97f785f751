/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the image verbs have in common. */
#ifndef MIGCTL_IMAGE_H
#define MIGCTL_IMAGE_H

#include <jansson.h>
#include "image.h"

/* Open @path, read it with lm_image_read(), put @path before errors. */
int image_load(const char *path, const struct lm_image_opts *o, struct lm_image *img,
	       struct lm_error *e);

json_t *image_header_json(const struct lm_image *img);
/* Header, processes, memory, rounds. */
json_t *image_json(const struct lm_image *img);
void image_text(const json_t *j);
/* Attributes by the names of the schema; long binary ones as { "bytes": n }. */
json_t *attrs_json(uint16_t type, const void *attrs, size_t len);

#endif
