/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.v1: who sends to addresses that nobody uses, and how widely.
 *
 * Hypothesis  an unused address is asked for nothing; who asks several of them searches.
 * Threshold   scanner: >= 3 distinct monitored addresses, or a tool mark that decides (record/mark.c);
 *             wide: >= 100 addresses on one port and >= 10 packets/s Internet-wide (Durumeric et al. 2014),
 *             not computable below 4,096 addresses; aggressive: Merit's three rules (arXiv 2305.07193).
 *             The timeout follows from N; see scan_int.h. IPv6: same counts, no rate (no 2^32/N there).
 * False       misconfigured clients of one address stay `probe`; spoofed sources are scored, not
 * positives   dropped; backscatter senders are source records of class backscatter, never campaigns.
 * State       64 bytes a source; 256 more from the third destination on; 512 more beyond 14
 * Proof       tests/replay/scan; lab evaluate
 */
#include <math.h>
#include <stdlib.h>

#include "orient/detect/scan_int.h"

static uint64_t entry_hash4(const void *entry, const void *ctx)
{
	return nr_scan_hash4(ctx, ((const struct nr_scan_hot4 *)entry)->ip);
}

static uint64_t entry_hash6(const void *entry, const void *ctx)
{
	return nr_scan_hash6(ctx, &((const struct nr_scan_hot6 *)entry)->ip);
}

static void scan_close(void *shard)
{
	struct nr_scan *scan = shard;

	if (scan == NULL)
		return;
	nr_table_done(&scan->hot4);
	nr_table_done(&scan->hot6);
	nr_table_done(&scan->members);
	nr_slab_done(&scan->cold);
	nr_slab_done(&scan->sketches);
	nr_scan_live_done(scan);
	free(scan->rates);
	free(scan);
}

/* Without N (or for IPv6) an hour: long enough for slow scanners of a small net, short enough to forget. */
static int64_t timeout_for(uint64_t monitored)
{
	double s = 3600;

	if (monitored > 0)
		s = log(1000) * 4294967296.0 / (100.0 * (double)monitored);
	return (int64_t)(fmin(fmax(s, 300), 86400)) * NR_NS_PER_S;
}

static int scan_open(const struct nr_detect_env *env, void **ret_shard)
{
	struct nr_scan *scan = calloc(1, sizeof(*scan));
	uint32_t max = (uint32_t)nr_min_size(env->max_entries, NR_TABLE_MAX);

	if (scan == NULL)
		return -ENOMEM;
	scan->env = env;
	scan->timeout_ns = timeout_for(env->monitored_v4);
	scan->next_due = INT64_MAX;
	scan->rates = calloc(1, sizeof(*scan->rates));
	scan->conficker_dst = nr_scan_conficker_dst(env->nets);
	int r = scan->rates != NULL ? 0 : -ENOMEM;

	if (r == 0)
		r = nr_table_init(&scan->hot4, sizeof(struct nr_scan_hot4), max, entry_hash4,
				  &env->key);
	if (r == 0)
		r = nr_table_init(&scan->hot6, sizeof(struct nr_scan_hot6), max, entry_hash6,
				  &env->key);
	if (r == 0)
		r = nr_table_init(&scan->members, sizeof(struct nr_scan_member), max, NULL, NULL);
	if (r == 0)
		r = nr_slab_init(&scan->cold, sizeof(struct nr_scan_cold), max);
	if (r == 0)
		r = nr_slab_init(&scan->sketches, NR_DISTINCT_REGS, max);
	if (r == 0 && env->live)
		r = nr_scan_live_init(scan);
	if (r < 0) {
		scan_close(scan);
		return r;
	}
	*ret_shard = scan;
	return 0;
}

/* Whoever is silent for longer than the new timeout ends at the next sweep, which comes now. */
static void scan_monitored(void *shard)
{
	struct nr_scan *scan = shard;

	scan->timeout_ns = timeout_for(scan->env->monitored_v4);
	scan->next_due = INT64_MIN;
}

const struct nr_detector nr_detector_scan = {
	.name = "scan.v1",
	.summary =
		"sources that search the unused addresses; campaigns of the wide and aggressive ones",
	.fields = nr_scan_campaign_fields,
	.n_fields = NR_SCAN_CAMPAIGN_FIELDS,
	.open = scan_open,
	.feed = nr_scan_feed,
	.feed_packed = nr_scan_feed_packed,
	.advance = nr_scan_advance,
	.finish = nr_scan_finish,
	.save = nr_scan_save,
	.load = nr_scan_load,
	.close = scan_close,
	.refused = nr_scan_refused,
	.report = nr_scan_report,
	.look = nr_scan_look,
	.monitored = scan_monitored,
};
