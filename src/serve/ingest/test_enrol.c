/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/ingest/enrol.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cmocka.h"

#define NOW_S INT64_C(1800000000)
#define DAY   (86400 * NR_NS_PER_S)

struct world {
	char dir[64], path[128];
	struct nr_registry *registry;
	struct nr_pki_pair authority;
	struct nr_enrol enrol;
	struct nr_registry_act act;
};

static int setup(void **state)
{
	static struct world world;
	struct nr_pki_wish wish = { .purpose = NR_PKI_AUTHORITY,
				    .name = "authority",
				    .now = { NOW_S * NR_NS_PER_S },
				    .valid_s = 864000 };

	world = (struct world){ .dir = "/tmp/nr-enrol-XXXXXX",
				.act = { .actor = "uid:0", .now = { NOW_S * NR_NS_PER_S } } };
	if (mkdtemp(world.dir) == NULL)
		return -1;
	(void)snprintf(world.path, sizeof(world.path), "%s/registry.db", world.dir);
	if (nr_registry_open(world.path, &world.registry, NULL) < 0 ||
	    nr_pki_make(&wish, NULL, &world.authority, NULL) < 0)
		return -1;
	world.enrol = (struct nr_enrol){ world.registry, &world.authority, "hub.example.org:4433" };
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm" };
	struct world *w = *state;
	char path[160];

	nr_registry_close(w->registry);
	nr_pki_pair_done(&w->authority);
	for (size_t i = 0; i < NR_COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", w->path, names[i]);
		(void)unlink(path);
	}
	return rmdir(w->dir);
}

/* What a sensor does: a key, a request, the body. @p token as the person typed it. */
static void body_of(const char *token, struct nr_buf *body)
{
	struct nr_enrol_request request;
	struct nr_enrol_token parsed;
	struct nr_buf key, pem;

	assert_int_equal(nr_enrol_token_parse(nr_str_from(token), &parsed), 0);
	assert_int_equal(nr_pki_request(&key, &pem, NULL), 0);
	request = (struct nr_enrol_request){ parsed.secret, nr_buf_str(&pem) };
	nr_buf_init(body, NR_ENROL_TEXT);
	nr_enrol_request_print(&request, body);
	nr_buf_done(&key);
	nr_buf_done(&pem);
}

static int try_join(struct world *w, const char *token, struct nr_buf *out)
{
	struct nr_buf body;
	struct nr_err err;
	int ret;

	body_of(token, &body);
	nr_buf_init(out, NR_ENROL_TEXT);
	ret = nr_enrol_join(&w->enrol, nr_buf_str(&body), &w->act, out, &err);
	nr_buf_done(&body);
	if (ret < 0)
		nr_buf_done(out);
	return ret;
}

static void an_invited_sensor_joins_once(void **state)
{
	struct world *w = *state;
	struct nr_registry_sensor sensor;
	struct nr_enrol_answer answer;
	char token[NR_ENROL_TOKEN], identity[NR_PKI_IDENTITY_TEXT];
	struct nr_pki_facts facts, authority;
	struct nr_enrol_token parsed;
	struct nr_buf out, second;

	assert_int_equal(nr_enrol_invite(&w->enrol, "s1", 0, &w->act, token, NULL), 0);
	assert_int_equal(nr_enrol_token_parse(nr_str_from(token), &parsed), 0);
	assert_int_equal(nr_pki_read(nr_buf_str(&w->authority.certificate), &authority, NULL), 0);
	assert_memory_equal(parsed.pin, authority.pin, sizeof(parsed.pin));

	assert_int_equal(try_join(w, token, &out), 0);
	assert_int_equal(nr_enrol_answer_parse(nr_buf_str(&out), &answer), 0);
	assert_true(nr_str_eq(answer.ingest, NR_STR("hub.example.org:4433")));
	assert_int_equal(nr_registry_sensor_named(w->registry, "s1", &sensor, NULL), 0);
	assert_true(nr_uuid_eq(sensor.uuid, answer.sensor));
	assert_int_equal(sensor.state, NR_SENSOR_ENROLLED);
	nr_pki_identity_print("sensor", sensor.uuid, identity);
	assert_int_equal(nr_pki_read(answer.certificate, &facts, NULL), 0);
	assert_string_equal(facts.identity, identity);
	assert_string_equal(facts.serial, sensor.serial);
	assert_int_equal(facts.not_after.ns, w->act.now.ns + NR_ENROL_DAYS * DAY);
	nr_buf_done(&out);

	assert_int_equal(try_join(w, token, &second), -EACCES);
}

