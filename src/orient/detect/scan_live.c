/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told of sources of scan.v1 that are still open: that one became wide, and the record of
 * one that is asked for. Conficker's pattern needs many destinations before it says something:
 * scanners that show its mark are looked at once a minute until it does or they end.
 */
#include <stdlib.h>

#include "orient/detect/scan_int.h"

enum { DOUBTFUL_MAX = 4096, MINUTE = 60 };

struct nr_scan_live {
	struct nr_table risen;	  /* struct nr_ip: became wide since the last report */
	struct nr_table doubtful; /* struct nr_ip */
	int64_t minute;		  /* s; when the doubtful were looked at */
	struct nr_scan_thresholds top;
	bool has_top;
};

int nr_scan_live_init(struct nr_scan *scan)
{
	struct nr_scan_live *live = scan->live = calloc(1, sizeof(*live));

	if (live == NULL)
		return -ENOMEM;
	live->minute = INT64_MIN;
	int r = nr_table_init(&live->risen, sizeof(struct nr_ip), NR_TABLE_MAX, NULL, NULL);

	return r < 0 ? r
		     : nr_table_init(&live->doubtful, sizeof(struct nr_ip), DOUBTFUL_MAX, NULL,
				     NULL);
}

void nr_scan_live_done(struct nr_scan *scan)
{
	if (scan->live == NULL)
		return;
	nr_table_done(&scan->live->risen);
	nr_table_done(&scan->live->doubtful);
	free(scan->live);
}

static uint32_t conficker_packets(const struct nr_scan_cold *cold)
{
	uint32_t marks[NR_MARK_N];

	nr_scan_cold_marks(cold, marks);
	return marks[NR_MARK_CONFICKER];
}

void nr_scan_live_rises(struct nr_scan *scan, const struct nr_scan_cold *cold, struct nr_ip ip,
			bool wide)
{
	struct nr_table *list;

	if (NR_LIKELY(scan->live == NULL) || (!wide && conficker_packets(cold) == 0))
		return;
	list = wide ? &scan->live->risen : &scan->live->doubtful;
	struct nr_ip *entry = nr_table_append(list);

	if (entry != NULL)
		*entry = ip;
}

void nr_scan_live_ended(struct nr_scan *scan)
{
	if (scan->live != NULL)
		scan->live->has_top = false;
}

/* ---- telling ---- */

static const struct nr_scan_thresholds *top_of(struct nr_scan *scan)
{
	struct nr_scan_live *live = scan->live;

	if (!live->has_top)
		live->top = nr_scan_thresholds(scan->packet_buckets, scan->port_buckets);
	live->has_top = true;
	return &live->top;
}

int nr_scan_look(void *shard, struct nr_ip ip, const struct nr_sink *sink)
{
	struct nr_scan *scan = shard;
	const struct nr_scan_hot *hot = nr_scan_find(scan, ip);
	struct nr_source source;

	if (hot == NULL || scan->live == NULL)
		return 0;
	(void)nr_scan_describe(scan, ip, hot, top_of(scan), sink->detail, &source);
	sink->source(sink->ctx, &source);
	return 0;
}

struct doubt {
	struct nr_scan *scan;
	const struct nr_sink *sink;
};

static bool stays_doubtful(void *entry, void *ctx)
{
	const struct doubt *d = ctx;
	const struct nr_ip *ip = entry;
	const struct nr_scan_hot *hot = nr_scan_find(d->scan, *ip);
	struct nr_source source;

	if (hot == NULL || hot->cold == 0)
		return false;
	(void)nr_scan_describe(d->scan, *ip, hot, top_of(d->scan), false, &source);
	if (!(source.tools & 1u << NR_MARK_CONFICKER))
		return source.marks[NR_MARK_CONFICKER] * UINT64_C(2) >= source.packets;
	d->sink->source(d->sink->ctx, &source);
	return false;
}

int nr_scan_report(void *shard, int64_t now, const struct nr_sink *sink)
{
	struct nr_scan *scan = shard;
	struct nr_scan_live *live = scan->live;
	struct doubt doubt = { scan, sink };
	int r = 0;

	if (live == NULL)
		return 0;
	for (uint32_t i = 0; i < live->risen.n && r == 0; i++)
		r = nr_scan_look(scan, *(const struct nr_ip *)nr_table_at(&live->risen, i), sink);
	if (live->risen.n > 0)
		nr_table_clear(&live->risen);
	if (live->minute == INT64_MIN || now >= live->minute + MINUTE) {
		live->minute = now;
		nr_table_sweep(&live->doubtful, stays_doubtful, &doubt);
	}
	return r;
}

/* ---- snapshot: between two reports nothing has risen ---- */

void nr_scan_live_save(const struct nr_scan *scan, struct nr_buf *out)
{
	nr_write_u8(out, scan->live != NULL);
	if (scan->live == NULL)
		return;
	nr_write_le64(out, (uint64_t)scan->live->minute);
	nr_table_save(&scan->live->doubtful, out);
}

int nr_scan_live_load(struct nr_scan *scan, struct nr_reader *in)
{
	bool live = nr_read_u8(in) == 1;

	if (live != (scan->live != NULL))
		return NR_EDAMAGED;
	if (!live)
		return nr_reader_ok(in) ? 0 : NR_EDAMAGED;
	scan->live->has_top = false;
	scan->live->minute = (int64_t)nr_read_le64(in);
	if (scan->live->minute != INT64_MIN &&
	    (scan->live->minute < 0 || scan->live->minute > (int64_t)UINT32_MAX + 1))
		return NR_EDAMAGED;
	return nr_table_load(&scan->live->doubtful, in);
}
