/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hub.yaml and the lists it names, read anew while everything goes on. All of it is read and judged
 * before anything changes; what needs a restart is named, and then nothing changes at all.
 */
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "serve/hub/hub_int.h"

enum { NAMES = 512 };

struct changes {
	struct nr_json *json; /* those that are taken */
	char fixed[NAMES];    /* those that need a restart */
	char taken[NAMES];    /* for the log */
	size_t n;
};

static void add_name(char names[NAMES], const char *name)
{
	size_t n = strlen(names);

	if (n + strlen(name) + 3 < NAMES)
		(void)snprintf(names + n, NAMES - n, "%s%s", n > 0 ? ", " : "", name);
}

static void add_change(void *ctx, const char *key, bool live)
{
	struct changes *changes = ctx;

	add_name(live ? changes->taken : changes->fixed, key);
	changes->n++;
	if (live && changes->json != NULL)
		nr_json_str(changes->json, nr_str_from(key));
}

static bool same(const struct nr_buf *a, const struct nr_buf *b)
{
	return nr_str_eq(nr_buf_str(a), nr_buf_str(b));
}

/* Connections that are open have what is in memory. */
static int compare_keys(struct nr_hub *hub, struct changes *changes, struct nr_err *reterr)
{
	const struct nr_home_keys *now = &hub->core->keys;
	struct nr_home_keys keys;
	int ret = nr_home_keys_read(hub->core->home.dir, &keys, reterr);

	if (ret < 0)
		return ret;
	if (!same(&keys.hub.certificate, &now->hub.certificate) ||
	    !same(&keys.hub.key, &now->hub.key))
		add_change(changes, "keys/hub", false);
	if (!same(&keys.authority.certificate, &now->authority.certificate) ||
	    !same(&keys.authority.key, &now->authority.key))
		add_change(changes, "keys/authority", false);
	if (!nr_secret_eq(keys.journal.public_key, now->journal.public_key, NR_PUBLIC_KEY_SIZE))
		add_change(changes, "keys/journal.key", false);
	if (!nr_secret_eq(keys.cursor, now->cursor, sizeof(keys.cursor)))
		add_change(changes, "keys/cursor.key", false);
	nr_home_keys_done(&keys);
	return 0;
}

static int judge(struct nr_hub *hub, const struct nr_settings *set, struct changes *changes,
		 struct nr_err *reterr)
{
	int ret = compare_keys(hub, changes, reterr);

	nr_settings_compare(hub->core->set, set, add_change, changes);
	if (ret == 0 && changes->fixed[0] != '\0')
		ret = nr_fail(reterr, -EEXIST, "restart the hub to change %s; nothing was changed",
			      changes->fixed);
	return ret;
}

/* Nothing here can fail: it was all judged. */
static void hand_on(struct nr_hub *hub)
{
	const struct nr_settings *set = hub->core->set;

	nr_core_lock(hub->core);
	nr_watch_set(hub->core->watch, set->lateness_s * NR_NS_PER_S, set->silence_s * NR_NS_PER_S);
	nr_core_unlock(hub->core);
	nr_http_rate(hub->http, set->rate, set->burst);
	hub->enrol.ingest = set->advertise != NULL ? set->advertise : hub->ingest_listen;
}

static int take(struct nr_hub *hub, struct nr_settings_file **file, struct changes *changes,
		struct nr_err *reterr)
{
	const struct nr_settings *set = nr_settings_of(*file);
	int ret = judge(hub, set, changes, reterr);

	if (ret == 0 && hub->core->n_old == NR_CORE_RELOADS)
		ret = nr_fail(reterr, NR_ELIMIT, "%d changes since the start: restart the hub",
			      NR_CORE_RELOADS);
	/* The lists themselves may have changed, also when their names did not. */
	if (ret == 0 && (set->n_benign > 0 || changes->n > 0))
		ret = nr_follow_engine_reload(hub->engine, set, reterr);
	if (ret == 0 && changes->n > 0) {
		ret = nr_core_settings(hub->core, *file, reterr);
		if (ret == 0)
			*file = NULL;
	}
	if (ret == 0)
		hand_on(hub);
	return ret;
}

static int reload(struct nr_hub *hub, const struct nr_registry_act *act, struct changes *changes,
		  struct nr_err *reterr)
{
	struct nr_settings_file *file = NULL;
	char path[NR_HOME_PATH];
	int ret;

	nr_home_path(hub->core->home.dir, "hub.yaml", path);
	ret = nr_settings_read(path, &file, reterr);
	if (ret == 0)
		ret = take(hub, &file, changes, reterr);
	nr_settings_free(file);
	if (ret == 0)
		ret = nr_registry_audit(hub->core->registry, act, "hub.reload", hub->core->uuid,
					changes->taken, reterr);
	return ret;
}

int nr_hub_reload(struct nr_hub *hub, const struct nr_registry_act *act, struct nr_buf *out,
		  struct nr_err *reterr)
{
	struct changes changes = { .n = 0 };
	struct nr_err err = { 0 };
	struct nr_json json;
	int ret;

	if (out != NULL) {
		nr_json_init(&json, out);
		nr_json_object(&json);
		nr_json_key(&json, "changed");
		nr_json_array(&json);
		changes.json = &json;
	}
	nr_require(pthread_mutex_lock(&hub->reload_lock) == 0);
	ret = reload(hub, act, &changes, &err);
	nr_require(pthread_mutex_unlock(&hub->reload_lock) == 0);
	if (out != NULL) {
		nr_json_array_end(&json);
		nr_json_object_end(&json);
		nr_buf_add(out, "\n", 1);
	}
	if (ret < 0)
		nr_log(NR_LOG_ERROR, "hub", "not_reloaded", "the settings of before stand error=%s",
		       err.msg);
	else
		nr_log(NR_LOG_NOTICE, "hub", "reloaded", "changed=%s",
		       changes.taken[0] != '\0' ? changes.taken : "nothing");
	if (ret < 0 && reterr != NULL)
		*reterr = err;
	return ret;
}
