/* SPDX-License-Identifier: Apache-2.0 */
#include "record/label.h"

const char *const nr_tlp_names[] = {
	[NR_TLP_UNSET] = "",
	[NR_TLP_CLEAR] = "CLEAR",
	[NR_TLP_GREEN] = "GREEN",
	[NR_TLP_AMBER] = "AMBER",
	[NR_TLP_AMBER_STRICT] = "AMBER+STRICT",
	[NR_TLP_RED] = "RED",
	NULL,
};

const char *const nr_layer_names[] = {
	[NR_LAYER_TECHNICAL] = "technical", [NR_LAYER_LAW_ENFORCEMENT] = "law-enforcement",
	[NR_LAYER_POLICY] = "policy",	    [NR_LAYER_DIPLOMATIC] = "diplomatic",
	[NR_LAYER_RESEARCH] = "research",   [NR_N_LAYERS] = NULL,
};

const char *const nr_purpose_names[] = {
	[NR_PURPOSE_DEFENCE] = "defence",
	[NR_PURPOSE_INVESTIGATION] = "investigation",
	[NR_PURPOSE_STATISTICS] = "statistics",
	[NR_PURPOSE_RESEARCH] = "research",
	[NR_N_PURPOSES] = NULL,
};

struct nr_label nr_label_default(struct nr_uuid owner)
{
	return (struct nr_label){ .tlp = NR_TLP_AMBER_STRICT, .owner = owner };
}

static void write_uuid(struct nr_json *json, const char *key, struct nr_uuid uuid)
{
	char text[NR_UUID_TEXT];

	nr_uuid_print(uuid, text);
	nr_json_key(json, key);
	nr_json_str(json, nr_str_from(text));
}

static void write_parties(struct nr_json *json, const char *key, const char *one,
			  const struct nr_party *parties, size_t n)
{
	nr_json_key(json, key);
	nr_json_array(json);
	for (size_t i = 0; i < n; i++) {
		nr_json_object(json);
		write_uuid(json, one, parties[i].uuid);
		nr_json_key(json, "epoch");
		nr_json_u64(json, parties[i].epoch);
		nr_json_object_end(json);
	}
	nr_json_array_end(json);
}

static void write_words(struct nr_json *json, const char *key, uint8_t bits,
			const char *const *names)
{
	nr_json_key(json, key);
	nr_json_array(json);
	for (unsigned i = 0; names[i] != NULL; i++)
		if ((bits >> i & 1) != 0)
			nr_json_str(json, nr_str_from(names[i]));
	nr_json_array_end(json);
}

void nr_label_json(const struct nr_label *label, struct nr_json *json)
{
	nr_json_object(json);
	nr_json_key(json, "tlp");
	nr_json_str(json, nr_str_from(label->tlp <= NR_TLP_RED ? nr_tlp_names[label->tlp] : ""));
	write_uuid(json, "owner", label->owner);
	write_parties(json, "members", "member", label->members,
		      nr_min_size(label->n_members, NR_LABEL_MEMBERS));
	write_parties(json, "communities", "community", label->communities,
		      nr_min_size(label->n_communities, NR_LABEL_COMMUNITIES));
	write_words(json, "layers", label->layers, nr_layer_names);
	nr_json_key(json, "everyone");
	nr_json_bool(json, label->everyone);
	write_words(json, "purposes", label->purposes, nr_purpose_names);
	nr_json_key(json, "expires");
	if (label->expires.ns != 0)
		nr_json_time(json, label->expires);
	else
		nr_json_null(json);
	nr_json_object_end(json);
}

static bool party_among(const struct nr_party *party, const struct nr_party *parties, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (parties[i].epoch == party->epoch && nr_uuid_eq(parties[i].uuid, party->uuid))
			return true;
	return false;
}

static bool parties_eq(const struct nr_party *a, size_t n_a, const struct nr_party *b, size_t n_b)
{
	for (size_t i = 0; i < n_a; i++)
		if (!party_among(&a[i], b, n_b))
			return false;
	for (size_t i = 0; i < n_b; i++)
		if (!party_among(&b[i], a, n_a))
			return false;
	return true;
}

bool nr_label_eq(const struct nr_label *a, const struct nr_label *b)
{
	return a->tlp == b->tlp && a->everyone == b->everyone && a->layers == b->layers &&
	       a->purposes == b->purposes && a->expires.ns == b->expires.ns &&
	       nr_uuid_eq(a->owner, b->owner) &&
	       parties_eq(a->members, nr_min_size(a->n_members, NR_LABEL_MEMBERS), b->members,
			  nr_min_size(b->n_members, NR_LABEL_MEMBERS)) &&
	       parties_eq(a->communities, nr_min_size(a->n_communities, NR_LABEL_COMMUNITIES),
			  b->communities, nr_min_size(b->n_communities, NR_LABEL_COMMUNITIES));
}
