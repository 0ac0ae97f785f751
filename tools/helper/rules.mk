# SPDX-License-Identifier: GPL-2.0-or-later
# The restore helper, at two addresses: the second is for containers that use
# the first. Addresses as in tools/lib/helper_proto.h.

HELPER_CFLAGS := -O2 -std=gnu11 $(WARN) -Iuapi -Itools/lib -ffreestanding -fPIE \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
	-mgeneral-regs-only -fno-tree-loop-distribute-patterns -MMD -MP
HELPER_LDFLAGS := -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack \
	-Wl,-z,norelro -Wl,-z,max-page-size=4096

tools: $(B)/livemig-helper $(B)/livemig-helper-alt

$(B)/tools/helper/helper.o: tools/helper/helper.c
	@mkdir -p $(@D)
	$(call short,CC      ,$@)
	$(Q)$(CC) $(HELPER_CFLAGS) -c -o $@ $<

$(B)/livemig-helper: $(B)/tools/helper/helper.o
	$(call short,LD      ,$@)
	$(Q)$(CC) $(HELPER_LDFLAGS) -Wl,-Ttext-segment=0x200000000000 -o $@ $<

$(B)/livemig-helper-alt: $(B)/tools/helper/helper.o
	$(call short,LD      ,$@)
	$(Q)$(CC) $(HELPER_LDFLAGS) -Wl,-Ttext-segment=0x300000000000 -o $@ $<

-include $(B)/tools/helper/helper.d
