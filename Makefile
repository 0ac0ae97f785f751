# SPDX-License-Identifier: GPL-2.0-or-later
# livemig: `make` builds the module and the tools, `make check` and `make demo`
# do everything they need by themselves, `make help` tells the rest.

VERSION := $(shell sed -n 's/^.define LIVEMIG_VERSION.*"\(.*\)"/\1/p' uapi/linux/livemig.h)
B       := build

# The kernel to build for: the running one, or the newest whose headers are here.
KDIR    ?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
             $(shell ls -d /lib/modules/*/build 2>/dev/null | sort -V | tail -n 1))

PREFIX  ?= /usr
SBINDIR ?= $(PREFIX)/sbin
LIBDIR  ?= $(PREFIX)/lib
MANDIR  ?= $(PREFIX)/share/man
DESTDIR ?=

CC      ?= gcc
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter \
           -Wno-missing-field-initializers -Wshadow -Wundef -Wvla
PKGS    := libmnl jansson libzstd liblz4
TFLAGS   = $(CFLAGS) -std=gnu11 $(WARN) -D_GNU_SOURCE -Iuapi -Itools/lib \
           $(shell pkg-config --cflags $(PKGS)) -MMD -MP
TLIBS    = $(shell pkg-config --libs $(PKGS)) -lxxhash -lpthread

# migctl has its libraries inside where there are archives of them: finding and
# binding shared ones is a third of the time of a short dump.
archive  = $(or $(filter /%,$(shell $(CC) -print-file-name=lib$(1).a)),-l$(1))
CTL_LIBS = $(foreach l,mnl jansson zstd lz4 xxhash,$(call archive,$(l))) -lpthread

# A short line for each file, as the kernel's own build has it; all of it with V=1.
Q      := $(if $(V),,@)
short   = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@echo '  $(1)$(2)')

all: module tools

module:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

LIB_SRC  := $(sort $(wildcard tools/lib/*.c tools/lib/*/*.c))
CTL_SRC  := $(sort $(wildcard tools/migctl/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o)
CTL_OBJ  := $(CTL_SRC:%.c=$(B)/%.o)

tools: $(B)/migctl $(B)/liblivemig.so $(B)/livemig-helper

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call short,CC      ,$@)
	$(Q)$(CC) $(TFLAGS) -fPIC -c -o $@ $<

$(B)/liblivemig.a: $(LIB_OBJ)
	$(call short,AR      ,$@)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(B)/liblivemig.so: $(LIB_OBJ)
	$(call short,LD      ,$@)
	$(Q)$(CC) -shared -Wl,-soname,liblivemig.so.0 -o $@ $^ $(TLIBS)

$(B)/migctl: $(CTL_OBJ) $(B)/liblivemig.a
	$(call short,LD      ,$@)
	$(Q)$(CC) $(CFLAGS) -no-pie -Wl,-O1,--gc-sections -o $@ $^ $(CTL_LIBS)

-include $(LIB_OBJ:.o=.d) $(CTL_OBJ:.o=.d)
include tools/helper/rules.mk

$(B)/liblivemig.pc: tools/lib/liblivemig.pc.in Makefile
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' $< >$@

# ---- installation: `make install`, or `make install-tools dkms-install` ----

PUBLIC   := error ids nl record model schema image target
INCDIR   := $(PREFIX)/include/livemig
EXECDIR  := /usr/libexec/livemig
COMPDIR  := $(PREFIX)/share/bash-completion/completions
DKMS_SRC := /usr/src/livemig-$(VERSION)
# (what the module says, not the headers: Debian's name another release there)
MODREL    = $(or $(firstword $(shell modinfo -F vermagic livemig.ko 2>/dev/null)),$(shell uname -r))
MODDIR    = /lib/modules/$(MODREL)
INSTALL  := install -D

install: install-tools install-module

install-module: module
	$(INSTALL) -m 644 livemig.ko $(DESTDIR)$(MODDIR)/updates/livemig.ko
	[ -n "$(DESTDIR)" ] || depmod -a $(MODREL)

