/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "orient/tally_int.h"

void nr_tally_time(const struct nr_tally *tally, struct nr_tally_time *ret_time)
{
	memset(ret_time, 0, sizeof(*ret_time));
	if (tally->first > tally->last)
		return;
	int64_t first_bin = tally->first >> tally->fine;

	ret_time->any = true;
	ret_time->first = tally->first;
	ret_time->last = tally->last;
	ret_time->start = first_bin * (INT64_C(1) << tally->fine);
	ret_time->width = INT64_C(1) << tally->fine;
	ret_time->n = (size_t)((tally->last >> tally->fine) - first_bin) + 1;
	for (size_t i = 0; i < ret_time->n; i++) {
		const struct tally_bin *bin =
			&tally->bins[(size_t)(first_bin + (int64_t)i) & (NR_TALLY_BINS - 1)];
		uint64_t packets = 0;

		for (size_t c = 0; c < NR_CLASS_N; c++)
			packets += ret_time->bins[i].packets[c] = bin->packets[c];
		ret_time->bins[i].bytes = bin->bytes;
		ret_time->bins[i].sources = packets > 0 ? nr_hll_estimate(bin->regs, TALLY_BIN_P)
							: 0;
	}
}

/* The bin that holds the middle of the covered time is shared out by time. */
static void halves(const struct nr_tally *tally, const uint64_t bins[NR_TALLY_COARSE],
		   struct nr_tally_row *row)
{
	double begin = (double)tally->first, stop = (double)tally->last + 1,
	       middle = (begin + stop) / 2;
	double width = (double)(INT64_C(1) << tally->coarse);
	int64_t first_bin = tally->first >> tally->coarse;

	row->has_halves = tally->last > tally->first;
	for (int64_t i = 0; i < NR_TALLY_COARSE; i++) {
		double from = (double)(first_bin + i) * width, to = from + width;
		double packets = (double)bins[(first_bin + i) & (NR_TALLY_COARSE - 1)];

		from = from < begin ? begin : from;
		to = to > stop ? stop : to;
		double early = middle >= to	? 1
			       : middle <= from ? 0
						: (middle - from) / (to - from);

		row->half[0] += packets * early;
		row->half[1] += packets * (1 - early);
	}
}

static void cold_row(const struct nr_tally *tally, const struct tally_cold *cold,
		     struct nr_tally_row *row)
{
	uint64_t bins[NR_TALLY_COARSE];

	row->packets = cold->packets;
	row->bytes = cold->bytes;
	row->sources = (double)cold->sources;
	nr_tally_cold_bins(tally, cold, bins);
	halves(tally, bins, row);
}

static void port_row(const struct nr_tally *tally, size_t at, struct nr_tally_row *row)
{
	const struct tally_port *port = &tally->ports[at];
	uint64_t bins[NR_TALLY_COARSE];
	unsigned p;
	const uint8_t *regs = nr_tally_regs(tally, at, &p);

	row->proto = at < 1 << 16	    ? 6
		     : at < TALLY_ROW_ICMP  ? 17
		     : at < TALLY_ROW_ICMP6 ? 1
		     : at < TALLY_ROW_OTHER ? 58
					    : (uint8_t)(at - TALLY_ROW_OTHER);
	row->port = at < TALLY_ROW_ICMP ? (uint16_t)at : at < TALLY_ROW_OTHER ? (uint8_t)at : 0;
	row->packets = port->packets;
	row->bytes = port->bytes;
	row->sources = nr_hll_estimate(regs, p);
	row->estimated = true;
	nr_tally_port_bins(tally, port, bins);
	halves(tally, bins, row);
	row->has_halves = row->has_halves && !port->saturated;
}

/* ---- economies: the rows of networks, summed ---- */

struct economy {
	char code[3];
	struct tally_cold sum;
};

struct economies {
	struct economy *list;
	size_t n;
};

enum { ECONOMIES = 26 * 26 + 1 };

static size_t economy_slot(const char code[3])
{
	unsigned a = (unsigned)(code[0] - 'A'), b = (unsigned)(code[1] - 'A');

	return a < 26 && b < 26 ? 1 + a * 26 + b : 0;
}

static bool economies_sum(const struct nr_tally *tally, struct economies *ret_all)
{
	struct economy *list = calloc(ECONOMIES, sizeof(*list));

	if (list == NULL)
		return false;
	for (uint32_t i = 0; i < tally->n_origins; i++) {
		const struct tally_cold *from = &tally->origins[i];
		uint64_t bins[NR_TALLY_COARSE];

		if (from->sources == 0)
			continue;
		struct nr_origin origin = nr_prefixes_origin(tally->prefixes, i);
		struct economy *to = &list[economy_slot(origin.economy)];

		if (to != list)
			memcpy(to->code, origin.economy, sizeof(to->code));
		to->sum.packets += from->packets;
		to->sum.sources += from->sources;
		to->sum.level = (uint8_t)tally->coarse;
		nr_tally_cold_bins(tally, from, bins);
		for (size_t b = 0; b < NR_TALLY_COARSE; b++)
			to->sum.bins[b] += bins[b];
	}
	*ret_all = (struct economies){ .list = list, .n = ECONOMIES };
	return true;
}

