/* SPDX-License-Identifier: Apache-2.0 */
#include "share/policy/copy_read.h"

#include <stdlib.h>

#include "base/json_read.h"

static struct nr_str text_of(const json_t *json, const char *name)
{
	const json_t *v = json_object_get(json, name);

	return json_is_string(v) ? (struct nr_str){ json_string_value(v), json_string_length(v) }
				 : (struct nr_str){ 0 };
}

int nr_copy_facts_read(const json_t *json, struct nr_copy_facts *ret_facts)
{
	struct nr_copy_facts f = { .detector = text_of(json, "detector"),
				   .kind = text_of(json, "kind"),
				   .state = text_of(json, "state") };
	json_int_t asn = json_integer_value(json_object_get(json, "asn"));

	if (f.detector.n == 0 || f.kind.n == 0 || f.state.n == 0 ||
	    nr_time_parse(text_of(json, "first"), &f.first) < 0 ||
	    nr_time_parse(text_of(json, "last"), &f.last) < 0)
		return NR_EDAMAGED;
	f.asn = asn > 0 && asn <= UINT32_MAX ? (uint32_t)asn : 0;
	nr_copy_subject(text_of(json, "subject"), &f);
	*ret_facts = f;
	return 0;
}

int nr_copy_of_stored(const struct nr_scope *scope, struct nr_str json, struct nr_str sightings,
		      struct nr_copy_stored *ret_stored)
{
	struct nr_copy_stored stored = { 0 };
	struct nr_sighting *list = NULL;
	struct nr_err err;
	size_t n = 0;
	int ret = nr_json_read(json, NULL, &stored.json, &err);

	if (ret == 0)
		ret = nr_copy_facts_read(stored.json, &stored.facts);
	if (ret == 0 && sightings.n > 0)
		ret = nr_sightings_parse(sightings, &list, &n);
	if (ret == 0)
		nr_copy_make(scope, &stored.facts, list, n, &stored.copy);
	free(list);
	*ret_stored = stored;
	return ret == 0 || ret == -ENOMEM ? ret : NR_EDAMAGED;
}

void nr_copy_done(struct nr_copy_stored *stored)
{
	json_decref(stored->json);
	*stored = (struct nr_copy_stored){ 0 };
}
