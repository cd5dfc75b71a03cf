/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * hub: the running hub: core, threads, sensors' port, API. How it hangs together:
 * docs/internals/hub.md
 *
 * Start    core, then the journal's thread and the two servers (from here on it acknowledges:
 *          ready), then the followers
 * Stop     servers first, then what they left is committed, followers write their places and a
 *          snapshot, then all is closed
 * Failure  the journal's is final: nr_hub_failed() says so, and the process is to end with status
 *          1
 */
#include "base/buf.h"
#include "store/registry.h"

struct nr_hub;

struct nr_hub_options {
	const char *dir;
	const char *listen, *ingest; /* NULL: as hub.yaml says */
	const char *version;
};

NR_MUST_CHECK int nr_hub_start(const struct nr_hub_options *options, struct nr_hub **ret_hub,
			       struct nr_err *reterr);
/** "https://127.0.0.1:7443" */
const char *nr_hub_url(const struct nr_hub *hub);
const char *nr_hub_ingest(const struct nr_hub *hub);
/** Can somebody log in? Until then the hub waits for its first admin. */
bool nr_hub_is_set_up(struct nr_hub *hub);
/**
 * The link with which the first admin sets the hub up (serve/who/staff.h). It is a secret: for a terminal,
 * never for a log. @return 0; -EEXIST somebody can log in
 */
NR_MUST_CHECK int nr_hub_setup_link(struct nr_hub *hub, char *out, size_t cap,
				    struct nr_err *reterr);
/** 0, or why it must end; @p reterr: the words. */
NR_MUST_CHECK int nr_hub_failed(const struct nr_hub *hub, struct nr_err *reterr);
/**
 * Read hub.yaml and the lists it names anew. What can change at run time does; anything else, or an
 * error, leaves everything as it was. @p out: NULL, or gets {"changed":[...]}. Any thread.
 * @return 0; -EEXIST: what needs a restart; NR_EFORMAT
 */
NR_MUST_CHECK int nr_hub_reload(struct nr_hub *hub, const struct nr_registry_act *act,
				struct nr_buf *out, struct nr_err *reterr);
/** One line for people and for systemd: "3 sensors, 1,234 batches, engine 0 s behind". */
void nr_hub_words(struct nr_hub *hub, char *out, size_t cap);
struct nr_hub *nr_hub_stop(struct nr_hub *hub);
