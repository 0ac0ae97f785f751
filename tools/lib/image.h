/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A whole image: is it one, is it complete, is it undamaged, and what is in it?
 * Nothing is restored here.
 */
#ifndef LM_IMAGE_H
#define LM_IMAGE_H

#include "model.h"
#include "record.h"

struct lm_image_round {
	uint32_t nr;
	bool final;
	uint64_t data, zero, hole;	/* pages */
	uint64_t bytes;			/* of its PAGES records */
	uint64_t ns;			/* that it took */
};

struct lm_image {
	struct lm_obj header;		/* HEADER record, indexed */
	struct lm_image_round *rounds;
	size_t nr_rounds;
	struct lm_model model;		/* of the last round */
	uint64_t records, bytes;
	/* private: */
	bool in_round, pages, ended;
	void *payload;
};

struct lm_image_opts {
	bool header_only;		/* stop after the HEADER record */
	bool no_hashes;			/* skip the pages' bytes */
	/* Called for each record, before it is looked into; may be NULL. */
	int (*record)(const struct lm_in *in, const struct lm_record *r, void *arg);
	void *arg;
};

/* Read the image at @fd's position to its end and check all of it: sequence of
 * records, checksums, hashes of pages, counts, and that the model of the last
 * round is consistent. LM_REFUSED names record and offset of the first thing
 * that is wrong. lm_image_free() in any case.
 */
int lm_image_read(struct lm_image *img, int fd, const struct lm_image_opts *o,
		  struct lm_error *e);
void lm_image_free(struct lm_image *img);

#endif
