/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/tally.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "orient/tally_int.h"

enum { BATCH = 64, FINE_SLOTS = 2 * (TALLY_FINE_LOW + TALLY_FINE_HIGH) };

#define FINE_BYTES ((size_t)FINE_SLOTS << TALLY_FINE_P)
#define PORT_BYTES (TALLY_PORT_ROWS * sizeof(struct tally_port))

/* Higher ports that scanners like best and people ask about; two that share a low byte: the first wins. */
static const uint16_t high_ports[] = {
	1080,  1433,  1521,  1723,  1883,  1900,  2000,	 2222,	2323,  2375,  2376,  2379,
	3128,  3306,  3389,  3478,  4444,  5000,  5060,	 5353,	5432,  5555,  5683,  5900,
	5901,  5984,  5985,  6379,  6443,  7001,  7547,	 8000,	8080,  8081,  8088,  8090,
	8291,  8443,  8545,  8728,  8888,  9000,  9090,	 9100,	9200,  9443,  10000, 10250,
	11211, 20000, 25565, 27017, 37215, 37777, 44818, 47808, 49152, 52869, 60001, 60023,
};

/*
 * Zero pages that cost nothing until they are touched. Rows are met at random, so huge pages save most of what
 * the walk of page tables would cost; without them it works as well.
 */
static void *pages(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, n, MADV_HUGEPAGE); /* advice only */
	return p;
}

static void choose_high_ports(struct nr_tally *tally)
{
	uint16_t slot = 0;

	for (size_t i = 0; i < NR_COUNT(high_ports); i++) {
		struct tally_high *high = &tally->high[high_ports[i] % TALLY_FINE_HIGH];

		if (high->port == 0)
			*high = (struct tally_high){ .port = high_ports[i], .slot = slot++ };
	}
}

int nr_tally_new(const struct nr_prefixes *prefixes, struct nr_tally **ret_tally)
{
	struct nr_tally *tally = calloc(1, sizeof(*tally));

	if (tally == NULL)
		return -ENOMEM;
	tally->prefixes = prefixes;
	tally->first = INT64_MAX;
	tally->last = INT64_MIN;
	tally->n_origins = prefixes != NULL ? nr_prefixes_n(prefixes) : 0;
	tally->n_origins += tally->n_origins == 0; /* record 0 says "unknown" */
	tally->origins = calloc(tally->n_origins, sizeof(*tally->origins));
	tally->bins = calloc(NR_TALLY_BINS, sizeof(*tally->bins));
	tally->spare = calloc(NR_TALLY_BINS, sizeof(*tally->spare));
	tally->fine_regs = pages(FINE_BYTES);
	tally->ports = pages(PORT_BYTES);
	if (tally->origins == NULL || tally->bins == NULL || tally->spare == NULL ||
	    tally->fine_regs == NULL || tally->ports == NULL) {
		nr_tally_free(tally);
		return -ENOMEM;
	}
	choose_high_ports(tally);
	*ret_tally = tally;
	return 0;
}

struct nr_tally *nr_tally_free(struct nr_tally *tally)
{
	if (tally == NULL)
		return NULL;
	if (tally->ports != NULL)
		(void)munmap(tally->ports, PORT_BYTES); /* cannot fail on what mmap gave */
	if (tally->fine_regs != NULL)
		(void)munmap(tally->fine_regs, FINE_BYTES);
	free(tally->spare);
	free(tally->bins);
	free(tally->origins);
	free(tally);
	return NULL;
}

/* ---- time ---- */

static void fold_bins_of_time(struct nr_tally *tally, int64_t first_bin, int64_t last_bin)
{
	struct tally_bin *into = tally->spare;

	memset(into, 0, NR_TALLY_BINS * sizeof(*into));
	for (int64_t bin = first_bin; bin <= last_bin; bin++) {
		const struct tally_bin *from = &tally->bins[bin & (NR_TALLY_BINS - 1)];
		struct tally_bin *to = &into[bin >> 1 & (NR_TALLY_BINS - 1)];

		for (size_t c = 0; c < NR_CLASS_N; c++)
			to->packets[c] += from->packets[c];
		to->bytes += from->bytes;
		nr_hll_merge(to->regs, from->regs, TALLY_BIN_P);
	}
	tally->spare = tally->bins;
	tally->bins = into;
}

