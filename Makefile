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
PKGS    := libmnl jansson libcap
TFLAGS   = $(CFLAGS) -std=gnu11 $(WARN) -D_GNU_SOURCE -Iuapi -Itools/lib \
           $(shell pkg-config --cflags $(PKGS)) -MMD -MP
TLIBS    = $(shell pkg-config --libs $(PKGS)) -lxxhash -lpthread

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
	$(CC) $(TFLAGS) -fPIC -c -o $@ $<

$(B)/liblivemig.a: $(LIB_OBJ)
	rm -f $@
	ar rcs $@ $^

$(B)/liblivemig.so: $(LIB_OBJ)
	$(CC) -shared -Wl,-soname,liblivemig.so.0 -o $@ $^ $(TLIBS)

$(B)/migctl: $(CTL_OBJ) $(B)/liblivemig.a
	$(CC) $(CFLAGS) -o $@ $^ $(TLIBS)

-include $(LIB_OBJ:.o=.d) $(CTL_OBJ:.o=.d)
include tools/helper/rules.mk

clean:
	rm -rf $(B)/tools $(B)/migctl $(B)/liblivemig.* $(B)/livemig-helper
	[ -z "$(KDIR)" ] || $(MAKE) -C $(KDIR) M=$(CURDIR) clean

.PHONY: all module tools clean
