/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * samples: one shard's payload samples, one for each source and port.
 *
 * Cost    a lookup for each packet with payload that opens a flow; 168 bytes a sample
 * Limits  NR_SAMPLES_MAX a shard. Samples older than a day make room; beyond, new ones are refused and counted.
 * Threads one at a time
 */
#include "base/cursor.h"
#include "base/hash.h"
#include "base/table.h"
#include "record/sample.h"

enum { NR_SAMPLES_MAX = 2048, NR_SAMPLES_AGE_S = 86400 };

struct nr_samples {
	struct nr_table table;
	struct nr_hash_key key;
	int64_t next_sweep; /* s */
};

NR_MUST_CHECK int nr_samples_init(struct nr_samples *samples, const struct nr_hash_key *key);
void nr_samples_done(struct nr_samples *samples);
/** Keep @p sample unless its source and port have one. */
void nr_samples_add(struct nr_samples *samples, const struct nr_sample *sample);
/** Until the next advance; NULL when there is none. */
const struct nr_sample *nr_samples_find(const struct nr_samples *samples, struct nr_ip src,
					uint8_t proto, uint16_t port);
/** Once an hour of event time: forget what is older than a day. */
void nr_samples_advance(struct nr_samples *samples, int64_t now);
void nr_samples_save(const struct nr_samples *samples, struct nr_buf *out);
NR_MUST_CHECK int nr_samples_load(struct nr_samples *samples, struct nr_reader *in);
