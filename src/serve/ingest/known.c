/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/ingest/ingest_int.h"

int64_t nr_ingest_clock_beat(struct nr_ingest_clock *clock, int64_t hub_ns, int64_t sensor_ns,
			     uint32_t rtt_us)
{
	int64_t behind, least;

	if (__builtin_sub_overflow(hub_ns, sensor_ns, &behind))
		behind = hub_ns > sensor_ns ? INT64_MAX : INT64_MIN;
	clock->behind_ns[clock->n++ % NR_CLOCK_BEATS] = behind;
	least = behind;
	for (unsigned i = 0; i < NR_CLOCK_BEATS && i < clock->n; i++)
		if (clock->behind_ns[i] < least)
			least = clock->behind_ns[i];
	if (__builtin_sub_overflow(least, (int64_t)rtt_us * 500, &least))
		least = INT64_MIN;
	return least;
}

/* ---- what is known of sensors ---- */

static uint64_t hash_uuid(const struct nr_ingest *ingest, const struct nr_uuid *sensor)
{
	return nr_siphash13(&ingest->key, sensor->b, sizeof(sensor->b));
}

static uint64_t hash_row(const void *entry, const void *ctx)
{
	return hash_uuid(ctx, &((const struct nr_ingest_sensor *)entry)->sensor);
}

static bool is_sensor(const void *entry, const void *key)
{
	return nr_uuid_eq(((const struct nr_ingest_sensor *)entry)->sensor,
			  *(const struct nr_uuid *)key);
}

int nr_ingest_known_init(struct nr_ingest *ingest)
{
	nr_random(&ingest->key, sizeof(ingest->key));
	return nr_table_init(&ingest->known, sizeof(struct nr_ingest_sensor), NR_LEDGER_SENSORS,
			     hash_row, ingest);
}

void nr_ingest_known_done(struct nr_ingest *ingest)
{
	nr_table_done(&ingest->known);
}

static struct nr_ingest_sensor *find(const struct nr_ingest *ingest, struct nr_uuid sensor)
{
	return nr_table_find(&ingest->known, hash_uuid(ingest, &sensor), is_sensor, &sensor);
}

struct nr_ingest_sensor *nr_ingest_known_hold(struct nr_ingest *ingest, struct nr_uuid sensor)
{
	struct nr_ingest_sensor *row;

	(void)pthread_mutex_lock(&ingest->known_lock);
	row = find(ingest, sensor);
	if (row != NULL)
		return row;
	row = nr_table_insert(&ingest->known, hash_uuid(ingest, &sensor));
	if (row != NULL)
		row->sensor = sensor;
	return row;
}

void nr_ingest_known_let(struct nr_ingest *ingest)
{
	(void)pthread_mutex_unlock(&ingest->known_lock);
}

bool nr_ingest_find(struct nr_ingest *ingest, struct nr_uuid sensor,
		    struct nr_ingest_sensor *ret_sensor)
{
	const struct nr_ingest_sensor *row;

	(void)pthread_mutex_lock(&ingest->known_lock);
	row = find(ingest, sensor);
	if (row != NULL)
		*ret_sensor = *row;
	(void)pthread_mutex_unlock(&ingest->known_lock);
	return row != NULL;
}