void nr_tally_extend(struct nr_tally *tally, int64_t tick)
{
	int64_t old_first = tally->first, old_last = tally->last;
	bool any = old_first <= old_last;

	if (tick < tally->first)
		tally->first = tick;
	if (tick > tally->last)
		tally->last = tick;
	while ((tally->last >> tally->fine) - (tally->first >> tally->fine) >= NR_TALLY_BINS) {
		if (any)
			fold_bins_of_time(tally, old_first >> tally->fine, old_last >> tally->fine);
		tally->fine++;
	}
	while ((tally->last >> tally->coarse) - (tally->first >> tally->coarse) >=
	       NR_TALLY_COARSE) {
		tally->base[tally->coarse] = any ? old_first >> tally->coarse : 0;
		tally->coarse++;
	}
}

void nr_tally_fold(uint64_t bins[NR_TALLY_COARSE], unsigned from, int64_t base, unsigned to)
{
	uint64_t out[NR_TALLY_COARSE] = { 0 };

	for (int64_t i = 0; i < NR_TALLY_COARSE; i++) {
		int64_t bin = base + i;

		out[bin >> (to - from) & (NR_TALLY_COARSE - 1)] +=
			bins[bin & (NR_TALLY_COARSE - 1)];
	}
	memcpy(bins, out, sizeof(out));
}

void nr_tally_port_bins(const struct nr_tally *tally, const struct tally_port *row,
			uint64_t bins[NR_TALLY_COARSE])
{
	for (size_t i = 0; i < NR_TALLY_COARSE; i++)
		bins[i] = row->bins[i];
	if (row->level < tally->coarse)
		nr_tally_fold(bins, row->level, tally->base[row->level], tally->coarse);
}

void nr_tally_cold_bins(const struct nr_tally *tally, const struct tally_cold *row,
			uint64_t bins[NR_TALLY_COARSE])
{
	memcpy(bins, row->bins, sizeof(row->bins));
	if (row->level < tally->coarse)
		nr_tally_fold(bins, row->level, tally->base[row->level], tally->coarse);
}

void nr_tally_port_add(struct nr_tally *tally, struct tally_port *row,
		       const uint64_t add[NR_TALLY_COARSE])
{
	uint64_t bins[NR_TALLY_COARSE];

	nr_tally_port_bins(tally, row, bins);
	for (size_t i = 0; i < NR_TALLY_COARSE; i++) {
		bins[i] += add[i];
		row->saturated = row->saturated || bins[i] > UINT32_MAX;
		row->bins[i] = bins[i] > UINT32_MAX ? UINT32_MAX : (uint32_t)bins[i];
	}
	row->level = (uint8_t)tally->coarse;
}

void nr_tally_cold_add(struct nr_tally *tally, struct tally_cold *row,
		       const uint64_t add[NR_TALLY_COARSE])
{
	nr_tally_cold_bins(tally, row, row->bins);
	for (size_t i = 0; i < NR_TALLY_COARSE; i++)
		row->bins[i] += add[i];
	row->level = (uint8_t)tally->coarse;
}

/* ---- observations ---- */

/* One observation, whatever form it had. */
struct work {
	struct tally_port *row;
	uint8_t *regs;
	uint64_t hash, bytes;
	int64_t tick;
	uint32_t packets;
	uint8_t p, class;
};

static inline uint64_t source_hash(struct nr_ip ip)
{
	uint64_t hi, lo;

	memcpy(&hi, ip.b, 8);
	memcpy(&lo, ip.b + 8, 8);
	return nr_mix64(NR_LIKELY(hi == 0) ? lo : lo ^ nr_mix64(hi));
}

