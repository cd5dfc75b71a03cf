/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcap files. Oracles: the captured bytes of all frames fit into the input; the number of frames does
 * too; the same bytes cut into other blocks and reads give the same frames and the same verdict.
 */
#include "observe/capture/test_make.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORD_LEAST = 16, HEADER = 24 };

static void check(const uint8_t *data, size_t size, struct chop chop, const struct seen *want)
{
	struct seen seen;

	if (see(data, size, chop, &seen) == 0) {
		nr_require(seen_same(&seen, want));
		nr_require(strcmp(seen.err.msg, want->err.msg) == 0);
		nr_require(seen.stats.frames_oversize == want->stats.frames_oversize);
		nr_require(seen.stats.bytes_wire == want->stats.bytes_wire);
	}
	seen_done(&seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen;

	if (size < 4 || !nr_format_pcap.is(data))
		return 0;
	if (see(data, size, (struct chop){ 0 }, &seen) == 0) {
		nr_require(seen.stats.bytes_captured <= size);
		nr_require(seen.n == 0 || seen.n * RECORD_LEAST + HEADER <= size);
		nr_require(seen.n == seen.stats.frames);
		nr_require(seen.stats.bytes_read <= size);
		check(data, size, (struct chop){ .chunk = 1 + data[size - 1] % 64 }, &seen);
		check(data, size, (struct chop){ .limit = 1 + data[size / 2] }, &seen);
	}
	seen_done(&seen);
	return 0;
}
