/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a journal somebody wrote into; the first byte is the type. What is taken writes to the same bytes. */
#include "record/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nr_entry entry = { .at = 7, .arrived_ns = 8 };
	struct nr_bytes body = { data + 1, size - 1 };
	struct nr_buf out;

	if (size < 1 || nr_entry_read(data[0], body, &entry, NULL) < 0)
		return 0;
	nr_require(entry.type == data[0] && entry.at == 7 && entry.arrived_ns == 8 &&
		   !entry.erased);
	nr_buf_init(&out, NR_ENTRY_MAX);
	nr_require(nr_entry_write(&entry, &out) == 0);
	nr_require(out.n == body.n && memcmp(out.p, body.p, body.n) == 0);
	nr_buf_done(&out);
	return 0;
}
