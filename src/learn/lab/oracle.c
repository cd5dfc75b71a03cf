/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/oracle.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "base/hash.h"

static uint64_t hash_ip(struct nr_ip ip)
{
	uint64_t hi, lo;

	memcpy(&hi, ip.b, 8);
	memcpy(&lo, ip.b + 8, 8);
	return nr_mix64(hi ^ nr_mix64(lo ^ UINT64_C(0x4c6162)));
}

static uint64_t entry_hash(const void *entry, const void *ctx)
{
	(void)ctx;
	return hash_ip(((const struct nr_lab_known *)entry)->src);
}

static bool entry_eq(const void *entry, const void *key)
{
	return nr_ip_eq(((const struct nr_lab_known *)entry)->src, *(const struct nr_ip *)key);
}

int64_t nr_lab_timeout(uint64_t n_v4)
{
	double s = n_v4 == 0 ? 3600 : 6.907755278982137 * NR_LAB_SPACE / (100.0 * (double)n_v4);

	s = s < 300 ? 300 : s > 86400 ? 86400 : s;
	return (int64_t)s * NR_NS_PER_S;
}

int nr_lab_oracle_init(struct nr_lab_oracle *oracle, uint64_t n_v4)
{
	int r;

	*oracle = (struct nr_lab_oracle){ .timeout_ns = nr_lab_timeout(n_v4), .n_v4 = n_v4 };
	r = nr_table_init(&oracle->known, sizeof(struct nr_lab_known), NR_TABLE_MAX, entry_hash,
			  NULL);
	return r < 0 ? r
		     : nr_table_init(&oracle->visits, sizeof(struct nr_lab_visit), NR_TABLE_MAX,
				     NULL, NULL);
}

void nr_lab_oracle_done(struct nr_lab_oracle *oracle)
{
	nr_table_done(&oracle->known);
	nr_table_done(&oracle->visits);
	free(oracle->campaigns);
	oracle->campaigns = NULL;
}

struct nr_lab_known *nr_lab_oracle_find(const struct nr_lab_oracle *oracle, struct nr_ip src)
{
	return nr_table_find(&oracle->known, hash_ip(src), entry_eq, &src);
}

static struct nr_lab_known *know(struct nr_lab_oracle *oracle, struct nr_ip src)
{
	struct nr_lab_known *known = nr_lab_oracle_find(oracle, src);

	if (known != NULL)
		return known;
	known = nr_table_insert(&oracle->known, hash_ip(src));
	if (known == NULL)
		oracle->err = -ENOMEM;
	else
		known->src = src;
	return known;
}

/* The detector ends a source at the first whole minute that lies T after its last packet. */
static bool is_over(const struct nr_lab_oracle *oracle, const struct nr_lab_visit *visit,
		    int64_t ts)
{
	int64_t due = nr_time_floor_s((struct nr_time){ visit->last + oracle->timeout_ns });

	return nr_time_floor_s((struct nr_time){ ts }) >= (due / 60 + 1) * 60;
}

static void note_destination(struct nr_lab_visit *visit, uint32_t dst, int64_t ts)
{
	for (unsigned i = 0; i < visit->n_few; i++)
		if (visit->few[i] == dst)
			return;
	if (visit->n_few == NR_COUNT(visit->few))
		return;
	visit->few[visit->n_few++] = dst;
	if (visit->n_few == NR_COUNT(visit->few)) {
		visit->third_at = ts;
		visit->third_packets = visit->packets;
	}
}

void nr_lab_oracle_packet(struct nr_lab_oracle *oracle, int64_t ts, const uint8_t *ip)
{
	bool v6 = ip[0] >> 4 == 6;
	struct nr_ip src = nr_ip_v4(nr_get_be32(ip + 12)), dst = nr_ip_v4(nr_get_be32(ip + 16));
	struct nr_lab_known *known;
	struct nr_lab_visit *visit;

	if (v6) {
		memcpy(src.b, ip + 8, 16);
		memcpy(dst.b, ip + 24, 16);
	}
	known = know(oracle, src);
	if (known == NULL)
		return;
	visit = nr_lab_oracle_visit(oracle, known->newest);
	if (visit == NULL || is_over(oracle, visit, ts)) {
		visit = nr_table_append(&oracle->visits);
		if (visit == NULL) {
			oracle->err = -ENOMEM;
			return;
		}
		visit->first = ts;
		visit->older = known->newest;
		known->newest = oracle->visits.n;
	}
	visit->last = ts;
	visit->packets++;
	note_destination(visit, v6 ? (uint32_t)hash_ip(dst) : nr_ip_to_v4(dst), ts);
}

static void note_campaign(struct nr_lab_oracle *oracle, const struct nr_lab_actor *actor)
{
	struct nr_lab_label *all = realloc(oracle->campaigns,
					   (oracle->n_campaigns + 1) * sizeof(*all));

	if (all == NULL) {
		oracle->err = -ENOMEM;
		return;
	}
	oracle->campaigns = all;
	all[oracle->n_campaigns++] = actor->label;
}

void nr_lab_oracle_truth(struct nr_lab_oracle *oracle, const struct nr_lab_actor *actor)
{
	struct nr_lab_known *known;

	if (strcmp(actor->label.actor, "campaign") == 0) {
		note_campaign(oracle, actor);
		return;
	}
	known = know(oracle, actor->src);
	if (known == NULL)
		return;
	known->label = actor->label;
	known->start = actor->start;
	known->end = actor->end;
	known->first = actor->first;
	known->last = actor->last;
	known->packets = actor->packets;
	known->arrivals = actor->count;
	known->distinct = actor->touched.n;
	known->arrival = actor->arrival;
}
