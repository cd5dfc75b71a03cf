/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/prepare.h"

#include <stdlib.h>

#include "base/cmocka.h"

enum { T0 = 1700000000, DAY = 86400 };

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* A SYN from its IP header on (LINKTYPE_RAW). */
static void write_syn(uint8_t *out, uint32_t src, uint32_t dst)
{
	memset(out, 0, 40);
	out[0] = 0x45;
	out[3] = 40;
	out[8] = 60;
	out[9] = 6;
	put32(out + 12, src);
	put32(out + 16, dst);
	out[21] = 99; /* ports 99 and 23 */
	out[23] = 23;
	out[27] = 1;
	out[32] = 0x50;
	out[33] = NR_TCP_SYN;
}

struct rig {
	struct nr_block *block;
	struct nr_prepared *prepared;
	struct nr_pipeline_counts counts;
	uint8_t bytes[NR_CAPTURE_BLOCK_FRAMES][128];
};

static struct rig *rig_new(void)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	assert_int_equal(nr_block_new(&rig->block), 0);
	rig->prepared = malloc(sizeof(*rig->prepared));
	assert_non_null(rig->prepared);
	rig->counts.first = INT64_MAX;
	rig->counts.last = INT64_MIN;
	return rig;
}

static void rig_free(struct rig *rig)
{
	nr_block_free(rig->block);
	free(rig->prepared);
	free(rig);
}

static struct nr_frame *add_frame(struct rig *rig, int64_t ts, uint32_t n)
{
	struct nr_frame *f = &rig->block->frames[rig->block->n];

	*f = (struct nr_frame){
		.ts = ts, .data = rig->bytes[rig->block->n], .caplen = n, .wirelen = n, .link = 101
	};
	rig->block->n++;
	return f;
}

static struct nr_frame *add_syn(struct rig *rig, int64_t ts, uint32_t src, uint32_t dst)
{
	write_syn(rig->bytes[rig->block->n], src, dst);
	return add_frame(rig, ts, 40);
}

/* ICMP unreachable, quoting a SYN that is said to come from the destination. */
static void add_unreachable(struct rig *rig, int64_t ts, uint32_t src, uint32_t dst,
			    uint32_t quoted_dst)
{
	uint8_t *b = rig->bytes[rig->block->n];

	write_syn(b, src, dst);
	memset(b + 20, 0, 20);
	b[3] = 68;
	b[9] = 1;
	b[20] = 3;
	write_syn(b + 28, dst, quoted_dst);
	add_frame(rig, ts, 68);
}

static void run(struct rig *rig, const struct nr_prepare_rules *rules)
{
	struct nr_watermark mark = { INT64_MIN, INT64_MIN };

	nr_prepare_watermarks(&mark, rig->block, rig->prepared);
	nr_prepare(rules, rig->block, rig->prepared, &rig->counts);
}

static const struct nr_prepare_rules all = { .until = INT64_MAX, .n_workers = 1 };

static void expect_accounts(const struct nr_pipeline_counts *c)
{
	uint64_t dropped = 0, classes = 0, protocols = 0;

	for (unsigned o = 0; o < NR_OUTCOME_N; o++)
		dropped += c->dropped[o];
	for (unsigned k = 0; k < NR_CLASS_N; k++)
		classes += c->classes[k];
	for (unsigned p = 0; p < 256; p++)
		protocols += c->protocols[p];
	assert_int_equal(c->received, c->classified + dropped);
	assert_int_equal(classes, c->classified);
	assert_int_equal(protocols, c->classified);
	assert_int_equal(c->dropped[NR_OUTCOME_OK], 0);
}

