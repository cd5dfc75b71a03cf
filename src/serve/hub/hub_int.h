/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file hub_int: what the files of the hub and its API resources share. */
#include "serve/api/admin.h"
#include "serve/api/desk.h"
#include "serve/http/cursor.h"
#include "serve/http/http.h"
#include "serve/hub/core.h"
#include "serve/hub/follow.h"
#include "serve/hub/hub.h"
#include "serve/ingest/enrol.h"
#include "serve/ingest/import.h"
#include "serve/ingest/ingest.h"
#include "serve/who/login.h"
#include "serve/who/staff.h"

struct nr_hub {
	struct nr_core *core;
	const char *version;
	struct nr_time started;
	struct nr_intake intake;
	struct nr_import *import;
	struct nr_enrol enrol;
	struct nr_cursor_keeper cursors;
	struct nr_who *who;
	struct nr_logins *logins;
	struct nr_console *console;
	struct nr_http *http;
	struct nr_ingest *ingest;
	struct nr_engine_follower *engine;
	struct nr_store_follower *store; /* NULL: switched off */
	struct nr_desk *desk;		 /* questions for figures */
	pthread_t journal_thread, watch_thread;
	bool journal_runs, watch_runs;
	pthread_mutex_t reload_lock;
	atomic_bool stopping;
	_Atomic uint64_t commits, commit_ns, commit_errors;
	char url[128], ingest_where[288];
	char words[256]; /* of the final error; written before failed is set */
	atomic_int failed;
	char ingest_listen[288];
	struct nr_pki_facts certificate;
};

/* hub_ingest.c */
NR_MUST_CHECK int nr_hub_ingest_start(struct nr_hub *hub, const char *listen,
				      struct nr_err *reterr);
/* hub_threads.c */
NR_MUST_CHECK int nr_hub_threads_start(struct nr_hub *hub, struct nr_err *reterr);
/** The watch first, so that nothing is appended behind the last commit. */
void nr_hub_threads_stop(struct nr_hub *hub);

/* What streams of events tell in the words of the lists. */
void nr_api_status_json(struct nr_hub *hub, struct nr_time now, struct nr_json *json);
void nr_api_sensor_json(struct nr_hub *hub, const struct nr_registry_sensor *sensor,
			struct nr_json *json);

/* api/: one file a resource, with the table of its routes; table.c has all of them */
extern const struct nr_http_group *const nr_api_groups[]; /* NULL-terminated */
extern const struct nr_http_group nr_api_audit, nr_api_communities, nr_api_members;
extern const struct nr_http_group nr_api_events, nr_api_who, nr_api_users, nr_api_tokens;
extern const struct nr_http_group nr_api_health, nr_api_status, nr_api_sensors, nr_api_findings,
	nr_api_observations, nr_api_enrol, nr_api_figures, nr_api_metrics, nr_api_local,
	nr_api_console;
extern const struct nr_http_group nr_api_asks, nr_api_filters, nr_api_suppressions, nr_api_triage;
