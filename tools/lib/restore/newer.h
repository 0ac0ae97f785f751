/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What kernels have and the headers of Debian 12 have not. */
#ifndef LM_RESTORE_NEWER_H
#define LM_RESTORE_NEWER_H

#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

#ifndef __NR_mseal
#define __NR_mseal 462
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#endif