static void the_watermark_is_the_newest_second_so_far_and_jumps_need_agreement(void **state)
{
	static const struct {
		int64_t tick, watermark;
	} rows[] = {
		{ T0, T0 },
		{ T0 + 5, T0 + 5 },
		{ T0 - 3, T0 + 5 },			/* out of order */
		{ T0 + 5 + DAY, T0 + 5 + DAY },		/* exactly a day is no jump */
		{ T0 + 5 + 2 * DAY + 1, T0 + 5 + DAY }, /* a jump that nobody confirms */
		{ T0 + 6 + DAY, T0 + 6 + DAY },
		{ T0 + 9 * DAY, T0 + 6 + DAY },		/* a jump, */
		{ T0 + 9 * DAY + 7, T0 + 9 * DAY + 7 }, /* confirmed */
		{ T0 + 90 * DAY, T0 + 9 * DAY + 7 },
		{ T0 + 30 * DAY,
		  T0 + 9 * DAY + 7 }, /* two jumps to different times agree on nothing */
		{ T0 + 30 * DAY - 9, T0 + 30 * DAY - 9 },
		{ -5, T0 + 30 * DAY - 9 }, /* before 1970 */
	};

	(void)state;
	for (size_t cut = 0; cut <= NR_COUNT(rows); cut++) { /* wherever blocks end */
		struct nr_watermark mark = { INT64_MIN, INT64_MIN };
		struct rig *rig = rig_new();

		for (size_t i = 0; i < NR_COUNT(rows); i++) {
			if (i == cut)
				rig->block->n = 0;
			add_syn(rig, rows[i].tick * NR_NS_PER_S + 999, 1, 2);
			if (i + 1 != cut && i + 1 != NR_COUNT(rows))
				continue;
			nr_prepare_watermarks(&mark, rig->block, rig->prepared);
			for (size_t k = 0; k < rig->block->n; k++) {
				size_t row = i + 1 - rig->block->n + k;

				assert_int_equal(rig->prepared->ticks[k], rows[row].tick);
				assert_int_equal(rig->prepared->watermarks[k], rows[row].watermark);
			}
			assert_int_equal(rig->prepared->watermark, rows[i].watermark);
		}
		rig_free(rig);
	}
}

static void times_before_and_after_the_watermark_are_flagged(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	add_syn(rig, T0 * NR_NS_PER_S + 123, 1, 2);
	add_syn(rig, (T0 - 1) * NR_NS_PER_S, 1, 2); /* a second of disorder is usual */
	add_syn(rig, (T0 - 2) * NR_NS_PER_S, 1, 2);
	add_syn(rig, (T0 + 2 * DAY) * (int64_t)NR_NS_PER_S, 1, 2);
	run(rig, &all);
	assert_int_equal(rig->prepared->packets[0].tick, T0);
	assert_int_equal(rig->prepared->packets[0].offset, 123);
	assert_int_equal(rig->counts.anomalies[NR_ANOMALY_TIME_BACKWARD], 1);
	assert_int_equal(rig->counts.anomalies[NR_ANOMALY_TIME_JUMP], 1);
	expect_accounts(&rig->counts);
	rig_free(rig);
}

static void every_frame_is_classified_or_counted_under_a_cause(void **state)
{
	struct rig *rig = rig_new();
	struct nr_nets nets = { 0 };
	struct nr_prefix ours = { .ip = nr_ip_v4(0xc6120000), .len = 112 };
	struct nr_prepare_rules rules = { .nets = &nets,
					  .since = (int64_t)T0 * NR_NS_PER_S,
					  .until = (int64_t)(T0 + 10) * NR_NS_PER_S,
					  .n_workers = 3 };

	(void)state;
	assert_int_equal(nr_nets_add(&nets, ours), 0);
	add_syn(rig, rules.since, 1 << 24, 0xc6120001);		     /* good: since is inside */
	add_syn(rig, rules.until - 1, 1 << 24, 0xc612ffff);	     /* good */
	add_syn(rig, rules.since - 1, 1 << 24, 0xc6120001);	     /* time */
	add_syn(rig, rules.until, 1 << 24, 0xc6120001);		     /* time: until is not */
	add_syn(rig, -1, 1 << 24, 0xc6120001);			     /* time */
	add_syn(rig, INT64_MAX, 1 << 24, 0xc6120001);		     /* time */
	add_syn(rig, rules.since, 1 << 24, 0xc6130001);		     /* not ours */
	add_syn(rig, rules.since, 1 << 24, 0xc6120001)->caplen = 10; /* IP cut */
	add_syn(rig, rules.since, 1 << 24, 0xc6120001)->caplen = 30; /* TCP cut */
	add_syn(rig, rules.since, 1 << 24, 0xc6120001)->link = 147;  /* unknown link */
	add_syn(rig, rules.since, 1 << 24, 0xc6120001)->link = 60000;
	rig->bytes[rig->block->n][0] = 0x35;
	add_frame(rig, rules.since, 40); /* no IP version */
	run(rig, &rules);
	const struct nr_pipeline_counts *c = &rig->counts;

	assert_int_equal(c->received, 12);
	assert_int_equal(c->classified, 2);
	assert_int_equal(c->classified_bytes, 80);
	assert_int_equal(c->bytes, 12 * 40);
	assert_int_equal(c->dropped[NR_OUTCOME_TIME], 4);
	assert_int_equal(c->dropped[NR_OUTCOME_NOT_MONITORED], 1);
	assert_int_equal(c->dropped[NR_OUTCOME_IP_TRUNCATED], 1);
	assert_int_equal(c->dropped[NR_OUTCOME_L4_TRUNCATED], 1);
	assert_int_equal(c->dropped[NR_OUTCOME_LINK_UNKNOWN], 2);
	assert_int_equal(c->links[147], 1);
	assert_int_equal(c->links[511], 1);
	assert_int_equal(c->first, rules.since);
	assert_int_equal(c->last, rules.until - 1);
	expect_accounts(c);

	struct nr_pipeline_counts twice = *c;

	nr_prepare_counts_add(&twice, c);
	assert_int_equal(twice.received, 24);
	assert_int_equal(twice.links[511], 2);
	assert_int_equal(twice.first, c->first);
	expect_accounts(&twice);
	rig_free(rig);
}

