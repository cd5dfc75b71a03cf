/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/held.h"

#include <stdlib.h>

#include "record/shard.h"

struct ordered {
	int64_t last;
	uint32_t shard, number;
	void *record;
};

int nr_held_init(struct nr_table *findings)
{
	return nr_table_init(findings, sizeof(struct nr_held_finding), NR_TABLE_MAX, NULL, NULL);
}

int nr_held_add(struct nr_table *findings, const struct nr_finding *finding)
{
	struct nr_held_finding *held = nr_table_append(findings);

	if (held == NULL || (held->evidence = malloc(finding->evidence_size + 1)) == NULL)
		return -ENOMEM;
	memcpy(held->evidence, finding->evidence, finding->evidence_size);
	held->finding = *finding;
	held->finding.evidence = held->evidence;
	held->finding.parts = NULL;
	held->seen_by = (struct nr_sightings){ 0 };
	return 0;
}

static void evidence_free(struct nr_table *findings)
{
	for (uint32_t i = 0; i < findings->n; i++) {
		struct nr_held_finding *held = nr_table_at(findings, i);

		free(held->evidence);
		free(held->seen_by.list);
	}
}

void nr_held_clear(struct nr_table *findings)
{
	evidence_free(findings);
	if (findings->n > 0)
		nr_table_clear(findings);
}

void nr_held_done(struct nr_table *findings)
{
	evidence_free(findings);
	nr_table_done(findings);
}

static int by_last(const void *va, const void *vb)
{
	const struct ordered *a = va, *b = vb;

	if (a->last != b->last)
		return a->last < b->last ? -1 : 1;
	if (a->shard != b->shard)
		return a->shard < b->shard ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static int64_t last_of(const void *record, bool finding)
{
	return finding ? ((const struct nr_finding *)record)->last.ns
		       : ((const struct nr_source *)record)->last.ns;
}

int nr_held_out(const struct nr_held_out *how)
{
	size_t n = 0, k = 0;
	int r = 0;

	for (unsigned s = 0; s < NR_SHARDS; s++)
		n += how->table(how->ctx, s)->n;
	if (n == 0)
		return 0;
	struct ordered *list = calloc(n, sizeof(list[0]));

	if (list == NULL)
		return -ENOMEM;
	for (unsigned s = 0; s < NR_SHARDS; s++) {
		const struct nr_table *table = how->table(how->ctx, s);

		for (uint32_t i = 0; i < table->n; i++) {
			void *record = nr_table_at(table, i);

			list[k++] = (struct ordered){ last_of(record, how->findings), s, i,
						      record };
		}
	}
	qsort(list, n, sizeof(list[0]), by_last);
	for (size_t i = 0; i < n && r == 0; i++)
		r = how->out(how->ctx, list[i].record);
	free(list);
	return r;
}
