/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshot: version, covered time, bins, then rows that hold anything, each after its key. Bins are saved folded. */
#include <stdlib.h>

#include "orient/tally_int.h"

enum { VERSION = 1, TICK_LIMIT_BITS = 40 };

/* ---- save ---- */

/* Few registers are set in most sketches: then (index, value) pairs, else all of them. */
static void save_regs(struct nr_buf *out, const uint8_t *regs, unsigned p)
{
	size_t n = (size_t)1 << p, n_set = 0;

	for (size_t i = 0; i < n; i++)
		n_set += regs[i] != 0;
	bool sparse = n_set * 3 < n;

	nr_write_u8(out, sparse);
	if (!sparse) {
		nr_buf_add(out, regs, n);
		return;
	}
	nr_write_varint(out, n_set);
	for (size_t i = 0; i < n; i++) {
		if (regs[i] == 0)
			continue;
		nr_write_varint(out, i);
		nr_write_u8(out, regs[i]);
	}
}

static void save_counts(struct nr_buf *out, const uint64_t *counts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		nr_write_varint(out, counts[i]);
}

static void save_cold(const struct nr_tally *tally, const struct tally_cold *row,
		      struct nr_buf *out)
{
	uint64_t bins[NR_TALLY_COARSE];

	nr_tally_cold_bins(tally, row, bins);
	nr_write_varint(out, row->packets);
	nr_write_varint(out, row->bytes);
	nr_write_varint(out, row->sources);
	save_counts(out, bins, NR_TALLY_COARSE);
}

static void save_ports(const struct nr_tally *tally, struct nr_buf *out)
{
	for (uint32_t i = 0; i < TALLY_PORT_ROWS; i++) {
		const struct tally_port *row = &tally->ports[i];
		uint64_t bins[NR_TALLY_COARSE];
		unsigned p;

		if (row->packets == 0)
			continue;
		nr_write_le32(out, i);
		nr_write_varint(out, row->packets);
		nr_write_varint(out, row->bytes);
		nr_tally_port_bins(tally, row, bins);
		save_counts(out, bins, NR_TALLY_COARSE);
		nr_write_u8(out, row->saturated);
		const uint8_t *regs = nr_tally_regs(tally, i, &p);

		save_regs(out, regs, p);
	}
	nr_write_le32(out, UINT32_MAX);
}

static void save_origins(const struct nr_tally *tally, struct nr_buf *out)
{
	for (uint32_t i = 0; i < tally->n_origins; i++) {
		if (tally->origins[i].sources == 0)
			continue;
		struct nr_origin origin = nr_prefixes_origin(tally->prefixes, i);

		nr_write_u8(out, 1);
		nr_write_le32(out, origin.asn);
		nr_buf_add(out, origin.economy, 2);
		save_cold(tally, &tally->origins[i], out);
	}
	nr_write_u8(out, 0);
}

void nr_tally_save(const struct nr_tally *tally, struct nr_buf *out)
{
	nr_write_u8(out, VERSION);
	nr_write_u8(out, tally->first <= tally->last);
	if (tally->first > tally->last)
		return;
	nr_write_le64(out, (uint64_t)tally->first);
	nr_write_le64(out, (uint64_t)tally->last);
	for (int64_t bin = tally->first >> tally->fine; bin <= tally->last >> tally->fine; bin++) {
		const struct tally_bin *row = &tally->bins[bin & (NR_TALLY_BINS - 1)];

		save_counts(out, row->packets, NR_CLASS_N);
		nr_write_varint(out, row->bytes);
		save_regs(out, row->regs, TALLY_BIN_P);
	}
	for (size_t i = 0; i < NR_CLASS_N; i++)
		save_cold(tally, &tally->classes[i], out);
	nr_write_u8(out, NR_MARK_N);
	for (size_t i = 0; i < NR_MARK_N; i++)
		save_cold(tally, &tally->tools[i], out);
	for (size_t i = 0; i < TALLY_N_LEVELS; i++)
		save_cold(tally, &tally->levels[i], out);
	save_ports(tally, out);
	save_origins(tally, out);
}

/* ---- load ---- */

static void load_regs(struct nr_reader *in, uint8_t *regs, unsigned p)
{
	size_t n = (size_t)1 << p;

	if (nr_read_u8(in) == 0) {
		const uint8_t *all = nr_read_bytes(in, n);

		for (size_t i = 0; all != NULL && i < n; i++)
			regs[i] = all[i] <= 64 ? all[i] : 64;
		return;
	}
	uint64_t n_set = nr_read_varint(in);

	for (uint64_t i = 0; i < n_set && nr_reader_ok(in); i++) {
		uint64_t at = nr_read_varint(in);
		uint8_t value = nr_read_u8(in);

		if (at >= n)
			in->failed = true;
		else
			regs[at] = value <= 64 ? value : 64;
	}
}

static void load_counts(struct nr_reader *in, uint64_t *counts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		counts[i] = nr_read_varint(in);
}

