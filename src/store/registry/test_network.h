/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file test_network: a registry of its own, with the operator, for each test of it: setup and teardown for cmocka. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "store/registry/registry_int.h"
#include "store/registry_member.h"

static const struct nr_registry_act act = { .actor = "uid:0", .now = { 1000 } };

struct place {
	char dir[64], path[96];
	struct nr_registry *registry;
	struct nr_registry_member hub; /* the operator's */
};

static int open_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->dir, sizeof(place->dir), "/tmp/nr_registry_XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	(void)snprintf(place->path, sizeof(place->path), "%s/registry.db", place->dir);
	assert_int_equal(nr_crypt_init(), 0);
	assert_int_equal(nr_registry_open(place->path, &place->registry, NULL), 0);
	assert_int_equal(nr_registry_operator_make(place->registry, "hub", &act, &place->hub, NULL),
			 0);
	*state = place;
	return 0;
}

static int close_place(void **state)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	struct place *place = *state;

	nr_registry_close(place->registry);
	for (size_t i = 0; i < NR_COUNT(tails); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s%s", place->path, tails[i]);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(place->dir), 0);
	free(place);
	return 0;
}

static inline struct nr_registry_member new_member(struct place *place, const char *name)
{
	struct nr_registry_member wish = { .layer = NR_LAYER_TECHNICAL }, made;

	(void)snprintf(wish.name, sizeof(wish.name), "%s", name);
	assert_int_equal(nr_registry_member_add(place->registry, &wish, &act, &made, NULL), 0);
	return made;
}

static inline struct nr_registry_sensor new_sensor(struct place *place, const char *name,
						   struct nr_uuid owner)
{
	struct nr_registry_sensor sensor;

	assert_int_equal(nr_registry_sensor_add(place->registry, name, NR_SENSOR_IMPORTED, &act,
						&sensor, NULL),
			 0);
	assert_int_equal(nr_registry_change(
				 place->registry, "UPDATE sensor SET member = ?2 WHERE uuid = ?1",
				 NR_ARGS(NR_ARG_OF_UUID(sensor.uuid), NR_ARG_OF_UUID(owner)), NULL),
			 1);
	return sensor;
}
