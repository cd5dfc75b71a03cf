/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A label from outside: what reads is written and reads back as the same, and lets nobody pass
 * whom it does not name.
 */
#include <stdlib.h>

#include "base/json_read.h"
#include "share/policy/label_read.h"
#include "share/policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static bool read_label(struct nr_str text, struct nr_label *ret_label)
{
	struct nr_err err;
	json_t *json;

	if (nr_json_read(text, NULL, &json, &err) < 0)
		return false;
	int r = nr_label_read(json, ret_label, &err);

	json_decref(json);
	require(r == 0 || r == NR_EUSAGE);
	return r == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct nr_viewer nobody = { 0 }, stranger = { .role = NR_ROLE_ANYONE };
	struct nr_label label, again;
	struct nr_json json;
	struct nr_buf out;

	if (!read_label((struct nr_str){ (const char *)data, size }, &label))
		return 0;
	nr_buf_init(&out, 1 << 20);
	nr_json_init(&json, &out);
	nr_label_json(&label, &json);
	require(out.err == 0);
	if (label.tlp != NR_TLP_UNSET) { /* "" is how none is written, and no word to read */
		require(read_label((struct nr_str){ (const char *)out.p, out.n }, &again));
		require(nr_label_eq(&label, &again));
	}
	nr_buf_done(&out);
	require(!nr_policy_allows(&nobody, &label, NR_ACTION_READ));
	require(!nr_policy_allows(&stranger, &label, NR_ACTION_READ) ||
		(label.tlp == NR_TLP_CLEAR && label.everyone));
	return 0;
}
