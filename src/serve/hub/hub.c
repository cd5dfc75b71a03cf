/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "orient/enrich/locate.h"
#include "serve/api/console.h"
#include "serve/hub/hub_int.h"

static void ring(void *ctx)
{
	nr_http_ring(ctx);
}

static int start_http(struct nr_hub *hub, const char *listen, struct nr_err *reterr)
{
	static char socket_path[NR_HOME_PATH]; /* one hub a process; the server keeps the pointer */
	const struct nr_home_keys *keys = &hub->core->keys;
	struct nr_http_options options = {
		.groups = nr_api_groups,
		.hub = hub,
		.registry = hub->core->registry,
		.who = hub->who,
		.listen = listen,
		.certificate = nr_buf_str(&keys->hub.certificate),
		.key = nr_buf_str(&keys->hub.key),
		.socket_path = socket_path,
		.rate = hub->core->set->rate,
		.burst = hub->core->set->burst,
		.streams = hub->core->set->streams,
		.recheck_s = hub->core->set->recheck_s,
	};

	nr_home_path(hub->core->home.dir, "admin.sock", socket_path);
	int ret = nr_http_new(&options, &hub->http, reterr);

	if (ret < 0)
		return ret;
	const char *colon = strrchr(listen, ':');
	int host_n = colon != NULL ? (int)(colon - listen) : (int)strlen(listen);

	(void)snprintf(hub->url, sizeof(hub->url), "https://%.*s:%u", host_n, listen,
		       nr_http_port(hub->http));
	nr_news_listen(&hub->core->news, ring, hub->http);
	return nr_http_serve(hub->http, reterr);
}

/* For scripts: where it listens, while it runs. */
static int write_ports(struct nr_hub *hub, struct nr_err *reterr)
{
	char path[NR_HOME_PATH], text[512];
	int n = snprintf(text, sizeof(text), "url %s\ningest %s\n", hub->url, hub->ingest_listen);

	nr_home_path(hub->core->home.dir, "ports", path);
	return nr_io_replace(path, text, (size_t)n, reterr);
}

static void remove_ports(struct nr_hub *hub)
{
	char path[NR_HOME_PATH];

	nr_home_path(hub->core->home.dir, "ports", path);
	(void)nr_io_unlink(path);
}

/* Sensors that delivered before: one that never comes back after a restart is to be missed. */
static int expect(void *ctx, const struct nr_registry_sensor *sensor)
{
	struct nr_core *core = ctx;

	if (sensor->state != NR_SENSOR_ENROLLED ||
	    nr_ledger_find(core->ledger, sensor->uuid) == NULL)
		return 0;
	return nr_watch_expect(core->watch, sensor->uuid, sensor->name);
}

static int prepare(struct nr_hub *hub, struct nr_err *reterr)
{
	struct nr_core *core = hub->core;

	hub->intake = (struct nr_intake){ .journal = core->journal,
					  .ledger = core->ledger,
					  .watch = core->watch,
					  .lock = &core->ingest };
	hub->enrol = (struct nr_enrol){ .registry = core->registry,
					.authority = &core->keys.authority };
	memcpy(hub->cursors.key, core->keys.cursor, sizeof(hub->cursors.key));
	hub->cursors.epoch = nr_digest_of(core->epoch, strlen(core->epoch));
	int ret = nr_import_new(core, &hub->import);

	if (ret == 0)
		ret = nr_desk_new(&hub->desk);
	if (ret < 0)
		return nr_fail(reterr, ret, "%s", nr_err_text(ret));
	int64_t n = nr_registry_sensors(core->registry, expect, core, reterr);

	if (n < 0)
		return (int)n;
	return nr_pki_read(nr_buf_str(&core->keys.hub.certificate), &hub->certificate, reterr);
}

static int load_console(struct nr_hub *hub, struct nr_err *reterr)
{
	char dir[PATH_MAX];
	int ret = nr_locate(NR_LOCATE_CONSOLE, dir, sizeof(dir));

	return nr_console_load(ret == 0 ? dir : NULL, &hub->console, reterr);
}

static int start(struct nr_hub *hub, const struct nr_hub_options *options, struct nr_err *reterr)
{
	int ret = nr_core_open(options->dir, &hub->core, reterr);

	if (ret < 0)
		return ret;
	const struct nr_settings *set = hub->core->set;
	const char *listen = options->listen != NULL ? options->listen : set->listen;
	const char *ingest = options->ingest != NULL ? options->ingest : set->ingest;

	ret = prepare(hub, reterr);
	if (ret == 0)
		ret = nr_hub_ingest_start(hub, ingest, reterr);
	if (ret == 0)
		ret = nr_hub_threads_start(hub, reterr);
	if (ret == 0)
		ret = nr_follow_engine_start(hub->core, &hub->engine, reterr);
	if (ret == 0 && set->store != 0)
		ret = nr_follow_store_start(hub->core, nr_follow_engine_prefixes(hub->engine),
					    &hub->store, reterr);
	if (ret == 0)
		ret = load_console(hub, reterr);
	if (ret == 0)
		ret = nr_who_new(hub->core->registry, set->quorum, &hub->who, reterr);
	if (ret == 0)
		ret = nr_logins_new(hub->core->registry, hub->core->keys.cursor, &hub->logins,
				    reterr);
	if (ret == 0)
		ret = start_http(hub, listen, reterr);
	return ret < 0 ? ret : write_ports(hub, reterr);
}

