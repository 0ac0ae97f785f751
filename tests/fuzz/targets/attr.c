// SPDX-License-Identifier: GPL-2.0-or-later
/* Attributes: the first two bytes are a type of record, the rest its head. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "record.h"
#include "schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct nlattr *tb[48], *a = NULL;
	volatile uint64_t sum = 0;
	const struct lm_schema *s;
	struct lm_model m;
	uint16_t type;
	size_t n, len;
	void *head;

	if (size < 2)
		return 0;
	memcpy(&type, data, 2);
	len = size - 2;
	/* exactly as long as it says, so that one byte too far shows */
	head = malloc(len + !len);
	memcpy(head, data + 2, len);
	lm_model_init(&m);
	s = lm_schema(type);
	if (s && s->attrs)
		lm_schema_check(s, head, len, NULL);
	lm_model_add(&m, type, head, len, NULL);
	lm_model_add(&m, type, head, len, NULL);
	lm_model_finish(&m, NULL);
	lm_model_free(&m);
	while ((a = lm_next(head, len, a)))
		sum += lm_type(a) + lm_len(a);
	if (!lm_parse(head, len, tb, 47, NULL)) {
		for (int i = 0; i < 48; i++) {
			sum += lm_u32(tb[i]) + lm_u64(tb[i]) + !!lm_str(tb[i]);
			if (lm_str(tb[i]))
				sum += strlen(lm_str(tb[i]));
			lm_array(tb[i], 24, &n);
			sum += n;
		}
	}
	free(head);
	return 0;
}
