/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/prepare.h"

#include "observe/classify/classify.h"
#include "observe/fast.h"

void nr_prepare_watermarks(struct nr_watermark *mark, const struct nr_block *block,
			   struct nr_prepared *prepared)
{
	int64_t tick = 0;

	for (size_t i = 0; i < block->n; i++) {
		int64_t ts = block->frames[i].ts;

		/* neighbours are nearly always of one second */
		if (NR_UNLIKELY((uint64_t)ts - (uint64_t)tick * NR_NS_PER_S >= NR_NS_PER_S))
			tick = nr_time_floor_s((struct nr_time){ ts });
		if (NR_UNLIKELY(tick > mark->tick)) {
			bool agreed = mark->pending != INT64_MIN &&
				      tick >= mark->pending - NR_TIME_JUMP_S &&
				      tick - NR_TIME_JUMP_S <= mark->pending;

			if (mark->tick == INT64_MIN || tick - NR_TIME_JUMP_S <= mark->tick ||
			    agreed) {
				mark->tick = tick;
				mark->pending = INT64_MIN;
			} else {
				mark->pending = tick;
			}
		}
		prepared->ticks[i] = tick;
		prepared->watermarks[i] = mark->tick;
	}
	prepared->watermark = mark->tick;
}

static inline void time_set(struct nr_packet *p, int64_t tick, int64_t watermark)
{
	p->tick = (uint32_t)tick;
	p->offset = (uint32_t)(p->ts - tick * NR_NS_PER_S);
	if (NR_LIKELY(tick == watermark))
		return;
	p->anomalies |= (tick < watermark - 1 ? 1u << NR_ANOMALY_TIME_BACKWARD : 0) |
			(tick > watermark ? 1u << NR_ANOMALY_TIME_JUMP : 0);
}

static enum nr_outcome prepare_one(const struct nr_prepare_rules *rules,
				   const struct nr_frame *frame, struct nr_packet *packet)
{
	/* the flow table's seconds are 32 bits wide: until 2106 */
	if (NR_UNLIKELY(frame->ts < rules->since || frame->ts >= rules->until || frame->ts < 0 ||
			frame->ts >= ((int64_t)UINT32_MAX + 1) * NR_NS_PER_S))
		return NR_OUTCOME_TIME;
	if (NR_UNLIKELY(rules->filter != NULL) && nr_filter_match(rules->filter, frame) != 1)
		return NR_OUTCOME_FILTERED;
	enum nr_outcome outcome = nr_dissect(frame, packet);

	if (NR_UNLIKELY(outcome != NR_OUTCOME_OK))
		return outcome;
	if (rules->nets != NULL &&
	    !(NR_LIKELY(packet->is_v4) ? nr_nets_has_v4(rules->nets, nr_ip_to_v4(packet->dst))
				       : nr_nets_has(rules->nets, packet->dst)))
		return NR_OUTCOME_NOT_MONITORED;
	nr_classify(packet);
	return NR_OUTCOME_OK;
}

static void count_bits(uint64_t *counts, uint32_t bits)
{
	for (; bits != 0; bits &= bits - 1)
		counts[__builtin_ctz(bits)]++;
}

/* Counted in registers over a block, then added. */
struct sums {
	uint64_t bytes, classified, classified_bytes;
	uint64_t tcp; /* classified the fast way */
	int64_t first, last;
};

static inline void count_packet(struct nr_pipeline_counts *counts, struct sums *sums,
				const struct nr_packet *p, uint32_t wirelen)
{
	sums->classified++;
	sums->classified_bytes += wirelen;
	sums->first = p->ts < sums->first ? p->ts : sums->first;
	sums->last = p->ts > sums->last ? p->ts : sums->last;
	counts->classes[p->traffic_class]++;
	counts->protocols[p->proto]++;
	if (NR_UNLIKELY(p->anomalies != 0))
		count_bits(counts->anomalies, p->anomalies);
	if (NR_UNLIKELY(p->tunnel != NR_TUNNEL_NONE))
		counts->tunnels[p->tunnel]++;
}

enum { NOWHERE = NR_SHARDS };

/* One worker takes everything as it came. */
static void list_all(struct nr_prepared *prepared, const uint8_t *shard, const uint8_t *mirror,
		     size_t n)
{
	struct nr_flow_step *step = prepared->steps;

	for (size_t i = 0; i < n; i++) {
		*step = (struct nr_flow_step){ (uint16_t)i, shard[i], 0 };
		step += shard[i] != NOWHERE;
		if (NR_UNLIKELY(mirror[i] != NOWHERE))
			*step++ = (struct nr_flow_step){ (uint16_t)i, mirror[i], 1 };
	}
	prepared->start[0] = 0;
	for (unsigned w = 1; w <= NR_SHARDS; w++)
		prepared->start[w] = (uint32_t)(step - prepared->steps);
}

