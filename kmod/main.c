// SPDX-License-Identifier: GPL-2.0
/*
 * livemig: container live migration in the kernel.
 *
 * Locking: see session.h; nothing here runs beside anything else.
 */
#include <linux/module.h>

#include "netlink.h"
#include "restore.h"
#include "session.h"

static int __init livemig_init(void)
{
	int err;

	err = lm_sessions_init();
	if (err)
		return err;
	err = lm_device_init();
	if (err)
		goto err_sessions;
	err = lm_netlink_init();
	if (err)
		goto err_device;
	return 0;

err_device:
	lm_device_exit();
err_sessions:
	lm_sessions_exit();
	return err;
}

static void __exit livemig_exit(void)
{
	lm_netlink_exit();
	lm_device_exit();
	lm_sessions_exit();
}

module_init(livemig_init);
module_exit(livemig_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Container live migration");
MODULE_VERSION(LIVEMIG_VERSION);
MODULE_ALIAS_GENL_FAMILY(LIVEMIG_GENL_NAME);
