/* SPDX-License-Identifier: Apache-2.0 */
/* Oracle: what is taken prints to a text that is taken again as the same moment or span. */
#include "base/time.h"

static void check_time(struct nr_time t)
{
	struct nr_time back;
	char out[NR_TIME_TEXT];
	size_t n = nr_time_print(t, out);

	nr_require(n < sizeof(out) && strlen(out) == n);
	nr_require(nr_time_parse((struct nr_str){ out, n }, &back) == 0);
	nr_require(back.ns == t.ns);
}

static void check_span(int64_t ns)
{
	char out[NR_SPAN_TEXT];
	int64_t back;
	size_t n = nr_span_print(ns, out);

	nr_require(n < sizeof(out) && strlen(out) == n);
	if (ns >= 0)
		nr_require(nr_span_parse((struct nr_str){ out, n }, &back) == 0 && back == ns);
	n = nr_span_print_human(ns, out);
	nr_require(n < sizeof(out) && strlen(out) == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nr_str text = { (const char *)data, size };
	struct nr_time t;
	int64_t ns;

	if (nr_time_parse(text, &t) == 0)
		check_time(t);
	if (nr_span_parse(text, &ns) == 0)
		check_span(ns);
	if (size >= sizeof(ns)) {
		memcpy(&ns, data, sizeof(ns));
		check_time((struct nr_time){ ns });
		check_span(ns);
	}
	return 0;
}
