#include "lm.h"
const struct test tests_mm[] = { {} };
