/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/said.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/json_read.h"
#include "store/registry_triage.h"

int nr_said_read(struct nr_registry *registry, const struct nr_viewer *viewer, struct nr_time now,
		 struct nr_said *ret_said, struct nr_err *reterr)
{
	*ret_said = (struct nr_said){ .registry = registry, .member = viewer->member };
	return nr_registry_suppressions_load(registry, viewer->member, now, &ret_said->rules,
					     &ret_said->n_rules, reterr);
}

void nr_said_done(struct nr_said *said)
{
	free(said->rules);
	*said = (struct nr_said){ 0 };
}

static void put_text(struct nr_json *json, const char *key, const char *text)
{
	nr_json_key(json, key);
	nr_json_str(json, nr_str_from(text));
}

static void put_triage(const struct nr_said *said, const char *id, struct nr_json *json)
{
	struct nr_registry_triage triage;

	if (nr_registry_triage(said->registry, said->member, id, &triage, NULL) < 0 ||
	    triage.version == 0)
		return; /* what cannot be read is not said; the finding itself is worth telling */
	nr_json_key(json, "triage");
	nr_json_object(json);
	put_text(json, "state", nr_triage_state_names[triage.state]);
	if (triage.assignee_login[0] != '\0')
		put_text(json, "assignee", triage.assignee_login);
	nr_json_key(json, "version");
	nr_json_u64(json, triage.version);
	nr_json_object_end(json);
}

static void put_suppressed(const struct nr_said *said, struct nr_time now,
			   const struct nr_registry_finding *finding, struct nr_json *json)
{
	const struct nr_suppression *rule;
	char uuid[NR_UUID_TEXT];
	json_t *facts;

	if (said->n_rules == 0 || nr_json_read(finding->json, NULL, &facts, NULL) < 0)
		return;
	const char *kind = json_string_value(json_object_get(facts, "kind"));
	json_int_t asn = json_integer_value(json_object_get(facts, "asn"));
	struct nr_suppression_of of =
		nr_suppression_of(finding->detector, nr_str_from(kind), finding->subject,
				  asn > 0 && asn <= UINT32_MAX ? (uint32_t)asn : 0);

	rule = nr_suppression_find(said->rules, said->n_rules, &of, now);
	json_decref(facts);
	if (rule == NULL)
		return;
	nr_uuid_print(rule->uuid, uuid);
	nr_json_key(json, "suppressed");
	nr_json_object(json);
	put_text(json, "by", uuid);
	put_text(json, "kind", rule->allow ? "allow" : "suppress");
	put_text(json, "words", rule->words);
	nr_json_key(json, "expires");
	nr_json_time(json, rule->expires);
	nr_json_object_end(json);
}

void nr_said_json(void *ctx, const struct nr_finding_viewer *viewer,
		  const struct nr_registry_finding *finding, struct nr_json *json)
{
	const struct nr_said *said = ctx;
	char id[NR_FINDING_ID];

	if (finding->id.n >= sizeof(id))
		return;
	memcpy(id, finding->id.p, finding->id.n);
	id[finding->id.n] = '\0';
	put_triage(said, id, json);
	put_suppressed(said, viewer->now, finding, json);
}