static void a_token_that_is_late_forged_or_ended_is_refused(void **state)
{
	struct world *w = *state;
	char token[NR_ENROL_TOKEN];
	struct nr_registry_sensor sensor;
	struct nr_buf out;

	assert_int_equal(nr_enrol_invite(&w->enrol, "s2", DAY, &w->act, token, NULL), 0);
	token[20] = token[20] == 'a' ? 'b' : 'a'; /* the secret's own check sum */
	assert_int_equal(try_join(w, token, &out), -EACCES);
	assert_int_equal(nr_enrol_invite(&w->enrol, "s2", DAY, &w->act, token, NULL), 0);
	w->act.now.ns += DAY;
	assert_int_equal(try_join(w, token, &out), -EACCES);
	w->act.now.ns -= NR_NS_PER_S;
	assert_int_equal(nr_registry_sensor_named(w->registry, "s2", &sensor, NULL), 0);
	assert_int_equal(nr_registry_sensor_revoke(w->registry, sensor.uuid, &w->act, NULL), 0);
	assert_int_equal(try_join(w, token, &out), -EACCES);
	assert_int_equal(nr_enrol_invite(&w->enrol, "s2", 0, &w->act, token, NULL), -EACCES);
}

static void a_bad_request_does_not_cost_the_token(void **state)
{
	struct world *w = *state;
	char token[NR_ENROL_TOKEN];
	struct nr_buf body, out;
	struct nr_err err;

	assert_int_equal(nr_enrol_invite(&w->enrol, "s3", 0, &w->act, token, NULL), 0);
	nr_buf_init(&out, NR_ENROL_TEXT);
	assert_int_equal(nr_enrol_join(&w->enrol, NR_STR("x"), &w->act, &out, &err), NR_EUSAGE);
	body_of(token, &body);
	body.p[body.n / 2] ^= 1;
	assert_true(nr_enrol_join(&w->enrol, nr_buf_str(&body), &w->act, &out, &err) < 0);
	assert_int_equal(out.n, 0);
	nr_buf_done(&body);
	assert_int_equal(try_join(w, token, &out), 0);
	nr_buf_done(&out);
}

static void a_certificate_is_renewed_until_it_is_revoked(void **state)
{
	struct world *w = *state;
	struct nr_str certificate, authority;
	struct nr_registry_sensor sensor;
	char token[NR_ENROL_TOKEN];
	struct nr_pki_facts facts;
	struct nr_buf key, pem, out;

	assert_int_equal(nr_enrol_invite(&w->enrol, "s4", 0, &w->act, token, NULL), 0);
	assert_int_equal(try_join(w, token, &out), 0);
	nr_buf_reset(&out);
	assert_int_equal(nr_registry_sensor_named(w->registry, "s4", &sensor, NULL), 0);
	assert_int_equal(nr_pki_request(&key, &pem, NULL), 0);
	w->act.now.ns += 61 * DAY;
	assert_int_equal(nr_enrol_renew(&w->enrol, sensor.uuid, nr_buf_str(&pem), &w->act, &out,
					NULL),
			 0);
	assert_int_equal(nr_enrol_split(nr_buf_str(&out), &certificate, &authority), 0);
	assert_int_equal(nr_pki_read(certificate, &facts, NULL), 0);
	assert_int_equal(facts.not_after.ns, w->act.now.ns + NR_ENROL_DAYS * DAY);
	assert_true(nr_str_eq(authority, nr_buf_str(&w->authority.certificate)));
	assert_int_equal(nr_enrol_renew(&w->enrol, nr_uuid_new(), nr_buf_str(&pem), &w->act, &out,
					NULL),
			 -EACCES);
	assert_int_equal(nr_registry_sensor_revoke(w->registry, sensor.uuid, &w->act, NULL), 0);
	assert_int_equal(nr_enrol_renew(&w->enrol, sensor.uuid, nr_buf_str(&pem), &w->act, &out,
					NULL),
			 -EACCES);
	nr_buf_done(&key);
	nr_buf_done(&pem);
	nr_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_invited_sensor_joins_once),
		cmocka_unit_test(a_token_that_is_late_forged_or_ended_is_refused),
		cmocka_unit_test(a_bad_request_does_not_cost_the_token),
		cmocka_unit_test(a_certificate_is_renewed_until_it_is_revoked),
	};

	if (nr_crypt_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
