/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/sensor/spool_int.h"

int nr_spool_renumber(struct nr_spool *spool, uint64_t above, struct nr_err *reterr)
{
	(void)above;
	return nr_spool_fail(reterr, -ENOSYS, spool->dir, "renumber");
}
