/* SPDX-License-Identifier: Apache-2.0 */
/* Sketches as they stand in a roll-up file: a byte of length, so many bytes (255: the rest), and
 * again; all merged. What is taken must come out as bytes that are taken again and say the same. */
#include "base/def.h"
#include "store/duck/sketch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read_back(const struct nr_sketch *sketch)
{
	static uint8_t once[NR_SKETCH_BYTES], twice[NR_SKETCH_BYTES];
	struct nr_sketch copy = { .n = 0 };
	size_t n = nr_sketch_write(sketch, once);

	nr_require(nr_sketch_merge(&copy, (struct nr_bytes){ once, n }) == 0);
	nr_require(nr_sketch_write(&copy, twice) == n);
	nr_require(memcmp(once, twice, n) == 0);
	nr_require(nr_sketch_estimate(sketch) == nr_sketch_estimate(&copy));
	nr_sketch_done(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nr_sketch sketch = { .n = 0 };

	while (size > 0) {
		size_t n = data[0] == 255 ? size - 1 : nr_min_size(data[0], size - 1);
		uint64_t before = nr_sketch_estimate(&sketch);

		if (nr_sketch_merge(&sketch, (struct nr_bytes){ data + 1, n }) == 0)
			nr_require(nr_sketch_estimate(&sketch) >= before);
		data += n + 1;
		size -= n + 1;
	}
	write_and_read_back(&sketch);
	nr_sketch_done(&sketch);
	return 0;
}