static void load_cold(const struct nr_tally *tally, struct nr_reader *in, struct tally_cold *row)
{
	uint64_t bins[NR_TALLY_COARSE];

	row->packets += nr_read_varint(in);
	row->bytes += nr_read_varint(in);
	row->sources += nr_read_varint(in);
	load_counts(in, bins, NR_TALLY_COARSE);
	for (size_t i = 0; i < NR_TALLY_COARSE; i++)
		row->bins[i] += bins[i];
	row->level = (uint8_t)tally->coarse;
}

static void load_ports(struct nr_tally *tally, struct nr_reader *in)
{
	for (uint32_t i = nr_read_le32(in); i != UINT32_MAX && nr_reader_ok(in);
	     i = nr_read_le32(in)) {
		uint64_t bins[NR_TALLY_COARSE];
		unsigned p;

		if (i >= TALLY_PORT_ROWS) {
			in->failed = true;
			return;
		}
		tally->ports[i].packets = nr_read_varint(in);
		tally->ports[i].bytes = nr_read_varint(in);
		load_counts(in, bins, NR_TALLY_COARSE);
		nr_tally_port_add(tally, &tally->ports[i], bins);
		tally->ports[i].saturated = nr_read_u8(in) != 0;
		uint8_t *regs = nr_tally_regs(tally, i, &p);

		load_regs(in, regs, p);
	}
}

struct origin_key {
	uint32_t asn;
	char economy[3];
	uint32_t index;
};

static int cmp_origin(const void *va, const void *vb)
{
	const struct origin_key *a = va, *b = vb;

	if (a->asn != b->asn)
		return a->asn < b->asn ? -1 : 1;
	return memcmp(a->economy, b->economy, sizeof(a->economy));
}

static int load_origins(struct nr_tally *tally, struct nr_reader *in)
{
	struct origin_key *keys = calloc(tally->n_origins, sizeof(*keys));

	if (keys == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < tally->n_origins; i++) {
		struct nr_origin origin = nr_prefixes_origin(tally->prefixes, i);

		keys[i] = (struct origin_key){ .asn = origin.asn, .index = i };
		memcpy(keys[i].economy, origin.economy, sizeof(keys[i].economy));
	}
	qsort(keys, tally->n_origins, sizeof(*keys), cmp_origin);
	while (nr_read_u8(in) != 0 && nr_reader_ok(in)) {
		struct origin_key key = { .asn = nr_read_le32(in) };
		const uint8_t *economy = nr_read_bytes(in, 2);

		if (economy != NULL)
			memcpy(key.economy, economy, 2);
		const struct origin_key *hit = bsearch(&key, keys, tally->n_origins, sizeof(*keys),
						       cmp_origin);

		/* a network that the data of today does not know is counted as unknown */
		load_cold(tally, in, &tally->origins[hit != NULL ? hit->index : 0]);
	}
	free(keys);
	return 0;
}

static void load_bins(struct nr_tally *tally, struct nr_reader *in)
{
	for (int64_t bin = tally->first >> tally->fine; bin <= tally->last >> tally->fine; bin++) {
		struct tally_bin *row = &tally->bins[bin & (NR_TALLY_BINS - 1)];

		load_counts(in, row->packets, NR_CLASS_N);
		row->bytes = nr_read_varint(in);
		load_regs(in, row->regs, TALLY_BIN_P);
	}
}

static void load_cold_rows(struct nr_tally *tally, struct nr_reader *in)
{
	for (size_t i = 0; i < NR_CLASS_N; i++)
		load_cold(tally, in, &tally->classes[i]);
	uint8_t n_tools = nr_read_u8(in); /* the table of marks only grows */

	if (n_tools > NR_MARK_N)
		in->failed = true;
	for (size_t i = 0; i < n_tools && nr_reader_ok(in); i++)
		load_cold(tally, in, &tally->tools[i]);
	for (size_t i = 0; i < TALLY_N_LEVELS; i++)
		load_cold(tally, in, &tally->levels[i]);
}

/* The time that is covered must be known before any bin can be placed. */
static bool load_time(struct nr_tally *tally, struct nr_reader *in)
{
	int64_t first = (int64_t)nr_read_le64(in), last = (int64_t)nr_read_le64(in);
	int64_t limit = INT64_C(1) << TICK_LIMIT_BITS;

	if (first > last || first < -limit || last > limit || !nr_reader_ok(in))
		return false;
	nr_tally_extend(tally, first);
	nr_tally_extend(tally, last);
	return true;
}

int nr_tally_load(struct nr_tally *tally, struct nr_reader *in)
{
	uint8_t version = nr_read_u8(in), any = nr_read_u8(in);

	if (!nr_reader_ok(in))
		return NR_EDAMAGED;
	if (version != VERSION)
		return NR_EVERSION;
	if (any == 0)
		return 0;
	if (!load_time(tally, in))
		return NR_EDAMAGED;
	load_bins(tally, in);
	load_cold_rows(tally, in);
	load_ports(tally, in);
	int ret = load_origins(tally, in);

	return ret < 0 ? ret : nr_reader_ok(in) ? 0 : NR_EDAMAGED;
}
