/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry/registry_int.h"
#include "store/registry_label.h"

const char *const nr_sensor_state_names[] = { "expected", "enrolled", "imported", "revoked", NULL };

#define COLUMNS                                                                              \
	"SELECT s.uuid, s.name, s.state, m.name, s.serial, s.created_ns, s.enrolled_ns, "    \
	"s.valid_until_ns, s.revoked_ns, coalesce(s.member, (SELECT uuid FROM member WHERE " \
	"is_operator = 1)), l.json FROM sensor s LEFT JOIN member m ON m.uuid = s.member "   \
	"LEFT JOIN label l ON l.uuid = s.label "

static uint8_t state_of(const char *name)
{
	for (uint8_t i = 0; nr_sensor_state_names[i] != NULL; i++)
		if (strcmp(name, nr_sensor_state_names[i]) == 0)
			return i;
	return NR_SENSOR_STATE_REVOKED; /* unknown: nobody */
}

static void read_row(sqlite3_stmt *stmt, struct nr_registry_sensor *sensor)
{
	char state[16];

	*sensor = (struct nr_registry_sensor){ 0 };
	(void)nr_registry_get_blob(stmt, 0, sensor->uuid.b, sizeof(sensor->uuid.b));
	nr_registry_get_text(stmt, 1, sensor->name, sizeof(sensor->name));
	nr_registry_get_text(stmt, 2, state, sizeof(state));
	sensor->state = state_of(state);
	nr_registry_get_text(stmt, 3, sensor->member, sizeof(sensor->member));
	nr_registry_get_text(stmt, 4, sensor->serial, sizeof(sensor->serial));
	sensor->created = nr_registry_get_time(stmt, 5);
	sensor->enrolled = nr_registry_get_time(stmt, 6);
	sensor->valid_until = nr_registry_get_time(stmt, 7);
	sensor->revoked = nr_registry_get_time(stmt, 8);
	(void)nr_registry_get_blob(stmt, 9, sensor->owner.b, sizeof(sensor->owner.b));
	sensor->label = nr_registry_get_own_label(stmt, 9, 10);
}

int nr_registry_sensor_add(struct nr_registry *registry, const char *name,
			   enum nr_sensor_state state, const struct nr_registry_act *act,
			   struct nr_registry_sensor *ret_sensor, struct nr_err *reterr)
{
	struct nr_registry_sensor sensor = { .uuid = nr_uuid_new(),
					     .state = (uint8_t)state,
					     .created = act->now };
	sqlite3_stmt *stmt;
	int ret = nr_registry_check_name(name, reterr);

	if (ret == 0)
		ret = nr_registry_begin(registry, reterr);
	if (ret < 0)
		return ret;
	memcpy(sensor.name, name, strlen(name) + 1);
	ret = nr_registry_prepare(registry,
				  "INSERT INTO sensor (uuid, name, state, created_ns) "
				  "VALUES (?1, ?2, ?3, ?4)",
				  &stmt, reterr);
	if (ret == 0) {
		nr_registry_bind_blob(stmt, 1, sensor.uuid.b, sizeof(sensor.uuid.b));
		nr_registry_bind_text(stmt, 2, name);
		nr_registry_bind_text(stmt, 3, nr_sensor_state_names[state]);
		nr_registry_bind_i64(stmt, 4, act->now.ns);
		ret = nr_registry_run(registry, stmt, reterr);
		if (ret == -EEXIST)
			ret = nr_fail(reterr, -EEXIST, "there is a sensor '%s' already", name);
	}
	if (ret == 0)
		ret = nr_registry_note(registry, act, "sensor.add", name,
				       nr_sensor_state_names[state], reterr);
	ret = nr_registry_end(registry, ret, reterr);
	if (ret == 0)
		*ret_sensor = sensor;
	return ret;
}

/* One row by its first parameter, which is bound already; finalizes. */
static int find_one(struct nr_registry *registry, sqlite3_stmt *stmt,
		    struct nr_registry_sensor *ret_sensor, struct nr_err *reterr)
{
	int ret = nr_registry_step(registry, stmt, reterr);