/* Counting sort by worker that keeps capture order. */
static void sort_by_worker(struct nr_prepared *prepared, const uint8_t *shard,
			   const uint8_t *mirror, size_t n, unsigned n_workers)
{
	uint32_t at[NR_SHARDS + 1] = { 0 };
	uint8_t worker_of[NR_SHARDS + 1];
	uint32_t sum = 0;

	for (unsigned s = 0; s < NR_SHARDS; s++)
		worker_of[s] = (uint8_t)(s % n_workers);
	worker_of[NOWHERE] = NR_SHARDS;
	for (size_t i = 0; i < n; i++) {
		at[worker_of[shard[i]]]++;
		at[worker_of[mirror[i]]]++;
	}
	for (unsigned w = 0; w <= NR_SHARDS; w++) {
		uint32_t here = at[w];

		prepared->start[w] = at[w] = sum;
		sum += w < NR_SHARDS ? here : 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (NR_LIKELY(shard[i] != NOWHERE))
			prepared->steps[at[worker_of[shard[i]]]++] =
				(struct nr_flow_step){ (uint16_t)i, shard[i], 0 };
		if (NR_UNLIKELY(mirror[i] != NOWHERE))
			prepared->steps[at[worker_of[mirror[i]]]++] =
				(struct nr_flow_step){ (uint16_t)i, mirror[i], 1 };
	}
}

/* One frame the general way. @return its outcome */
static enum nr_outcome take_general(const struct nr_prepare_rules *rules, size_t i,
				    const struct nr_frame *frame, struct nr_prepared *prepared,
				    struct nr_pipeline_counts *counts, struct sums *sums)
{
	struct nr_packet *p = &prepared->packets[i];
	struct nr_flow4 *e = &prepared->entries[i];
	enum nr_outcome outcome = prepare_one(rules, frame, p);

	e->packets = 0;
	if (NR_UNLIKELY(outcome != NR_OUTCOME_OK))
		return outcome;
	time_set(p, prepared->ticks[i], prepared->watermarks[i]);
	count_packet(counts, sums, p, frame->wirelen);
	if (NR_LIKELY(p->is_v4))
		nr_flow4_pack(p, e);
	return outcome;
}

/* The same where observe/fast.h covers it: TCP without anything odd. */
static inline enum nr_fast take_fast(const struct nr_prepare_rules *rules, size_t i, uint32_t at,
				     const struct nr_frame *frame, struct nr_prepared *prepared,
				     struct nr_pipeline_counts *counts, struct sums *sums)
{
	int64_t tick = prepared->ticks[i];
	struct nr_flow4 *e = &prepared->entries[i];
	enum nr_fast how = nr_fast_pack_at(frame, at, (uint32_t)tick,
					   (uint32_t)(frame->ts - tick * NR_NS_PER_S), rules->nets,
					   e);

	if (NR_LIKELY(how == NR_FAST_OK)) {
		sums->classified_bytes += frame->wirelen;
		sums->first = frame->ts < sums->first ? frame->ts : sums->first;
		sums->last = frame->ts > sums->last ? frame->ts : sums->last;
		sums->tcp++;
		counts->classes[e->ports >> 16 & 0xff]++;
	}
	return how;
}

/*
 * Part the frames of a block: those that look common, with where their IP header stands, and all others. Which it is
 * changes from one to the next, so that to branch on it here would cost more than the lists.
 */
struct parted {
	uint16_t fast[NR_CAPTURE_BLOCK_FRAMES], general[NR_CAPTURE_BLOCK_FRAMES];
	uint8_t at[NR_CAPTURE_BLOCK_FRAMES];
	size_t n_fast, n_general;
};

static void part(const struct nr_prepare_rules *rules, const struct nr_block *block,
		 const struct nr_prepared *prepared, struct nr_pipeline_counts *counts,
		 struct sums *sums, struct parted *parted)
{
	size_t n_fast = 0, n_general = 0, n = block->n;
	int64_t never = ((int64_t)UINT32_MAX + 1) * NR_NS_PER_S;
	/* watermarks do not fall: who has the second of one between these is within 32 bits */
	bool fast = rules->fast && rules->filter == NULL && n > 0 && prepared->watermarks[0] >= 0 &&
		    prepared->watermarks[n - 1] <= UINT32_MAX;
	bool open = rules->since <= 0 && rules->until >= never;

