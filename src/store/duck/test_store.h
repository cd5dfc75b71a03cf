/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file test_store: stores in a directory of their own, entries made up from a number, rows
 * read back. For tests. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/hash.h"
#include "store/observations.h"

enum { TEST_PATH = 256, TEST_NOON = 1767614400, TEST_DAY = 86400 }; /* 2026-01-05T12:00:00Z */

static inline void test_dir_make(char dir[TEST_PATH])
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(dir, TEST_PATH, "%s/noroshi-store-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
}

static inline void test_dir_remove(const char *dir)
{
	char path[4 * TEST_PATH];
	DIR *d = opendir(dir);
	const struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%.255s/%s", dir, entry->d_name);
		if (entry->d_type == DT_DIR)
			test_dir_remove(path);
		else
			(void)unlink(path);
	}
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(dir);
}

/* Where sources are: a pure function of the address. */
static inline void test_locate(void *ctx, struct nr_ip ip, struct nr_store_place *ret_place)
{
	uint32_t v4 = nr_ip_to_v4(ip);

	(void)ctx;
	ret_place->asn = 64500 + v4 % 7;
	ret_place->economy[0] = v4 % 2 != 0 ? 'J' : 'D';
	ret_place->economy[1] = v4 % 2 != 0 ? 'P' : 'E';
}

static inline struct nr_store *test_open(const char *dir, bool read_only)
{
	struct nr_store_options options = { .dir = dir,
					    .memory_bytes = 128 << 20,
					    .threads = 1,
					    .read_only = read_only,
					    .locate = test_locate };
	struct nr_store *store = NULL;
	struct nr_err err = { 0 };

	if (nr_store_open(&options, &store, &err) < 0)
		fail_msg("%s", err.msg);
	return store;
}

/* Row i of the entry at `at`: every column takes part, some are IPv6, some quote. */
static inline struct nr_observation test_row(uint64_t at, uint64_t i)
{
	uint64_t a = nr_mix64(at * 1000 + i), b = nr_mix64(a);
	struct nr_observation obs = {
		.src = nr_ip_v4(0xcb007100 | (uint32_t)(a & 0xff)),
		.dst = nr_ip_v4(0xc6336400 | (uint32_t)(b & 0xff)),
		/* before and after midnight in turns */
		.tick = TEST_NOON + TEST_DAY / 2 - 3600 + (int64_t)(at * 3700 + i % 7) % 7200,
		.packets = 1 + (uint32_t)(a >> 8 & 7),
		.bytes = 40 + (a >> 16 & 0xffff),
		.first = (uint32_t)(a >> 20) % 1000000000,
		.sport = (uint16_t)(b >> 8),
		.dport = (uint16_t[]){ 23, 22, 445, 8080 }[a >> 32 & 3],
		.window = (uint16_t)(b >> 16),
		.opt_hash = (uint32_t)(b >> 62) * 77777777,
		.payload_hash = a % 5 == 0 ? (uint32_t)b : 0,
		.proto = a % 5 == 0 ? 17 : 6,
		.traffic_class = (uint8_t)(a % NR_CLASS_N),
		.payload = (uint8_t)(a % 5 == 0),
		.tcp_flags = (uint8_t)(b >> 40),
		.ttl_min = 40,
		.ttl_max = (uint8_t)(40 + (b >> 50 & 15)),
		.flags = a % 9 == 0 ? NR_OBS_QUOTED : 0,
	};
	obs.last = obs.first + (uint32_t)(b & 0xffff);
	obs.marks[a % NR_MARK_SLOTS] = (uint8_t)(a >> 50);
	if (a % 9 == 0) {
		obs.quoted_dst = nr_ip_v4(0xc0000200 | (uint32_t)(b >> 5 & 0xff));
		obs.quoted_dport = 53;
		obs.quoted_proto = 17;
	}
	if (a % 13 == 0) {
		obs.src = (struct nr_ip){ { 0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)a } };
		obs.dst = (struct nr_ip){ { 0x20, 0x01, 0x0d, 0xb8, [8] = 1, [15] = (uint8_t)b } };
	}
	return obs;
}

/* The entry's payload stays in @p out. */
static inline struct nr_entry test_entry_of(const struct nr_observation *obs, size_t n, uint64_t at,
					    struct nr_buf *out)
{
	struct nr_batch_encoder *encoder = NULL;
	struct nr_entry entry = { .at = at,
				  .arrived_ns = (TEST_NOON + 2 * TEST_DAY) * NR_NS_PER_S,
				  .type = NR_ENTRY_BATCH,
				  .batch = { .sensor = { { (uint8_t)(1 + at % 3) } } } };

	assert_int_equal(nr_batch_encoder_new(&encoder), 0);
	assert_int_equal(nr_batch_encoder_add(encoder, obs, n), n);
	nr_buf_reset(out);
	assert_int_equal(nr_batch_encoder_finish(encoder, out), 0);
	nr_batch_encoder_free(encoder);
	entry.batch.batch.payload = (struct nr_bytes){ out->p, out->n };
	return entry;
}

static inline void test_add(struct nr_store *store, uint64_t at, size_t n)
{
	struct nr_observation obs[64];
	struct nr_err err = { 0 };
	struct nr_buf out;

	assert_true(n <= NR_COUNT(obs));
	nr_buf_init(&out, 1 << 20);
	for (size_t i = 0; i < n; i++)
		obs[i] = test_row(at, i);
	struct nr_entry entry = test_entry_of(obs, n, at, &out);

	if (nr_store_add(store, &entry, &err) < 0)
		fail_msg("%s", err.msg);
	nr_buf_done(&out);
}

static inline void test_commit(struct nr_store *store)
{
	struct nr_err err = { 0 };

	if (nr_store_commit(store, &err) < 0)
		fail_msg("%s", err.msg);
}

static inline void test_settle(struct nr_store *store)
{
	struct nr_err err = { 0 };

	if (nr_store_settle(store, &err) < 0)
		fail_msg("%s", err.msg);
}
