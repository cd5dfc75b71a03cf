/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/sensor/role.h"

#include "base/log.h"
#include "base/sandbox.h"

int nr_role_close(const struct nr_role *role, const char *name, const struct nr_sandbox *sandbox)
{
	struct nr_err err = { 0 };

	if (role->settings->unsafe_no_sandbox)
		return 0;
	int r = nr_sandbox_enter(sandbox, &err);

	if (r < 0)
		nr_log(NR_LOG_ERROR, name, "sandbox", "error=%s", err.msg);
	return r;
}
