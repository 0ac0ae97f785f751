/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arrays that elements are added to. */
#ifndef LM_GROW_H
#define LM_GROW_H

#include <stdlib.h>

/*
 * Room for one more element of @size behind the @n of *@array. It grows when their
 * number is a power of two, so nobody keeps how much room there is: nothing else may
 * change its size. Return: 0; -1: no memory, all is as it was.
 */
static inline int lm_grow(void *array, size_t n, size_t size)
{
	void **a = array, *p;

	if (n & (n - 1))
		return 0;
	p = reallocarray(*a, n ? 2 * n : 1, size);
	if (!p)
		return -1;
	*a = p;
	return 0;
}

#endif
