/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/capture/ticks.h"

enum { NANO_DIGITS = 9, U64_DIGITS = 19 };

static uint64_t power_of_ten(unsigned n)
{
	uint64_t v = 1;

	while (n-- > 0)
		v *= 10;
	return v;
}

struct nr_ticks nr_ticks_of(uint8_t resolution, int64_t offset_s)
{
	unsigned n = resolution & 0x7f;
	struct nr_ticks t = { .mul = 1, .div = 1, .offset_s = offset_s };

	if (resolution & 0x80) {
		t.binary = true;
		t.shift = (uint8_t)n;
	} else if (n <= NANO_DIGITS) {
		t.mul = power_of_ten(NANO_DIGITS - n);
	} else {
		n -= NANO_DIGITS;
		t.div = n <= U64_DIGITS ? power_of_ten(n) : 0;
	}
	return t;
}

bool nr_ticks_to_ns_slow(const struct nr_ticks *t, uint64_t ticks, int64_t *ret_ns)
{
	__extension__ typedef __int128 wide; /* 2^64 * 10^9 < 2^94: no product overflows */
	wide ns;

	if (t->binary)
		ns = (wide)ticks * NR_NS_PER_S >> t->shift;
	else if (t->div == 0)
		ns = 0;
	else
		ns = (wide)ticks * (wide)t->mul / (wide)t->div;
	ns += (wide)t->offset_s * NR_NS_PER_S;
	*ret_ns = ns > INT64_MAX ? INT64_MAX : ns < INT64_MIN ? INT64_MIN : (int64_t)ns;
	return *ret_ns == ns;
}
