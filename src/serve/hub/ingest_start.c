/* SPDX-License-Identifier: Apache-2.0 */
/* The sensors' port: what it asks the registry, and what becomes of its alarms. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "serve/hub/hub_int.h"

static int is_revoked(void *ctx, struct nr_uuid sensor)
{
	struct nr_hub *hub = ctx;
	struct nr_registry_sensor row;
	int ret = nr_registry_sensor_find(hub->core->registry, sensor, &row, NULL);

	/* Whom the registry does not know is nobody; one that cannot be asked says nothing. */
	if (ret == -ENOENT)
		return 1;
	return ret < 0 ? ret : row.state == NR_SENSOR_STATE_REVOKED;
}

static void name(void *ctx, struct nr_uuid sensor, char out[NR_ENTRY_NAME])
{
	struct nr_hub *hub = ctx;
	struct nr_registry_sensor row;

	out[0] = '\0';
	if (nr_registry_sensor_find(hub->core->registry, sensor, &row, NULL) == 0)
		(void)snprintf(out, NR_ENTRY_NAME, "%s", row.name);
}

static int renew(void *ctx, struct nr_uuid sensor, struct nr_str request, struct nr_buf *out,
		 struct nr_err *reterr)
{
	struct nr_hub *hub = ctx;
	struct nr_registry_act act = { .actor = "renewal", .now = nr_time_now() };

	return nr_enrol_renew(&hub->enrol, sensor, request, &act, out, reterr);
}

static void alarm_of(void *ctx, enum nr_ingest_alarm what, struct nr_uuid sensor, const char *words)
{
	struct nr_hub *hub = ctx;
	struct nr_registry_act act = { .actor = "hub", .now = nr_time_now() };
	char text[NR_UUID_TEXT];
	struct nr_err err;

	nr_uuid_print(sensor, text);
	nr_log(NR_LOG_ERROR, "ingest", what == NR_INGEST_TWINS ? "twins" : "conflict",
	       "sensor=%s words=%s", text, words);
	if (nr_registry_audit(hub->core->registry, &act,
			      what == NR_INGEST_TWINS ? "sensor.twins" : "sensor.conflict", text,
			      words, &err) < 0)
		nr_log(NR_LOG_ERROR, "ingest", "alarm_not_noted", "error=%s", err.msg);
}

int nr_hub_ingest_start(struct nr_hub *hub, const char *listen, struct nr_err *reterr)
{
	const struct nr_home_keys *keys = &hub->core->keys;
	struct nr_ingest_options options = {
		.listen = listen,
		.hub = &keys->hub,
		.authority = nr_buf_str(&keys->authority.certificate),
		.intake = &hub->intake,
		.is_revoked = is_revoked,
		.name = name,
		.renew = renew,
		.alarm = alarm_of,
		.ctx = hub,
	};
	int ret = nr_ingest_new(&options, &hub->ingest, reterr);

	if (ret < 0)
		return ret;
	const char *colon = strrchr(listen, ':');
	int host_n = colon != NULL ? (int)(colon - listen) : (int)strlen(listen);

	(void)snprintf(hub->ingest_listen, sizeof(hub->ingest_listen), "%.*s:%u", host_n, listen,
		       nr_ingest_port(hub->ingest));
	(void)snprintf(hub->ingest_where, sizeof(hub->ingest_where), "%s",
		       hub->core->set->advertise != NULL ? hub->core->set->advertise
							 : hub->ingest_listen);
	hub->enrol.ingest = hub->ingest_where;
	nr_ingest_durable(hub->ingest, nr_journal_durable(hub->core->journal));
	return 0;
}
