/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arrays of ranges that ascend. */
#ifndef LM_SEARCH_H
#define LM_SEARCH_H

#include <stddef.h>

/* The number of the first of @n elements of @v that ends (.end) behind @addr; @n: none. */
#define lm_first_behind(v, n, addr) ({						\
	size_t lo_ = 0, hi_ = (n);						\
										\
	while (lo_ < hi_) {							\
		size_t mid_ = (lo_ + hi_) / 2;					\
										\
		if ((v)[mid_].end <= (addr))					\
			lo_ = mid_ + 1;						\
		else								\
			hi_ = mid_;						\
	}									\
	lo_;									\
})

#endif