/* ---- top lists ---- */

static size_t n_candidates(const struct nr_tally *tally, enum nr_tally_kind kind)
{
	switch (kind) {
	case NR_TALLY_PORT:
		return TALLY_PORT_ROWS;
	case NR_TALLY_CLASS:
		return NR_CLASS_N;
	case NR_TALLY_AS:
		return tally->n_origins;
	case NR_TALLY_ECONOMY:
		return ECONOMIES;
	case NR_TALLY_TOOL:
		return NR_MARK_N;
	case NR_TALLY_LEVEL:
		return TALLY_N_LEVELS;
	}
	return 0;
}

static const struct tally_cold *cold_at(const struct nr_tally *tally, enum nr_tally_kind kind,
					size_t i, const struct economies *all)
{
	switch (kind) {
	case NR_TALLY_PORT:
		break;
	case NR_TALLY_CLASS:
		return &tally->classes[i];
	case NR_TALLY_AS:
		return &tally->origins[i];
	case NR_TALLY_ECONOMY:
		return &all->list[i].sum;
	case NR_TALLY_TOOL:
		return &tally->tools[i];
	case NR_TALLY_LEVEL:
		return &tally->levels[i];
	}
	return NULL;
}

static uint64_t packets_at(const struct nr_tally *tally, enum nr_tally_kind kind, size_t i,
			   const struct economies *all)
{
	return kind == NR_TALLY_PORT ? tally->ports[i].packets
				     : cold_at(tally, kind, i, all)->packets;
}

static void fill(const struct nr_tally *tally, enum nr_tally_kind kind, size_t i,
		 const struct economies *all, struct nr_tally_row *row)
{
	memset(row, 0, sizeof(*row));
	if (kind == NR_TALLY_PORT) {
		port_row(tally, i, row);
		return;
	}
	cold_row(tally, cold_at(tally, kind, i, all), row);
	row->index = (uint8_t)i;
	if (kind == NR_TALLY_ECONOMY)
		memcpy(row->economy, all->list[i].code, sizeof(row->economy));
	if (kind != NR_TALLY_AS)
		return;
	struct nr_origin origin = nr_prefixes_origin(tally->prefixes, (uint32_t)i);

	row->asn = origin.asn;
	row->as_name = origin.as_name;
	memcpy(row->economy, origin.economy, sizeof(row->economy));
}

size_t nr_tally_top(const struct nr_tally *tally, enum nr_tally_kind kind,
		    struct nr_tally_row *rows, size_t max)
{
	enum { TOP_MAX = 256 };
	size_t best[TOP_MAX], n_best = 0;
	struct economies all = { 0 };

	max = max < TOP_MAX ? max : TOP_MAX;
	if (max == 0 || (kind == NR_TALLY_ECONOMY && !economies_sum(tally, &all)))
		return 0;
	for (size_t i = 0; i < n_candidates(tally, kind); i++) {
		uint64_t packets = packets_at(tally, kind, i, &all);
		size_t at = n_best;

		if (packets == 0)
			continue;
		while (at > 0 && packets_at(tally, kind, best[at - 1], &all) < packets)
			at--;
		if (at == max)
			continue;
		n_best += n_best < max;
		memmove(best + at + 1, best + at, (n_best - at - 1) * sizeof(*best));
		best[at] = i;
	}
	for (size_t i = 0; i < n_best; i++)
		fill(tally, kind, best[i], &all, &rows[i]);
	free(all.list);
	return n_best;
}

size_t nr_tally_count(const struct nr_tally *tally, enum nr_tally_kind kind)
{
	struct economies all = { 0 };
	size_t n = 0;

	if (kind == NR_TALLY_ECONOMY && !economies_sum(tally, &all))
		return 0;
	for (size_t i = 0; i < n_candidates(tally, kind); i++)
		n += packets_at(tally, kind, i, &all) > 0;
	free(all.list);
	return n;
}

uint64_t nr_tally_packets(const struct nr_tally *tally)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < NR_CLASS_N; i++)
		sum += tally->classes[i].packets;
	return sum;
}

uint64_t nr_tally_bytes(const struct nr_tally *tally)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < NR_CLASS_N; i++)
		sum += tally->classes[i].bytes;
	return sum;
}