static const uint64_t nothing[NR_TALLY_COARSE];

static inline void count_port(struct nr_tally *tally, const struct work *w, size_t coarse)
{
	struct tally_port *row = w->row;

	if (NR_UNLIKELY(row->level != tally->coarse))
		nr_tally_port_add(tally, row, nothing);
	row->packets += w->packets;
	row->bytes += w->bytes;
	if (NR_UNLIKELY(
		    __builtin_add_overflow(row->bins[coarse], w->packets, &row->bins[coarse]))) {
		row->bins[coarse] = UINT32_MAX;
		row->saturated = true;
	}
	nr_hll_add(w->regs, w->p, w->hash);
}

/*
 * Count works of one time bin, which neighbours nearly always share: what is kept by bin and class
 * is summed up first.
 * @return how many of the @p n there were, at least one
 */
static size_t count_bin(struct nr_tally *tally, const struct work *works, size_t n)
{
	struct {
		uint64_t packets, bytes;
	} sums[NR_CLASS_N] = { 0 };
	int64_t tick = works[0].tick;
	size_t i;

	if (NR_UNLIKELY(tick < tally->first || tick > tally->last))
		nr_tally_extend(tally, tick);
	struct tally_bin *bin = &tally->bins[tick >> tally->fine & (NR_TALLY_BINS - 1)];
	int64_t number = tick >> tally->fine;
	size_t coarse = (size_t)(tick >> tally->coarse) & (NR_TALLY_COARSE - 1);

	for (i = 0; i < n; i++) {
		const struct work *w = &works[i];
		size_t c = w->class & (NR_CLASS_N - 1);

		if (NR_UNLIKELY(w->tick >> tally->fine != number || w->tick < tally->first ||
				w->tick > tally->last))
			break;
		sums[c].packets += w->packets;
		sums[c].bytes += w->bytes;
		nr_hll_add(bin->regs, TALLY_BIN_P, w->hash);
		count_port(tally, w, coarse);
	}
	for (size_t c = 0; c < NR_CLASS_N; c++) {
		struct tally_cold *row = &tally->classes[c];

		if ((sums[c].packets | sums[c].bytes) == 0)
			continue;
		if (NR_UNLIKELY(row->level != tally->coarse))
			nr_tally_cold_add(tally, row, nothing);
		bin->packets[c] += sums[c].packets;
		bin->bytes += sums[c].bytes;
		row->packets += sums[c].packets;
		row->bytes += sums[c].bytes;
		row->bins[coarse] += sums[c].packets;
	}
	return i;
}

_Static_assert((NR_CLASS_N & (NR_CLASS_N - 1)) == 0, "classes are masked");

/*
 * Find the row of the port and start loading what will be counted. TCP and UDP without branches: protocols, low,
 * common and other ports follow each other at random. The same as nr_tally_port_row() and nr_tally_regs().
 */
static inline void work_at(const struct nr_tally *tally, uint8_t proto, uint16_t dport,
			   uint64_t hash, struct work *w)
{
	size_t udp = proto == 17, at = udp << 16 | dport, has_ports = udp | (proto == 6);
	const struct tally_high *high = &tally->high[dport % TALLY_FINE_HIGH];
	size_t is_low = (dport < TALLY_FINE_LOW) & has_ports,
	       is_fine = is_low | ((high->port == dport) & has_ports);
	size_t slot = is_low * (udp * TALLY_FINE_LOW + dport) +
		      (1 - is_low) * (2 * TALLY_FINE_LOW + udp * TALLY_FINE_HIGH + high->slot);

	if (NR_UNLIKELY(has_ports == 0))
		at = nr_tally_port_row(proto, dport);
	uintptr_t fine = (uintptr_t)(tally->fine_regs + (slot << TALLY_FINE_P)), own;

	w->row = &tally->ports[at];
	w->hash = hash;
	w->p = (uint8_t)(TALLY_PORT_P + is_fine * (TALLY_FINE_P - TALLY_PORT_P));
	own = (uintptr_t)w->row->regs;
	w->regs = (uint8_t *)(own ^ ((own ^ fine) & (0 - is_fine)));
	__builtin_prefetch(w->row, 1);
	__builtin_prefetch(w->regs + (hash >> (64 - w->p)), 1);
}