	for (size_t i = 0; i < n; i++) {
		const struct nr_frame *frame = &block->frames[i];
		uint32_t at = nr_fast_candidate(frame);
		unsigned is_fast = (at != 0) & (prepared->ticks[i] == prepared->watermarks[i]) &
				   fast;

		if (NR_UNLIKELY(!open))
			is_fast &= (frame->ts >= rules->since) & (frame->ts < rules->until);
		sums->bytes += frame->wirelen;
		counts->links[frame->link < 511 ? frame->link : 511]++;
		parted->fast[n_fast] = (uint16_t)i;
		parted->at[n_fast] = (uint8_t)at;
		parted->general[n_general] = (uint16_t)i;
		n_fast += is_fast;
		n_general += !is_fast;
	}
	parted->n_fast = n_fast;
	parted->n_general = n_general;
}

static inline uint8_t mirror_of(const struct nr_packet *p)
{
	return p->quoted_proto != 0 && !nr_ip_eq(p->quoted_dst, p->src)
		       ? (uint8_t)nr_shard_of(p->quoted_dst)
		       : NOWHERE;
}

/* Those of the fast list that turn out odd go to the other. */
static void prepare_fast(const struct nr_prepare_rules *rules, const struct nr_block *block,
			 struct nr_prepared *prepared, struct nr_pipeline_counts *counts,
			 struct sums *sums, struct parted *parted, uint8_t *shard)
{
	for (size_t k = 0; k < parted->n_fast; k++) {
		size_t i = parted->fast[k];
		enum nr_fast how = take_fast(rules, i, parted->at[k], &block->frames[i], prepared,
					     counts, sums);

		shard[i] = (uint8_t)nr_shard_of_v4(nr_flow4_src(&prepared->entries[i]));
		if (NR_LIKELY(how == NR_FAST_OK))
			continue;
		shard[i] = NOWHERE;
		if (how == NR_FAST_NOT_MONITORED)
			counts->dropped[NR_OUTCOME_NOT_MONITORED]++;
		else
			parted->general[parted->n_general++] = (uint16_t)i;
	}
}

static void prepare_general(const struct nr_prepare_rules *rules, const struct nr_block *block,
			    struct nr_prepared *prepared, struct nr_pipeline_counts *counts,
			    struct sums *sums, const struct parted *parted, uint8_t *shard,
			    uint8_t *mirror)
{
	for (size_t k = 0; k < parted->n_general; k++) {
		size_t i = parted->general[k];
		const struct nr_flow4 *e = &prepared->entries[i];
		enum nr_outcome outcome = take_general(rules, i, &block->frames[i], prepared,
						       counts, sums);

		shard[i] = NOWHERE;
		if (NR_UNLIKELY(outcome != NR_OUTCOME_OK)) {
			counts->dropped[outcome]++;
			continue;
		}
		shard[i] = (uint8_t)(e->packets != 0 ? nr_shard_of_v4(nr_flow4_src(e))
						     : nr_shard_of(prepared->packets[i].src));
		mirror[i] = mirror_of(&prepared->packets[i]);
	}
}

void nr_prepare(const struct nr_prepare_rules *rules, const struct nr_block *block,
		struct nr_prepared *prepared, struct nr_pipeline_counts *counts)
{
	NR_UNINITIALIZED uint8_t shard[NR_CAPTURE_BLOCK_FRAMES], mirror[NR_CAPTURE_BLOCK_FRAMES];
	NR_UNINITIALIZED struct parted parted;
	struct sums sums = { .first = counts->first, .last = counts->last };

	memset(mirror, NOWHERE, block->n);
	part(rules, block, prepared, counts, &sums, &parted);
	prepare_fast(rules, block, prepared, counts, &sums, &parted, shard);
	prepare_general(rules, block, prepared, counts, &sums, &parted, shard, mirror);
	counts->received += block->n;
	counts->bytes += sums.bytes;
	counts->classified += sums.classified + sums.tcp;
	counts->classified_bytes += sums.classified_bytes;
	counts->protocols[6] += sums.tcp;
	counts->first = sums.first;
	counts->last = sums.last;
	if (rules->n_workers == 1)
		list_all(prepared, shard, mirror, block->n);
	else
		sort_by_worker(prepared, shard, mirror, block->n, rules->n_workers);
}

void nr_prepare_counts_add(struct nr_pipeline_counts *into, const struct nr_pipeline_counts *from)
{
	uint64_t *a = &into->received;
	const uint64_t *b = &from->received;

	for (size_t i = 0; i < offsetof(struct nr_pipeline_counts, first) / sizeof(uint64_t); i++)
		a[i] += b[i];
	into->first = from->first < into->first ? from->first : into->first;
	into->last = from->last > into->last ? from->last : into->last;
}