install-tools: tools $(B)/liblivemig.a $(B)/liblivemig.pc
	$(INSTALL) -m 755 $(B)/migctl $(DESTDIR)$(SBINDIR)/migctl
	for f in livemig-helper livemig-helper-alt; do \
		$(INSTALL) -m 755 $(B)/$$f $(DESTDIR)$(EXECDIR)/$$f || exit; done
	$(INSTALL) -m 755 $(B)/liblivemig.so $(DESTDIR)$(LIBDIR)/liblivemig.so.$(VERSION)
	ln -sf liblivemig.so.$(VERSION) $(DESTDIR)$(LIBDIR)/liblivemig.so.0
	ln -sf liblivemig.so.0 $(DESTDIR)$(LIBDIR)/liblivemig.so
	$(INSTALL) -m 644 $(B)/liblivemig.a $(DESTDIR)$(LIBDIR)/liblivemig.a
	$(INSTALL) -m 644 $(B)/liblivemig.pc $(DESTDIR)$(LIBDIR)/pkgconfig/liblivemig.pc
	for h in $(PUBLIC); do \
		$(INSTALL) -m 644 tools/lib/$$h.h $(DESTDIR)$(INCDIR)/$$h.h || exit; done
	$(INSTALL) -m 644 -t $(DESTDIR)$(INCDIR)/linux uapi/linux/*.h
	$(INSTALL) -m 644 Documentation/man/migctl.8 $(DESTDIR)$(MANDIR)/man8/migctl.8
	$(INSTALL) -m 644 Documentation/man/liblivemig.3 $(DESTDIR)$(MANDIR)/man3/liblivemig.3
	$(INSTALL) -m 644 tools/completion/migctl $(DESTDIR)$(COMPDIR)/migctl
	[ -n "$(DESTDIR)" ] || ldconfig

uninstall:
	rm -f $(addprefix $(DESTDIR), $(SBINDIR)/migctl $(LIBDIR)/liblivemig.* \
		$(LIBDIR)/pkgconfig/liblivemig.pc $(MANDIR)/man8/migctl.8 \
		$(MANDIR)/man3/liblivemig.3 $(COMPDIR)/migctl $(MODDIR)/updates/livemig.ko)
	rm -rf $(DESTDIR)$(EXECDIR) $(DESTDIR)$(INCDIR)
	[ -n "$(DESTDIR)" ] || [ ! -d $(MODDIR) ] || depmod -a $(MODREL)

dkms-install: install-tools
	mkdir -p $(DKMS_SRC)
	cp -r Kbuild dkms.conf kmod uapi $(DKMS_SRC)
	dkms install livemig/$(VERSION) $(if $(KVER),-k $(KVER))

dkms-remove:
	dkms remove livemig/$(VERSION) --all
	rm -rf $(DKMS_SRC)

help:
	@echo 'make                module and tools; KDIR=... chooses the kernel'
	@echo 'make module, tools  one of them'
	@echo 'make install        both, the library, manual pages (PREFIX, DESTDIR)'
	@echo 'make uninstall      undoes that'
	@echo 'make dkms-install   tools, and the module by DKMS; dkms-remove, uninstall undo it (KVER=...)'
	@echo 'make check          all tests, in guests (KERNEL=6.1 6.12 7.2 debug)'
	@echo 'make fidelity       what moves and what is refused; renews Documentation/coverage.rst'
	@echo 'make coverage       the same, from the results that are there'
	@echo 'make fuzz           a while of fuzzing, on this machine (SECONDS=20)'
	@echo 'make demo           a Redis under load changes hosts (APP=redis python nginx)'
	@echo 'make bench          livemig and CRIU side by side (CASE=x, QUICK=1)'
	@echo 'make clean          removes what make built'
	@echo 'V=1 shows the commands'

include tests/fuzz/rules.mk
include tests/bench/work/rules.mk

clean:
	rm -rf $(B)/tools $(B)/migctl $(B)/liblivemig.* $(B)/livemig-helper* $(B)/fuzz
	[ -z "$(KDIR)" ] || $(MAKE) -C $(KDIR) M=$(CURDIR) clean

# Everything in emulated guests; both install what they need when run as root.
check: setup
	$(MAKE) -j$(shell nproc) tools
	tests/check

# What moves and what does not: every area that tests/coverage knows, and all of
# stress-ng; then the table that is published.
fidelity: setup
	tests/setup/packages fidelity
	$(MAKE) -j$(shell nproc) tools
	tests/vm/kernel get $(or $(KERNEL),6.1)
	PROGRAMS=all STRESSORS=all TIME_FACTOR=$(or $(TIME_FACTOR),6) tests/run $$(tests/coverage areas)
	$(MAKE) coverage

coverage:
	tests/coverage report $(KERNEL)
	tests/coverage rst

demo: setup
	$(MAKE) -j$(shell nproc) tools
	tests/vm/kernel get $(or $(KERNEL),6.1)
	tests/vm/kernel build $(or $(KERNEL),6.1)
	tests/demo/run

setup:
	tests/setup/packages all

.PHONY: all module tools clean check fidelity coverage demo setup help install install-module install-tools uninstall \
        dkms-install dkms-remove
