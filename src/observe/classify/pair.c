/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/pair.h"

#include <stdlib.h>

int nr_pair_init(struct nr_pair *pair)
{
	pair->slots = aligned_alloc(64, NR_PAIR_SLOTS * sizeof(pair->slots[0]));
	if (pair->slots == NULL)
		return -ENOMEM;
	memset(pair->slots, 0, NR_PAIR_SLOTS * sizeof(pair->slots[0]));
	return 0;
}

void nr_pair_done(struct nr_pair *pair)
{
	free(pair->slots);
	pair->slots = NULL;
}

static uint32_t dst_identity(const struct nr_packet *packet)
{
	uint64_t hi, lo;

	if (packet->is_v4)
		return nr_ip_to_v4(packet->dst);
	memcpy(&hi, packet->dst.b, 8);
	memcpy(&lo, packet->dst.b + 8, 8);
	return (uint32_t)(nr_mix64(lo ^ nr_mix64(hi)) >> 32);
}

uint16_t nr_pair_feed_hashed(struct nr_pair *pair, uint64_t source, const struct nr_packet *packet)
{
	struct nr_pair_slot now = {
		.who = (uint64_t)dst_identity(packet) << 32 | nr_pair_bits(packet),
		.what = (uint64_t)packet->sport << 48 | (uint64_t)packet->dport << 32 | packet->seq,
	};

	return nr_pair_note(pair, source, now);
}

void nr_pair_save(const struct nr_pair *pair, struct nr_buf *out)
{
	nr_buf_add(out, pair->slots, NR_PAIR_SLOTS * sizeof(pair->slots[0]));
}

int nr_pair_load(struct nr_pair *pair, struct nr_reader *in)
{
	const uint8_t *bytes = nr_read_bytes(in, NR_PAIR_SLOTS * sizeof(pair->slots[0]));

	if (bytes == NULL)
		return NR_EDAMAGED;
	memcpy(pair->slots, bytes, NR_PAIR_SLOTS * sizeof(pair->slots[0]));
	return 0;
}
