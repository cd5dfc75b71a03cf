/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The on-line engine. The first byte chooses:
 *   even   the rest is a snapshot behind its head, whose sum is made right: refused or taken, then
 *          it goes on
 *   odd    the rest is a journal, 8 bytes an entry: what, sensor, seconds of arrival, claim. A
 *          snapshot in the middle, read back by an engine with two workers, changes no byte.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "orient/online.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 44, ENTRY = 8, ENTRIES_MAX = 200, T0 = 1767571200, OUT_MAX = 1 << 26 };

static void require(bool good)
{
	if (!good)
		abort();
}

static int on_revision(void *ctx, const struct nr_revision *revision)
{
	struct nr_buf *out = ctx;

	require(revision->number > 0 && revision->state <= NR_REVISION_WITHDRAWN);
	nr_revision_json(revision, out);
	nr_sightings_print(revision->seen_by.list, revision->seen_by.n, out);
	nr_buf_add(out, "\n", 1);
	return 0;
}

static struct nr_online *engine(struct nr_buf *out, unsigned workers)
{
	struct nr_online_options options = { .n_workers = workers,
					     .max_entries = 64,
					     .max_waiting = 500,
					     .revision = on_revision,
					     .ctx = out };
	struct nr_online *online;

	require(nr_online_new(&options, &online, NULL) == 0);
	return online;
}

/* ---- snapshots ---- */

static void snapshot(const uint8_t *data, size_t size)
{
	struct nr_buf state, out;
	struct nr_online *online;

	nr_buf_init(&state, OUT_MAX);
	nr_buf_init(&out, OUT_MAX);
	online = engine(&out, 1);
	require(nr_online_save(online, &state) == 0 && state.n > HEAD);
	state.n = HEAD;
	nr_buf_add(&state, data, size);
	nr_write_le32(&state, nr_crc32c(0, state.p, state.n));
	int r = nr_online_load(online, (struct nr_bytes){ state.p, state.n }, NULL);

	require(r == 0 || r == NR_EDAMAGED);
	if (r == 0) {
		struct nr_entry w = { .type = NR_ENTRY_WATERMARK,
				      .at = UINT64_MAX,
				      .watermark = { T0 + 100000 } };

		(void)!nr_online_feed(online, &w, NULL);
	}
	nr_online_free(online);
	nr_buf_done(&state);
	nr_buf_done(&out);
}

/* ---- journals ---- */

static void rows(const uint8_t *e, int64_t now, struct nr_batch_encoder *encoder,
		 struct nr_buf *payload)
{
	for (unsigned i = 0; i < 1u + e[4] % 24; i++) {
		uint64_t r = nr_mix64(e[5] * 256u + i + 1);
		struct nr_observation o = {
			.src = nr_ip_v4(0x08000000 | (uint32_t)(e[6] % 8) << 8),
			.dst = nr_ip_v4(0xc6120000 | (uint32_t)(r & 0xff)),
			.tick = now - e[7] * (e[6] & 8 ? 100 : 1) + (e[6] & 16 ? 200 : 0),
			.first = (uint32_t)(r >> 20) % 1000000000,
			.last = (uint32_t)(r >> 20) % 1000000000,
			.packets = 1 + (uint32_t)(r >> 60),
			.bytes = 40,
			.sport = 443,
			.dport = (uint16_t)(r >> 40),
			.proto = 6,
			.tcp_flags = 18,
			.traffic_class = e[6] >> 6,
		};

		o.marks[e[6] % NR_MARK_N] = e[6] & 32 ? 1 : 0;
		if (e[6] & 1 && o.traffic_class == NR_CLASS_BACKSCATTER) {
			o.flags = NR_OBS_QUOTED;
			o.quoted_dst = nr_ip_v4(0x09000000);
			o.quoted_proto = 17;
		}
		(void)nr_batch_encoder_add(encoder, &o, 1);
	}
	require(nr_batch_encoder_finish(encoder, payload) == 0);
}