int nr_hub_start(const struct nr_hub_options *options, struct nr_hub **ret_hub,
		 struct nr_err *reterr)
{
	struct nr_hub *hub = calloc(1, sizeof(*hub));
	int ret;

	if (hub == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	nr_require(pthread_mutex_init(&hub->reload_lock, NULL) == 0);
	hub->version = options->version;
	hub->started = nr_time_now();
	ret = start(hub, options, reterr);
	if (ret < 0) {
		nr_hub_stop(hub);
		return ret;
	}
	nr_core_lock(hub->core);
	size_t sensors = nr_ledger_count(hub->core->ledger);

	nr_core_unlock(hub->core);
	nr_log(NR_LOG_NOTICE, "hub", "started",
	       "url=%s ingest=%s journal_at=%llu torn_bytes=%llu sensors=%zu", hub->url,
	       hub->ingest_listen, (unsigned long long)hub->core->recovery.last_at,
	       (unsigned long long)hub->core->recovery.torn_bytes, sensors);
	*ret_hub = hub;
	return 0;
}

const char *nr_hub_url(const struct nr_hub *hub)
{
	return hub->url;
}

const char *nr_hub_ingest(const struct nr_hub *hub)
{
	return hub->ingest_listen;
}

bool nr_hub_is_set_up(struct nr_hub *hub)
{
	bool any = false;
	struct nr_err err;

	return nr_registry_users_any(hub->core->registry, &any, &err) < 0 || any;
}

int nr_hub_setup_link(struct nr_hub *hub, char *out, size_t cap, struct nr_err *reterr)
{
	struct nr_viewer operator= { .role = NR_ROLE_OPERATOR, .active = true };
	struct nr_staff staff = { .registry = hub->core->registry,
				  .actor = &operator,
				  .act = { .actor = "hub", .now = nr_time_now() },
				  .url = hub->url };
	char link[NR_STAFF_LINK];
	struct nr_time expires;
	int ret = nr_staff_first(&staff, link, &expires, reterr);

	if (ret == 0)
		(void)snprintf(out, cap, "%s", link);
	nr_secret_wipe(link, sizeof(link));
	return ret;
}

int nr_hub_failed(const struct nr_hub *hub, struct nr_err *reterr)
{
	int code = atomic_load(&hub->failed);

	return code < 0 ? nr_fail(reterr, code,
				  "the journal failed, so nothing is acknowledged "
				  "any more: %s",
				  hub->words)
			: 0;
}

void nr_hub_words(struct nr_hub *hub, char *out, size_t cap)
{
	uint64_t durable = nr_journal_durable(hub->core->journal);
	struct nr_online_counts online;
	struct nr_follow_counts engine;

	nr_follow_engine_counts(hub->engine, &engine, &online);
	(void)snprintf(out, cap, "%u sensors connected, journal at %llu, engine %llu behind%s",
		       nr_ingest_sessions(hub->ingest), (unsigned long long)durable,
		       (unsigned long long)(durable > engine.at ? durable - engine.at : 0),
		       atomic_load(&hub->core->disk_full) ? ", DISK FULL" : "");
}

struct nr_hub *nr_hub_stop(struct nr_hub *hub)
{
	if (hub == NULL)
		return NULL;
	if (hub->core != NULL)
		remove_ports(hub);
	if (hub->core != NULL)
		nr_news_listen(&hub->core->news, NULL, NULL);
	hub->http = nr_http_stop(hub->http);
	if (hub->ingest != NULL)
		nr_ingest_stop(hub->ingest);
	nr_hub_threads_stop(hub); /* the journal's thread speaks to ingest */
	hub->ingest = nr_ingest_free(hub->ingest);
	nr_follow_store_stop(hub->store); /* borrows the engine's prefixes */
	nr_follow_engine_stop(hub->engine);
	nr_import_free(hub->import);
	nr_desk_free(hub->desk);
	nr_logins_free(hub->logins);
	nr_who_free(hub->who);
	nr_console_free(hub->console);
	nr_core_close(hub->core);
	(void)pthread_mutex_destroy(&hub->reload_lock);
	nr_secret_wipe(&hub->cursors, sizeof(hub->cursors));
	free(hub);
	return NULL;
}