	if (ret > 0)
		read_row(stmt, ret_sensor);
	else if (ret == 0)
		ret = nr_fail(reterr, -ENOENT, "no such sensor");
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

int nr_registry_sensor_named(struct nr_registry *registry, const char *name,
			     struct nr_registry_sensor *ret_sensor, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(registry, COLUMNS "WHERE s.name = ?1", &stmt, reterr);

	if (ret == 0) {
		nr_registry_bind_text(stmt, 1, name);
		ret = find_one(registry, stmt, ret_sensor, reterr);
	}
	nr_registry_let(registry);
	return ret;
}

int nr_registry_sensor_uuid(struct nr_registry *registry, const char *name,
			    struct nr_uuid *ret_uuid, struct nr_err *reterr)
{
	return nr_registry_uuid_of(registry, "SELECT uuid FROM sensor WHERE name = ?1", name,
				   ret_uuid, reterr);
}

static int find_locked(struct nr_registry *registry, struct nr_uuid uuid,
		       struct nr_registry_sensor *ret_sensor, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, COLUMNS "WHERE s.uuid = ?1", &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, uuid.b, sizeof(uuid.b));
	return find_one(registry, stmt, ret_sensor, reterr);
}

int nr_registry_sensor_find(struct nr_registry *registry, struct nr_uuid uuid,
			    struct nr_registry_sensor *ret_sensor, struct nr_err *reterr)
{
	nr_registry_hold(registry);
	int ret = find_locked(registry, uuid, ret_sensor, reterr);

	nr_registry_let(registry);
	return ret;
}

int64_t nr_registry_sensors(struct nr_registry *registry,
			    int (*each)(void *ctx, const struct nr_registry_sensor *sensor),
			    void *ctx, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(registry, COLUMNS "ORDER BY s.name", &stmt, reterr);

	if (ret == 0) {
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_sensor sensor;

			read_row(stmt, &sensor);
			ret = each(ctx, &sensor);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

static int certify_locked(struct nr_registry *registry, const struct nr_registry_sensor *sensor,
			  const char *serial, struct nr_time valid_until, struct nr_time now,
			  struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret;

	if (sensor->state == NR_SENSOR_STATE_REVOKED)
		return nr_fail(reterr, -EACCES, "sensor '%s' is revoked", sensor->name);
	ret = nr_registry_prepare(registry,
				  "UPDATE sensor SET state = 'enrolled', serial = ?2, "
				  "valid_until_ns = ?3, enrolled_ns = coalesce(enrolled_ns, ?4) "
				  "WHERE uuid = ?1",
				  &stmt, reterr);
	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, sensor->uuid.b, sizeof(sensor->uuid.b));
	nr_registry_bind_text(stmt, 2, serial);
	nr_registry_bind_i64(stmt, 3, valid_until.ns);
	nr_registry_bind_i64(stmt, 4, now.ns);
	return nr_registry_run(registry, stmt, reterr);
}

int nr_registry_sensor_certified(struct nr_registry *registry, struct nr_uuid uuid,
				 const char *serial, struct nr_time valid_until,
				 const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_registry_sensor sensor = { 0 };
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = find_locked(registry, uuid, &sensor, reterr);
	if (ret == 0)
		ret = certify_locked(registry, &sensor, serial, valid_until, act->now, reterr);
	if (ret == 0)
		ret = nr_registry_note(registry, act, "sensor.certificate", sensor.name, serial,
				       reterr);
	return nr_registry_end(registry, ret, reterr);
}

static int revoke_locked(struct nr_registry *registry, struct nr_uuid uuid, struct nr_time now,
			 struct nr_err *reterr)
{
	static const char *const sql[] = {
		"UPDATE sensor SET state = 'revoked', revoked_ns = ?2 WHERE uuid = ?1",
		"UPDATE token SET revoked_ns = ?2 WHERE sensor = ?1 AND revoked_ns IS NULL "
		"AND spent_ns IS NULL",
	};

	for (size_t i = 0; i < NR_COUNT(sql); i++) {
		sqlite3_stmt *stmt;
		int ret = nr_registry_prepare(registry, sql[i], &stmt, reterr);

		if (ret == 0) {
			nr_registry_bind_blob(stmt, 1, uuid.b, sizeof(uuid.b));
			nr_registry_bind_i64(stmt, 2, now.ns);
			ret = nr_registry_run(registry, stmt, reterr);
		}
		if (ret < 0)
			return ret;
	}
	return 0;
}

int nr_registry_sensor_revoke(struct nr_registry *registry, struct nr_uuid uuid,
			      const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_registry_sensor sensor = { 0 };
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = find_locked(registry, uuid, &sensor, reterr);
	if (ret == 0 && sensor.state != NR_SENSOR_STATE_REVOKED) {
		ret = revoke_locked(registry, uuid, act->now, reterr);
		if (ret == 0)
			ret = nr_registry_note(registry, act, "sensor.revoke", sensor.name, "",
					       reterr);
	}
	return nr_registry_end(registry, ret, reterr);
}
