/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of benign scanners: the first byte chooses JSON or text, the rest is the file. */
#include <stdlib.h>

#include "base/err.h"
#include "orient/enrich/benign_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t n;
};

static int take(void *ctx, struct nr_prefix prefix)
{
	struct seen *seen = ctx;
	char text[NR_PREFIX_TEXT];
	struct nr_prefix again;

	/* what is delivered is a prefix that prints and parses to itself */
	size_t n = nr_prefix_print(prefix, text);

	if (prefix.len > 128 || nr_prefix_parse((struct nr_str){ text, n }, &again) < 0 ||
	    !nr_ip_eq(again.ip, prefix.ip) || again.len != prefix.len)
		abort();
	seen->n++;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = { .n = 0 };
	struct nr_err err = { 0 };
	char name[NR_BENIGN_NAME + 1] = "";
	int ret = 0;

	if (size == 0)
		return 0;
	struct nr_bytes bytes = { data + 1, size - 1 };

	if ((data[0] & 1) != 0)
		ret = nr_benign_read_json("a/list.json", bytes, take, &seen, name, &err);
	else
		ret = nr_benign_read_text("a/list.txt", bytes, take, &seen, name, &err);
	if (ret == 0 && strlen(name) == 0)
		abort();
	if (ret < 0 && (err.code != ret || strstr(err.msg, "a/list.") != err.msg))
		abort();
	if (seen.n > size)
		abort();
	return 0;
}
