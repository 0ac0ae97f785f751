// SPDX-License-Identifier: LGPL-2.1-or-later
/* Open addressing; never more than half full. Nothing is ever taken out. */
#include <stdlib.h>
#include <string.h>

#include "ids.h"

static struct lm_id_slot *find(const struct lm_ids *t, uint32_t id)
{
	size_t i = (id * 0x9e3779b1u) & (t->cap - 1);

	while (t->slot[i].at && t->slot[i].id != id)
		i = (i + 1) & (t->cap - 1);
	return &t->slot[i];
}

long lm_ids_get(const struct lm_ids *t, uint32_t id)
{
	return t->cap ? (long)find(t, id)->at - 1 : -1;
}

static int grow(struct lm_ids *t)
{
	struct lm_ids big = { .nr = t->nr, .cap = t->cap ? 2 * t->cap : 16 };

	big.slot = calloc(big.cap, sizeof(*big.slot));
	if (!big.slot)
		return -1;
	for (size_t i = 0; i < t->cap; i++)
		if (t->slot[i].at)
			*find(&big, t->slot[i].id) = t->slot[i];
	free(t->slot);
	*t = big;
	return 0;
}

int lm_ids_put(struct lm_ids *t, uint32_t id, size_t index)
{
	if (index >= UINT32_MAX || (t->nr >= t->cap / 2 && grow(t)))
		return -1;
	*find(t, id) = (struct lm_id_slot){ id, index + 1 };
	t->nr++;
	return 0;
}

void lm_ids_free(struct lm_ids *t)
{
	free(t->slot);
	memset(t, 0, sizeof(*t));
}
