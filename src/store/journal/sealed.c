/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal/journal_write.h"

int64_t nr_journal_sealed(const char *dir,
			  int (*each)(void *ctx, const struct nr_journal_sealed *segment),
			  void *ctx, struct nr_err *reterr)
{
	struct nr_segments s = { .at = NULL };
	int64_t n = 0;
	int ret = nr_segments_list(dir, &s, reterr);

	for (size_t i = 0; ret == 0 && i < s.n; i++) {
		struct nr_segment_head head;
		struct nr_close end;
		uint64_t size;

		ret = nr_segment_peek(dir, s.at[i], &head, &end, &size, reterr);
		if (ret == NR_EDAMAGED && i + 1 == s.n) {
			ret = 0; /* at work, or left so by a crash */
			break;
		}
		struct nr_journal_sealed sealed = { .first_at = s.at[i],
						    .last_at = end.last_at,
						    .size = size };

		if (ret == 0)
			ret = each(ctx, &sealed);
		n++;
	}
	nr_segments_done(&s);
	return ret < 0 ? ret : n;
}
