/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcapng files. Oracles: the captured bytes of all frames fit into the input; every frame, skipped and
 * refused block has its bytes there; the same bytes cut into other blocks and reads give the same
 * frames, counts and verdict.
 */
#include "observe/capture/test_make.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK_LEAST = 12 };

static void check(const uint8_t *data, size_t size, struct chop chop, const struct seen *want)
{
	struct seen seen;

	if (see(data, size, chop, &seen) == 0) {
		nr_require(seen_same(&seen, want));
		nr_require(strcmp(seen.err.msg, want->err.msg) == 0);
		nr_require(seen.stats.blocks_skipped == want->stats.blocks_skipped);
		nr_require(seen.stats.records_refused == want->stats.records_refused);
		nr_require(seen.stats.frames_oversize == want->stats.frames_oversize);
	}
	seen_done(&seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen;

	if (size < 4 || !nr_format_pcapng.is(data))
		return 0;
	if (see(data, size, (struct chop){ 0 }, &seen) == 0) {
		uint64_t blocks = seen.n + seen.stats.blocks_skipped + seen.stats.records_refused;

		nr_require(seen.stats.bytes_captured <= size);
		/* the last one may be a long one that is passed over and cut off */
		nr_require(blocks == 0 || (blocks - 1) * BLOCK_LEAST <= size);
		nr_require(seen.n == seen.stats.frames);
		check(data, size, (struct chop){ .chunk = 1 + data[size - 1] % 64 }, &seen);
		check(data, size, (struct chop){ .limit = 1 + data[size / 2] }, &seen);
	}
	seen_done(&seen);
	return 0;
}
