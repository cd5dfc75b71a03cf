/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file people: what the resources share by which people say something: triage, suppressions, filters, asks. */
#include "base/json.h"
#include "base/json_read.h"
#include "serve/finding.h"
#include "serve/hub/hub_int.h"

enum { NR_PEOPLE_BODY = 1 << 20 }; /* as of every route that takes JSON */

/** An object with none but these members. Give it back with json_decref(), also on errors (NULL then). */
NR_MUST_CHECK int nr_people_body(const struct nr_http_request *rq, const char *const *names,
				 json_t **ret_json, struct nr_err *reterr);
/** What @p ret becomes: too many is a 429 with a time to wait, not allowed a 403 that is no guess at a secret. */
int nr_people_done(struct nr_http_reply *reply, int ret);
/** Part @p i of the path; what is no UUID is one that nothing has. */
struct nr_uuid nr_people_uuid(const struct nr_http_request *rq, size_t i);
/** `Location`: @p path and the UUID behind it. */
void nr_people_location(struct nr_http_reply *reply, const char *path, struct nr_uuid uuid);

void nr_people_put_text(struct nr_json *json, const char *key, const char *text);
void nr_people_put_number(struct nr_json *json, const char *key, uint64_t v);
void nr_people_put_bool(struct nr_json *json, const char *key, bool v);
/** 0 is left out. */
void nr_people_put_time(struct nr_json *json, const char *key, struct nr_time t);
/** Zero is left out. */
void nr_people_put_uuid(struct nr_json *json, const char *key, struct nr_uuid uuid);

/**
 * The label in member @p name, of the caller's member. Where it says no purpose it is for all of them:
 * words to people are read by people. @return 0; NR_EUSAGE
 */
NR_MUST_CHECK int nr_people_label(const json_t *json, const char *name,
				  const struct nr_http_request *rq, struct nr_label *ret_label,
				  struct nr_err *reterr);

/** A finding of the path that the caller may see: the engine's id and the one he sees. */
struct nr_people_finding {
	char id[NR_FINDING_ID], shown[NR_FINDING_ID];
};
/** Part 0 of the path. @return 0; -ENOENT the same for one that is not there */
NR_MUST_CHECK int nr_people_finding(struct nr_hub *hub, const struct nr_http_request *rq,
				    struct nr_people_finding *ret_finding, struct nr_err *reterr);