static void steps_part_by_shard_keep_capture_order_and_copy_quotes_to_their_victim(void **state)
{
	static const unsigned workers[] = { 1, 2, 3, 7, 64 };

	(void)state;
	for (size_t w = 0; w < NR_COUNT(workers); w++) {
		struct rig *rig = rig_new();
		struct nr_prepare_rules rules = { .until = INT64_MAX, .n_workers = workers[w] };
		unsigned seen = 0, mirrors = 0;

		for (uint32_t i = 0; i < NR_CAPTURE_BLOCK_FRAMES; i++) {
			uint32_t src = (uint32_t)nr_mix64(i % 97) | 0x01000000;

			if (i % 10 == 0)
				add_unreachable(rig, T0 * NR_NS_PER_S, src, 0xc6120000 + i,
						0x08080800 + i % 3 * 256);
			else if (i % 10 == 1) /* the victim itself: no copy */
				add_unreachable(rig, T0 * NR_NS_PER_S, src, 0xc6120000 + i, src);
			else
				add_syn(rig, T0 * NR_NS_PER_S, src, 0xc6120000 + i);
		}
		run(rig, &rules);
		assert_int_equal(rig->counts.classified, NR_CAPTURE_BLOCK_FRAMES);
		assert_int_equal(rig->prepared->start[0], 0);
		for (unsigned k = 0; k < workers[w]; k++) {
			const struct nr_flow_step *steps = rig->prepared->steps;
			int last = -1;

			for (uint32_t i = rig->prepared->start[k]; i < rig->prepared->start[k + 1];
			     i++) {
				const struct nr_packet *p =
					&rig->prepared->packets[steps[i].packet];
				struct nr_ip whose = steps[i].mirror ? p->quoted_dst : p->src;

				assert_int_equal(steps[i].shard % workers[w], k);
				assert_int_equal(steps[i].shard, nr_shard_of(whose));
				assert_true(steps[i].packet >= last);
				last = steps[i].packet;
				seen += !steps[i].mirror;
				mirrors += steps[i].mirror;
			}
		}
		assert_int_equal(seen, NR_CAPTURE_BLOCK_FRAMES);
		assert_int_equal(mirrors, (NR_CAPTURE_BLOCK_FRAMES + 9) / 10);
		expect_accounts(&rig->counts);
		rig_free(rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_watermark_is_the_newest_second_so_far_and_jumps_need_agreement),
		cmocka_unit_test(times_before_and_after_the_watermark_are_flagged),
		cmocka_unit_test(every_frame_is_classified_or_counted_under_a_cause),
		cmocka_unit_test(
			steps_part_by_shard_keep_capture_order_and_copy_quotes_to_their_victim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
