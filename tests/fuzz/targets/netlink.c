// SPDX-License-Identifier: GPL-2.0-or-later
/* Replies of the kernel: the first byte chooses the request. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nl_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int kind;
static struct lm_task_dump dump;

static int on_object(uint16_t type, const void *attrs, size_t len, void *arg,
		     struct lm_error *e)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += ((const uint8_t *)attrs)[i];
	return 0;
}

static int on_answer(uint8_t cmd, const void *attrs, size_t len, void *arg,
		     struct lm_error *e)
{
	struct lm_session_info s = { 0 };
	struct lm_info info = { 0 };
	struct lm_event ev;
	uint32_t group = 0;
	uint16_t id = 0;

	switch (kind % 5) {
	case 0:
		return lm_parse_info(attrs, len, &info, e);
	case 1:
		return lm_parse_session(attrs, len, &s, e);
	case 2:
		return lm_parse_event(attrs, len, &ev, e);
	case 3:
		return lm_parse_family(attrs, len, &id, &group, e);
	default:
		return lm_parse_task(&dump, attrs, len, e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_reply r = { .family = 16, .seq = 1, .answer = on_answer, .what = "fuzz" };
	struct lm_error e = { 0 };
	void *copy;

	if (!size)
		return 0;
	kind = data[0];
	dump = (struct lm_task_dump){ .cb = on_object };
	copy = malloc(size);
	memcpy(copy, data + 1, size - 1);
	if (lm_reply_parse(&r, copy, size - 1, &e) < 0 && !e.code)
		abort();
	free(copy);
	return 0;
}
