# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzz targets: LLVMFuzzerTestOneInput() of each file in targets/. With gcc they
# are driven by driver.c, the same way every time; with FUZZ_CC=clang by libFuzzer.

FUZZ_CC  ?= $(CC)
FUZZ     := $(patsubst tests/fuzz/targets/%.c,%,$(wildcard tests/fuzz/targets/*.c))
SECONDS  ?= 20
FUZZ_SAN := address,undefined
FUZZ_SRC  = $(wildcard tools/lib/*.c tools/lib/*/*.c) \
	    $(filter-out tools/migctl/main.c,$(CTL_SRC))
FUZZ_F    = -O1 -g -std=gnu11 -D_GNU_SOURCE -Iuapi -Itools/lib -Itools/migctl \
	    -fno-sanitize-recover=all

ifneq ($(findstring clang,$(FUZZ_CC)),)
FUZZ_LIB  = -fsanitize=$(FUZZ_SAN),fuzzer-no-link
FUZZ_MAIN = -fsanitize=$(FUZZ_SAN),fuzzer
else
FUZZ_LIB  = -fsanitize=$(FUZZ_SAN)
FUZZ_MAIN = -fsanitize=$(FUZZ_SAN) tests/fuzz/driver.c
endif

$(B)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(call short,CC      ,$@)
	$(Q)$(FUZZ_CC) $(FUZZ_F) $(FUZZ_LIB) -MMD -MP -c -o $@ $<

FUZZ_OBJ  = $(FUZZ_SRC:%.c=$(B)/fuzz/%.o)

.SECONDEXPANSION:
$(B)/fuzz/%: tests/fuzz/targets/%.c tests/fuzz/driver.c $$(FUZZ_OBJ)
	$(call short,LD      ,$@)
	$(Q)$(FUZZ_CC) $(FUZZ_F) $(FUZZ_MAIN) -o $@ $< $(FUZZ_OBJ) $(TLIBS)

-include $(FUZZ_OBJ:.o=.d)
.SECONDARY: $(FUZZ_OBJ)

# Every target for SECONDS; a finding stays in build/fuzz/crash-*.
fuzz: $(FUZZ:%=$(B)/fuzz/%)
	tests/fuzz/run $(B)/fuzz $(SECONDS)

.PHONY: fuzz
