/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/sensor/status.h"

#include <stdlib.h>

#include "base/io.h"
#include "base/json.h"
#include "observe/sensor/settings.h"

enum { TEXT_MAX = 64 << 10, STALE_S = 30 };

static int one(struct nr_str text, bool json, bool first, struct nr_buf *out)
{
	struct nr_str value = text, name = nr_str_cut(&value, ':');
	int64_t number;

	value = nr_str_trim(value);
	if (nr_str_i64(value, INT64_MIN, INT64_MAX, &number) < 0)
		return NR_EFORMAT;
	for (size_t i = 0; i < name.n; i++)
		if ((name.p[i] < 'a' || name.p[i] > 'z') && (name.p[i] < '0' || name.p[i] > '9') &&
		    name.p[i] != '_' && name.p[i] != '.')
			return NR_EFORMAT;
	if (json)
		nr_buf_addf(out, "%s\"" NR_STR_FMT "\":%lld", first ? "" : ",", NR_STR_ARG(name),
			    (long long)number);
	else
		nr_buf_addf(out, "%-28.*s %lld\n", NR_STR_ARG(name), (long long)number);
	return 0;
}

int nr_status_print(const char *dir, bool json, int64_t now_s, struct nr_buf *out,
		    struct nr_err *reterr)
{
	struct nr_settings *settings = calloc(1, sizeof(*settings));
	struct nr_bytes bytes;

	if (settings == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	settings->dir = dir;
	nr_settings_paths(settings);
	int r = nr_io_slurp(settings->status_file, TEXT_MAX, &bytes, reterr);

	free(settings);
	if (r < 0)
		return r;
	struct nr_str text = { (const char *)bytes.p, bytes.n };
	bool first = true;

	nr_buf_addf(out, "%s", json ? "{" : "");
	(void)now_s;
	for (; r == 0 && text.n > 0; first = false)
		r = one(nr_str_cut(&text, '\n'), json, first, out);
	nr_buf_addf(out, "%s", json ? "}\n" : "");
	free((void *)(uintptr_t)bytes.p);
	if (r < 0)
		return nr_fail(reterr, r, "%s/status: not written by a sensor", dir);
	return out->err;
}