static void entry_of(const uint8_t *e, int64_t now, struct nr_batch_encoder *encoder,
		     struct nr_buf *payload, struct nr_entry *ret_entry)
{
	struct nr_uuid sensor = { { (uint8_t)(e[1] % 7) } };

	nr_buf_reset(payload);
	ret_entry->type = 1 + e[0] % 8;
	ret_entry->arrived_ns = now * NR_NS_PER_S;
	switch ((enum nr_entry_type)ret_entry->type) {
	case NR_ENTRY_BATCH:
		rows(e, now, encoder, payload);
		ret_entry->batch = (struct nr_entry_batch){
			.sensor = sensor,
			.imported = e[0] & 64 ? 1 : 0,
			.batch = { .payload = { payload->p, payload->n - (e[0] & 128 ? 1 : 0) } }
		};
		break;
	case NR_ENTRY_GAP:
		ret_entry->gap = (struct nr_entry_gap){
			.sensor = sensor,
			.gap = { .from_seq = e[4], .to_seq = e[5], .reason = e[6] }
		};
		break;
	case NR_ENTRY_WATERMARK:
		ret_entry->watermark.tick = now - e[7] * (e[6] % 16 == 15 ? 1000 : 1);
		break;
	case NR_ENTRY_SENSOR:
		ret_entry->sensor = (struct nr_entry_sensor){
			.sensor = sensor,
			.event = (uint8_t)(e[4] % (NR_SENSOR_EVENT_N + 1)),
			.monitored_v4 = (uint64_t)e[5] << e[6] % 40,
			.value = (int64_t)((uint64_t)e[7] << e[6] % 60),
		};
		break;
	case NR_ENTRY_QUARANTINE:
		ret_entry->text.sensor = sensor;
		break;
	case NR_ENTRY_LEDGER:
	case NR_ENTRY_DATA:
	case NR_ENTRY_CONFIG:
		break;
	}
}

static void journal(const uint8_t *data, size_t size)
{
	struct nr_buf whole, cut, payload, state;
	struct nr_batch_encoder *encoder;
	size_t n = nr_min_size(size / ENTRY, ENTRIES_MAX);
	int64_t now = T0;

	nr_buf_init(&whole, OUT_MAX);
	nr_buf_init(&cut, OUT_MAX);
	nr_buf_init(&payload, NR_BATCH_SIZE_MAX);
	nr_buf_init(&state, OUT_MAX);
	require(nr_batch_encoder_new(&encoder) == 0);
	struct nr_online *a = engine(&whole, 1), *b = engine(&cut, 1);

	for (size_t i = 0; i < n; i++) {
		const uint8_t *e = data + i * ENTRY;
		struct nr_entry entry = { .at = i + 1 };

		now += e[2] * (e[3] % 32 == 31 ? 3600 : e[3] % 4 == 3 ? 30 : e[3] % 2);
		entry_of(e, now, encoder, &payload, &entry);
		int r = nr_online_feed(a, &entry, NULL);

		require(r == 0 || r == NR_EDAMAGED);
		require(nr_online_feed(b, &entry, NULL) == r);
		if (i == n / 2) {
			require(nr_online_save(b, &state) == 0);
			nr_online_free(b);
			b = engine(&cut, 2);
			require(nr_online_load(b, (struct nr_bytes){ state.p, state.n }, NULL) ==
				0);
		}
	}
	require(whole.n == cut.n && (whole.n == 0 || memcmp(whole.p, cut.p, whole.n) == 0));
	nr_online_free(a);
	nr_online_free(b);
	nr_batch_encoder_free(encoder);
	nr_buf_done(&whole);
	nr_buf_done(&cut);
	nr_buf_done(&payload);
	nr_buf_done(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 2 == 0)
		snapshot(data + 1, size - 1);
	else
		journal(data + 1, size - 1);
	return 0;
}
