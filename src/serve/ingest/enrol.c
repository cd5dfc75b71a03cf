/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/ingest/enrol.h"

#include "serve/who/token.h"

_Static_assert((int)NR_TOKEN_TEXT <= (int)NR_ENROL_SECRET, "a token's text is a secret");

enum { PEM_MAX = 64 << 10 };

int nr_enrol_invite(const struct nr_enrol *enrol, const char *name, int64_t lives_ns,
		    const struct nr_registry_act *act, char ret_token[NR_ENROL_TOKEN],
		    struct nr_err *reterr)
{
	struct nr_registry_sensor sensor = { 0 };
	struct nr_enrol_token token;
	struct nr_pki_facts authority;
	char secret[NR_TOKEN_TEXT];
	int ret = nr_pki_read(nr_buf_str(&enrol->authority->certificate), &authority, reterr);

	if (ret == 0)
		ret = nr_registry_sensor_named(enrol->registry, name, &sensor, reterr);
	if (ret == -ENOENT)
		ret = nr_registry_sensor_add(enrol->registry, name, NR_SENSOR_EXPECTED, act,
					     &sensor, reterr);
	if (ret < 0)
		return ret;
	if (sensor.state == NR_SENSOR_STATE_REVOKED)
		return nr_fail(reterr, -EACCES, "sensor '%s' is revoked: choose another name",
			       name);
	struct nr_token_wish wish = {
		.kind = NR_TOKEN_ENROL, .sensor = sensor.uuid, .name = name, .lives_ns = lives_ns
	};

	ret = nr_token_create(enrol->registry, &wish, act, secret, reterr);
	if (ret < 0)
		return ret;
	token.secret = nr_str_from(secret);
	memcpy(token.pin, authority.pin, sizeof(token.pin));
	nr_enrol_token_print(&token, ret_token);
	nr_secret_wipe(secret, sizeof(secret));
	return 0;
}

/* A certificate for @p sensor; the registry does not know of it yet. */
static int sign(const struct nr_enrol *enrol, const struct nr_registry_sensor *sensor,
		struct nr_str request, struct nr_time now, struct nr_buf *ret_pem,
		struct nr_err *reterr)
{
	char identity[NR_PKI_IDENTITY_TEXT];
	struct nr_pki_wish wish = { .purpose = NR_PKI_CLIENT,
				    .name = sensor->name,
				    .identity = identity,
				    .now = now,
				    .valid_s = NR_ENROL_DAYS * INT64_C(86400) };
	int ret;

	if (sensor->state == NR_SENSOR_STATE_REVOKED)
		return nr_fail(reterr, -EACCES, "sensor '%s' is revoked", sensor->name);
	nr_pki_identity_print("sensor", sensor->uuid, identity);
	ret = nr_pki_sign(&wish, request, enrol->authority, ret_pem, reterr);
	return ret == NR_EFORMAT || ret == NR_ELIMIT ? nr_err_prefix(reterr, "request") : ret;
}

static int record(const struct nr_enrol *enrol, struct nr_uuid sensor, const struct nr_buf *pem,
		  const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_pki_facts facts;
	int ret = nr_pki_read(nr_buf_str(pem), &facts, reterr);

	if (ret < 0)
		return ret;
	return nr_registry_sensor_certified(enrol->registry, sensor, facts.serial, facts.not_after,
					    act, reterr);
}

static int join(const struct nr_enrol *enrol, const struct nr_enrol_request *body,
		const struct nr_registry_act *act, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry_token token = { 0 };
	struct nr_registry_sensor sensor = { 0 };
	struct nr_buf pem;
	int ret = nr_token_check(enrol->registry, body->secret, NR_TOKEN_ENROL, act->now, &token,
				 reterr);

	if (ret == 0)
		ret = nr_registry_sensor_find(enrol->registry, token.sensor, &sensor, reterr);
	if (ret < 0)
		return ret;
	nr_buf_init(&pem, PEM_MAX);
	ret = sign(enrol, &sensor, body->request, act->now, &pem, reterr);
	/* From here on it is spent, whatever happens: better an invitation more than a sensor twice. */
	if (ret == 0)
		ret = nr_registry_token_spend(enrol->registry, token.selector, act, reterr);
	if (ret == 0)
		ret = record(enrol, sensor.uuid, &pem, act, reterr);
	if (ret == 0) {
		struct nr_enrol_answer answer = {
			.ingest = nr_str_from(enrol->ingest),
			.sensor = sensor.uuid,
			.certificate = nr_buf_str(&pem),
			.authority = nr_buf_str(&enrol->authority->certificate),
		};

		nr_enrol_answer_print(&answer, out);
		ret = out->err;
	}
	nr_buf_done(&pem);
	return ret;
}

int nr_enrol_join(const struct nr_enrol *enrol, struct nr_str body,
		  const struct nr_registry_act *act, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_enrol_request request;

	if (nr_enrol_request_parse(body, &request) < 0)
		return nr_fail(reterr, NR_EUSAGE, "want a token and a certificate request");
	return join(enrol, &request, act, out, reterr);
}

int nr_enrol_renew(const struct nr_enrol *enrol, struct nr_uuid sensor, struct nr_str request,
		   const struct nr_registry_act *act, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry_sensor known = { 0 };
	struct nr_buf pem;
	int ret = nr_registry_sensor_find(enrol->registry, sensor, &known, reterr);

	if (ret == -ENOENT)
		return nr_fail(reterr, -EACCES, "this sensor is not known here");
	if (ret < 0)
		return ret;
	nr_buf_init(&pem, PEM_MAX);
	ret = sign(enrol, &known, request, act->now, &pem, reterr);
	if (ret == 0)
		ret = record(enrol, sensor, &pem, act, reterr);
	if (ret == 0) {
		nr_buf_add_str(out, nr_buf_str(&pem));
		nr_buf_add_str(out, nr_buf_str(&enrol->authority->certificate));
		ret = out->err;
	}
	nr_buf_done(&pem);
	return ret;
}
