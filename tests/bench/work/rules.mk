# SPDX-License-Identifier: GPL-2.0-or-later
# The workloads of the benchmark; rounds drives the module by the library.

BENCH_SRC  := $(filter-out tests/bench/work/rounds.c,$(wildcard tests/bench/work/*.c))
BENCH_PROG := $(BENCH_SRC:tests/bench/work/%.c=$(B)/bench/work/%) $(B)/bench/work/rounds
BENCH_CC    = $(CC) -O2 -std=gnu11 $(WARN) -D_GNU_SOURCE

$(B)/bench/work/rounds: tests/bench/work/rounds.c $(B)/liblivemig.a
	@mkdir -p $(@D)
	$(BENCH_CC) -Iuapi -Itools/lib -o $@ $^ $(TLIBS)

$(B)/bench/work/%: tests/bench/work/%.c tests/bench/work/pulse.h
	@mkdir -p $(@D)
	$(BENCH_CC) -o $@ $< -lpthread

bench-programs: $(BENCH_PROG)

bench: setup
	$(MAKE) -j$(shell nproc) tools bench-programs
	tests/vm/kernel build $(or $(KERNEL),6.1)
	tests/bench/run

.PHONY: bench bench-programs