static void count_all(struct nr_tally *tally, const struct work *works, size_t n)
{
	for (size_t i = 0; i < n;)
		i += count_bin(tally, works + i, n - i);
}

void nr_tally_feed(struct nr_tally *tally, const struct nr_observation *obs, size_t n)
{
	NR_UNINITIALIZED struct work works[BATCH];

	for (size_t at = 0; at < n;) {
		size_t k = 0;

		for (; at < n && k < BATCH; at++) {
			const struct nr_observation *o = &obs[at];
			struct work *w = &works[k];

			if (NR_UNLIKELY((o->flags & NR_OBS_MIRROR) != 0))
				continue;
			work_at(tally, o->proto, o->dport, source_hash(o->src), w);
			w->bytes = o->bytes;
			w->tick = o->tick;
			w->packets = o->packets;
			w->class = o->traffic_class;
			k++;
		}
		count_all(tally, works, k);
	}
}

void nr_tally_feed_packed(struct nr_tally *tally, const struct nr_flow4 *flows, size_t n)
{
	NR_UNINITIALIZED struct work works[BATCH];

	for (size_t at = 0; at < n;) {
		size_t k = 0;

		for (; at < n && k < BATCH; at++) {
			const struct nr_flow4 *e = &flows[at];
			struct work *w = &works[k];

			if (NR_UNLIKELY((e->ports & NR_FLOW4_MIRROR) != 0))
				continue;
			work_at(tally, (uint8_t)(e->ports >> 24), (uint16_t)(e->ports >> 32),
				nr_flow4_source_hash(e), w);
			w->bytes = (uint64_t)e->bytes_hi << 32 | e->bytes_lo;
			w->tick = e->tick;
			w->packets = e->packets;
			w->class = (uint8_t)(e->ports >> 16);
			k++;
		}
		count_all(tally, works, k);
	}
}

/* ---- sources ---- */

/* Packets that an even sender of @p packets in @p seconds has sent after @p at of them. */
static uint64_t sent_after(uint64_t packets, uint64_t seconds, uint64_t at)
{
	__extension__ unsigned __int128 product = (unsigned __int128)packets * at;

	return (uint64_t)(product / seconds);
}

/*
 * Share the packets out evenly over [first, last] into coarse bins. Differences of one running sum, so that fine
 * bins folded later give the very same as coarse ones at once.
 */
static void spread(const struct nr_tally *tally, const struct nr_source *source,
		   uint64_t out[NR_TALLY_COARSE])
{
	int64_t first = nr_time_floor_s(source->first), stop = nr_time_floor_s(source->last) + 1;
	uint64_t seconds = (uint64_t)(stop - first), before = 0;

	memset(out, 0, NR_TALLY_COARSE * sizeof(*out));
	if (first >> tally->coarse == (stop - 1) >> tally->coarse) { /* no division */
		out[first >> tally->coarse & (NR_TALLY_COARSE - 1)] = source->packets;
		return;
	}
	for (int64_t bin = first >> tally->coarse; bin <= (stop - 1) >> tally->coarse; bin++) {
		int64_t end = (bin + 1) * (INT64_C(1) << tally->coarse);
		uint64_t sent = sent_after(source->packets, seconds,
					   (uint64_t)((end < stop ? end : stop) - first));

		out[bin & (NR_TALLY_COARSE - 1)] += sent - before;
		before = sent;
	}
}

static void count_source(struct nr_tally *tally, struct tally_cold *row, uint64_t packets,
			 const uint64_t bins[NR_TALLY_COARSE])
{
	nr_tally_cold_add(tally, row, bins);
	row->packets += packets;
	row->sources++;
}

void nr_tally_source(struct nr_tally *tally, const struct nr_source *source)
{
	uint64_t bins[NR_TALLY_COARSE];
	uint32_t origin = source->origin != 0	    ? source->origin - 1
			  : tally->prefixes != NULL ? nr_prefixes_find(tally->prefixes, source->src)
						    : 0;

	if (source->last.ns < source->first.ns)
		return; /* cannot be; bins would be meaningless */
	nr_tally_extend(tally, nr_time_floor_s(source->first));
	nr_tally_extend(tally, nr_time_floor_s(source->last));
	spread(tally, source, bins);
	count_source(tally, &tally->origins[origin < tally->n_origins ? origin : 0],
		     source->packets, bins);
	if (source->level < TALLY_N_LEVELS)
		count_source(tally, &tally->levels[source->level], source->packets, bins);
	if (source->traffic_class < NR_CLASS_N)
		tally->classes[source->traffic_class].sources++;
	for (size_t i = 0; i < NR_MARK_N; i++)
		if ((source->tools >> i & 1) != 0)
			count_source(tally, &tally->tools[i], source->packets, bins);
}

/* ---- merge ---- */

static void merge_cold(struct nr_tally *into, const struct nr_tally *from, struct tally_cold *to,
		       const struct tally_cold *row)
{
	uint64_t bins[NR_TALLY_COARSE];

	if (row->packets == 0 && row->sources == 0)
		return;
	nr_tally_cold_bins(from, row, bins);
	nr_tally_fold(bins, from->coarse, from->first >> from->coarse, into->coarse);
	nr_tally_cold_add(into, to, bins);
	to->packets += row->packets;
	to->bytes += row->bytes;
	to->sources += row->sources;
}

static void merge_ports(struct nr_tally *into, const struct nr_tally *from)
{
	for (size_t i = 0; i < TALLY_PORT_ROWS; i++) {
		const struct tally_port *row = &from->ports[i];
		uint64_t bins[NR_TALLY_COARSE];
		unsigned p;

		if (row->packets == 0)
			continue;
		nr_tally_port_bins(from, row, bins);
		nr_tally_fold(bins, from->coarse, from->first >> from->coarse, into->coarse);
		nr_tally_port_add(into, &into->ports[i], bins);
		into->ports[i].packets += row->packets;
		into->ports[i].bytes += row->bytes;
		into->ports[i].saturated = into->ports[i].saturated || row->saturated;
		uint8_t *regs = nr_tally_regs(into, i, &p);

		nr_hll_merge(regs, nr_tally_regs(from, i, &p), p);
	}
}

void nr_tally_merge(struct nr_tally *into, const struct nr_tally *from)
{
	if (from->first > from->last)
		return;
	nr_tally_extend(into, from->first);
	nr_tally_extend(into, from->last);
	for (int64_t bin = from->first >> from->fine; bin <= from->last >> from->fine; bin++) {
		const struct tally_bin *row = &from->bins[bin & (NR_TALLY_BINS - 1)];
		struct tally_bin *to =
			&into->bins[bin >> (into->fine - from->fine) & (NR_TALLY_BINS - 1)];

		for (size_t c = 0; c < NR_CLASS_N; c++)
			to->packets[c] += row->packets[c];
		to->bytes += row->bytes;
		nr_hll_merge(to->regs, row->regs, TALLY_BIN_P);
	}
	merge_ports(into, from);
	for (size_t i = 0; i < NR_CLASS_N; i++)
		merge_cold(into, from, &into->classes[i], &from->classes[i]);
	for (size_t i = 0; i < NR_MARK_N; i++)
		merge_cold(into, from, &into->tools[i], &from->tools[i]);
	for (size_t i = 0; i < TALLY_N_LEVELS; i++)
		merge_cold(into, from, &into->levels[i], &from->levels[i]);
	for (uint32_t i = 0; i < from->n_origins && i < into->n_origins; i++)
		merge_cold(into, from, &into->origins[i], &from->origins[i]);
}
