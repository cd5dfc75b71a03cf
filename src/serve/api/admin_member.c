/* SPDX-License-Identifier: Apache-2.0 */
/* Members, and with whom sensors are shared, on the hub's machine: noroshi member, noroshi sensor share. */
#include <jansson.h>
#include <stdio.h>

#include "serve/api/admin.h"
#include "serve/api/members.h"
#include "store/registry_label.h"
#include "store/registry_who.h"

enum { PARTIES = 1024 };

/* ---- members ---- */

static int find(const struct nr_admin *admin, const char *word,
		struct nr_registry_member *ret_member, struct nr_err *reterr)
{
	char name[NR_REGISTRY_NAME];
	int ret = nr_admin_text(admin, word, name, sizeof(name), reterr);

	if (ret == 0)
		ret = nr_members_named(admin->core->registry, nr_str_from(name), ret_member,
				       reterr);
	if (ret == -ENOENT)
		return nr_fail(reterr, -ENOENT, "there is no member '%s'", name);
	return ret;
}

static int answer(const struct nr_admin *admin, struct nr_uuid uuid, struct nr_buf *out,
		  struct nr_err *reterr)
{
	struct nr_registry_member member;
	struct nr_json json;
	int ret = nr_registry_member_find(admin->core->registry, uuid, &member, reterr);

	if (ret < 0)
		return ret;
	nr_json_init(&json, out);
	nr_members_json(&json, &member, true);
	nr_buf_add(out, "\n", 1);
	return 0;
}

static int put_member(void *ctx, const struct nr_registry_member *member)
{
	struct nr_json *json = ctx;

	nr_members_json(json, member, true);
	return json->out->err;
}

int nr_admin_members(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_json json;

	nr_json_init(&json, out);
	nr_json_object(&json);
	nr_json_key(&json, "members");
	nr_json_array(&json);
	int64_t n = nr_registry_members(admin->core->registry, 0, NR_MEMBER_MAX, true, put_member,
					&json, reterr);

	nr_json_array_end(&json);
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
	return n < 0 ? (int)n : 0;
}

static int put_prefix(void *ctx, struct nr_prefix prefix, struct nr_time since)
{
	struct nr_json *json = ctx;
	char text[NR_PREFIX_TEXT];

	(void)nr_prefix_print(prefix, text);
	nr_json_object(json);
	nr_json_key(json, "prefix");
	nr_json_str(json, nr_str_from(text));
	nr_json_key(json, "since");
	nr_json_time(json, since);
	nr_json_object_end(json);
	return json->out->err;
}

static int put_asn(void *ctx, uint32_t asn, struct nr_time since)
{
	struct nr_json *json = ctx;

	nr_json_object(json);
	nr_json_key(json, "asn");
	nr_json_u64(json, asn);
	nr_json_key(json, "since");
	nr_json_time(json, since);
	nr_json_object_end(json);
	return json->out->err;
}

static int put_contact(void *ctx, const struct nr_registry_contact *contact)
{
	struct nr_json *json = ctx;

	nr_json_object(json);
	nr_json_key(json, "role");
	nr_json_str(json, nr_str_from(contact->role));
	nr_json_key(json, "address");
	nr_json_str(json, nr_str_from(contact->address));
	nr_json_object_end(json);
	return json->out->err;
}

int nr_admin_member(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry *registry = admin->core->registry;
	struct nr_registry_member member;
	struct nr_json json;
	int64_t n = find(admin, "name", &member, reterr);

	if (n < 0)
		return (int)n;
	nr_json_init(&json, out);
	nr_json_object(&json);
	nr_json_key(&json, "member");
	nr_members_json(&json, &member, true);
	nr_json_key(&json, "prefixes");
	nr_json_array(&json);
	n = nr_registry_prefixes(registry, member.uuid, put_prefix, &json, reterr);
	nr_json_array_end(&json);
	nr_json_key(&json, "asns");
	nr_json_array(&json);
	if (n >= 0)
		n = nr_registry_asns(registry, member.uuid, put_asn, &json, reterr);
	nr_json_array_end(&json);
	nr_json_key(&json, "contacts");
	nr_json_array(&json);
	if (n >= 0)
		n = nr_registry_contacts(registry, member.uuid, put_contact, &json, reterr);
	nr_json_array_end(&json);
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
	return n < 0 ? (int)n : 0;
}

static int read_layer(const char *text, uint8_t *ret_layer, struct nr_err *reterr)
{
	for (uint8_t i = 0; i < NR_N_LAYERS; i++)
		if (nr_str_eq(nr_str_from(text), nr_str_from(nr_layer_names[i]))) {
			*ret_layer = i;
			return 0;
		}
	return nr_fail(reterr, NR_EUSAGE,
		       "layer is technical, law-enforcement, policy, diplomatic or research");
}

int nr_admin_member_add(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry_member wish = { 0 }, made;
	char layer[24];
	int ret = nr_admin_text(admin, "name", wish.name, sizeof(wish.name), reterr);

	if (ret == 0)
		ret = nr_admin_maybe(admin, "title", wish.title, sizeof(wish.title), reterr);
	if (ret == 0)
		ret = nr_admin_maybe(admin, "economy", wish.economy, sizeof(wish.economy), reterr);
	if (ret == 0)
		ret = nr_admin_maybe(admin, "sector", wish.sector, sizeof(wish.sector), reterr);
	if (ret == 0)
		ret = nr_admin_text(admin, "layer", layer, sizeof(layer), reterr);
	if (ret == 0)
		ret = read_layer(layer, &wish.layer, reterr);
	if (ret == 0)
		ret = nr_registry_member_add(admin->core->registry, &wish, &admin->act, &made,
					     reterr);
	return ret < 0 ? ret : answer(admin, made.uuid, out, reterr);
}

int nr_admin_member_suspend(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry_member member;
	int ret = find(admin, "name", &member, reterr);

	if (ret == 0)
		ret = nr_registry_member_suspend(admin->core->registry, member.uuid, &admin->act,
						 reterr);
	return ret < 0 ? ret : answer(admin, member.uuid, out, reterr);
}

int nr_admin_member_resume(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry_member member;
	int ret = find(admin, "name", &member, reterr);

	if (ret == 0)
		ret = nr_registry_member_resume(admin->core->registry, member.uuid, &admin->act,
						reterr);
	return ret < 0 ? ret : answer(admin, member.uuid, out, reterr);
}

/* "192.0.2.0/24" or "AS64500" */
struct held {
	struct nr_registry_member member;
	struct nr_prefix prefix;
	uint64_t asn; /* 0: a prefix */
};

static int read_held(const struct nr_admin *admin, struct held *ret_held, struct nr_err *reterr)
{
	char text[NR_PREFIX_TEXT];
	int ret = find(admin, "name", &ret_held->member, reterr);

	if (ret == 0)
		ret = nr_admin_text(admin, "what", text, sizeof(text), reterr);
	if (ret < 0)
		return ret;
	struct nr_str what = nr_str_from(text);

	ret_held->asn = 0;
	if (nr_str_starts(what, NR_STR("AS")) || nr_str_starts(what, NR_STR("as"))) {
		struct nr_str number = { what.p + 2, what.n - 2 };

		if (nr_str_u64(number, 1, UINT32_MAX, &ret_held->asn) == 0)
			return 0;
	} else if (nr_prefix_parse(what, &ret_held->prefix) == 0) {
		return 0;
	}
	return nr_fail(reterr, NR_EUSAGE,
		       "name a prefix such as 192.0.2.0/24, with zeros behind its length, or an AS "
		       "such as AS64500");
}

int nr_admin_prefix_add(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry *registry = admin->core->registry;
	struct nr_time since = admin->act.now;
	char text[NR_TIME_TEXT];
	struct held held;
	int ret = read_held(admin, &held, reterr);

	if (ret == 0)
		ret = nr_admin_maybe(admin, "since", text, sizeof(text), reterr);
	if (ret == 0 && text[0] != '\0' && nr_time_parse(nr_str_from(text), &since) < 0)
		ret = nr_fail(reterr, NR_EUSAGE, "since is a time such as 2026-01-01");
	if (ret == 0)
		ret = held.asn != 0
			      ? nr_registry_asn_add(registry, held.member.uuid, (uint32_t)held.asn,
						    since, &admin->act, reterr)
			      : nr_registry_prefix_add(registry, held.member.uuid, held.prefix,
						       since, &admin->act, reterr);
	return ret < 0 ? ret : nr_admin_member(admin, out, reterr);
}

int nr_admin_prefix_remove(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry *registry = admin->core->registry;
	struct held held;
	int ret = read_held(admin, &held, reterr);

	if (ret == 0)
		ret = held.asn != 0
			      ? nr_registry_asn_remove(registry, held.member.uuid,
						       (uint32_t)held.asn, &admin->act, reterr)
			      : nr_registry_prefix_remove(registry, held.member.uuid, held.prefix,
							  &admin->act, reterr);
	return ret < 0 ? ret : nr_admin_member(admin, out, reterr);
}

/* ---- communities ---- */

static int put_community(void *ctx, const struct nr_registry_community *community)
{
	struct nr_json *json = ctx;
	char uuid[NR_UUID_TEXT];

	nr_uuid_print(community->uuid, uuid);
	nr_json_object(json);
	nr_json_key(json, "uuid");
	nr_json_str(json, nr_str_from(uuid));
	nr_json_key(json, "name");
	nr_json_str(json, nr_str_from(community->name));
	nr_json_key(json, "title");
	nr_json_str(json, nr_str_from(community->title));
	nr_json_key(json, "members");
	nr_json_u64(json, community->members);
	nr_json_object_end(json);
	return json->out->err;
}

int nr_admin_communities(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_json json;

	nr_json_init(&json, out);
	nr_json_object(&json);
	nr_json_key(&json, "communities");
	nr_json_array(&json);
	int64_t n = nr_registry_communities(admin->core->registry, NULL, put_community, &json,
					    reterr);

	nr_json_array_end(&json);
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
	return n < 0 ? (int)n : 0;
}

int nr_admin_community_add(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	char name[NR_REGISTRY_NAME], title[NR_MEMBER_TITLE];
	struct nr_registry_community made;
	int ret = nr_admin_text(admin, "name", name, sizeof(name), reterr);

	if (ret == 0)
		ret = nr_admin_maybe(admin, "title", title, sizeof(title), reterr);
	if (ret == 0)
		ret = nr_registry_community_add(admin->core->registry, name, title, &admin->act,
						&made, reterr);
	return ret < 0 ? ret : nr_admin_communities(admin, out, reterr);
}

static int find_both(const struct nr_admin *admin, struct nr_registry_community *community,
		     struct nr_registry_member *member, struct nr_err *reterr)
{
	char name[NR_REGISTRY_NAME];
	int ret = nr_admin_text(admin, "community", name, sizeof(name), reterr);

	if (ret == 0)
		ret = nr_registry_community_named(admin->core->registry, name, community, reterr);
	return ret < 0 ? ret : find(admin, "name", member, reterr);
}

int nr_admin_community_join(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry_community community;
	struct nr_registry_member member;
	int ret = find_both(admin, &community, &member, reterr);

	if (ret == 0)
		ret = nr_registry_community_join(admin->core->registry, community.uuid, member.uuid,
						 &admin->act, reterr);
	return ret < 0 ? ret : nr_admin_communities(admin, out, reterr);
}

int nr_admin_community_leave(const struct nr_admin *admin, struct nr_buf *out,
			     struct nr_err *reterr)
{
	struct nr_registry_community community;
	struct nr_registry_member member;
	int ret = find_both(admin, &community, &member, reterr);

	if (ret == 0)
		ret = nr_registry_community_leave(admin->core->registry, community.uuid,
						  member.uuid, &admin->act, reterr);
	return ret < 0 ? ret : nr_admin_communities(admin, out, reterr);
}

/* ---- labels of sensors ---- */

/* Who has the machine is an admin of the member that runs the hub: for a label, no more than that. */
static int machine_viewer(const struct nr_admin *admin, struct nr_viewer *ret_viewer,
			  struct nr_err *reterr)
{
	struct nr_registry_membership home;
	int ret = nr_registry_membership(admin->core->registry, (struct nr_uuid){ 0 },
					 admin->act.now, &home, reterr);

	if (ret < 0)
		return ret;
	*ret_viewer = home.viewer;
	ret_viewer->role = NR_ROLE_OPERATOR;
	ret_viewer->purpose = (uint8_t)nr_policy_purpose((enum nr_layer)home.viewer.layer);
	ret_viewer->now = admin->act.now;
	return 0;
}

static int named_sensor(const struct nr_admin *admin, struct nr_registry_sensor *ret_sensor,
			struct nr_err *reterr)
{
	char name[NR_REGISTRY_NAME];
	int ret = nr_admin_text(admin, "sensor", name, sizeof(name), reterr);

	return ret < 0 ? ret
		       : nr_registry_sensor_named(admin->core->registry, name, ret_sensor, reterr);
}

static int answer_sensor(const struct nr_admin *admin, const struct nr_registry_sensor *sensor,
			 struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry_sensor now;
	struct nr_json json;
	int ret = nr_registry_sensor_find(admin->core->registry, sensor->uuid, &now, reterr);

	if (ret < 0)
		return ret;
	nr_json_init(&json, out);
	nr_admin_sensor_json(admin->core, &now, &json);
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
	return 0;
}

/* One of @p words by its bit; @return false: there is no such word */
static bool bit_of(struct nr_str word, const char *const *words, uint8_t *bits)
{
	for (unsigned i = 0; words[i] != NULL; i++)
		if (nr_str_eq(word, nr_str_from(words[i]))) {
			*bits |= (uint8_t)(1u << i);
			return true;
		}
	return false;
}

static int read_bits(const struct nr_admin *admin, const char *name, const char *const *words,
		     uint8_t *bits, struct nr_err *reterr)
{
	char text[128];
	int ret = nr_admin_maybe(admin, name, text, sizeof(text), reterr);
	struct nr_str rest = nr_str_from(text);

	while (ret == 0 && rest.n > 0)
		if (!bit_of(nr_str_cut(&rest, ','), words, bits))
			ret = nr_fail(reterr, NR_EUSAGE, "%s: a word nobody knows", name);
	return ret;
}

static int read_members(const struct nr_admin *admin, struct nr_label *label, struct nr_err *reterr)
{
	char text[PARTIES];
	int ret = nr_admin_maybe(admin, "member", text, sizeof(text), reterr);
	struct nr_str rest = nr_str_from(text);

	while (ret == 0 && rest.n > 0) {
		struct nr_registry_member member;
		struct nr_str name = nr_str_cut(&rest, ',');

		ret = nr_members_named(admin->core->registry, name, &member, NULL);
		if (ret < 0)
			return nr_fail(reterr, NR_EUSAGE, "there is no member '" NR_STR_FMT "'",
				       NR_STR_ARG(name));
		if (label->n_members == NR_LABEL_MEMBERS)
			return nr_fail(reterr, NR_EUSAGE, "a label names at most %d members",
				       NR_LABEL_MEMBERS);
		label->members[label->n_members++] = (struct nr_party){ member.uuid, 0 };
	}
	return ret;
}

static int read_communities(const struct nr_admin *admin, struct nr_label *label,
			    struct nr_err *reterr)
{
	char text[PARTIES], name[NR_REGISTRY_NAME];
	int ret = nr_admin_maybe(admin, "community", text, sizeof(text), reterr);
	struct nr_str rest = nr_str_from(text);

	while (ret == 0 && rest.n > 0) {
		struct nr_registry_community community;
		struct nr_str word = nr_str_cut(&rest, ',');

		(void)snprintf(name, sizeof(name), NR_STR_FMT, NR_STR_ARG(word));
		if (nr_registry_community_named(admin->core->registry,
						word.n < sizeof(name) ? name : "", &community,
						NULL) < 0)
			return nr_fail(reterr, NR_EUSAGE, "there is no community '%s'", name);
		if (label->n_communities == NR_LABEL_COMMUNITIES)
			return nr_fail(reterr, NR_EUSAGE, "a label names at most %d communities",
				       NR_LABEL_COMMUNITIES);
		label->communities[label->n_communities++] = (struct nr_party){ community.uuid, 0 };
	}
	return ret;
}

static int read_label(const struct nr_admin *admin, struct nr_label *label, struct nr_err *reterr)
{
	char tlp[16], everyone[4], expires[NR_TIME_TEXT];
	int ret = nr_admin_text(admin, "tlp", tlp, sizeof(tlp), reterr);

	for (uint8_t i = NR_TLP_CLEAR; ret == 0 && i <= NR_TLP_RED; i++)
		if (nr_str_eq(nr_str_from(tlp), nr_str_from(nr_tlp_names[i])))
			label->tlp = i;
	if (ret == 0)
		ret = nr_admin_maybe(admin, "everyone", everyone, sizeof(everyone), reterr);
	label->everyone = ret == 0 && everyone[0] == '1';
	if (ret == 0)
		ret = nr_admin_maybe(admin, "expires", expires, sizeof(expires), reterr);
	if (ret == 0 && expires[0] != '\0' &&
	    (nr_time_parse(nr_str_from(expires), &label->expires) < 0 || label->expires.ns <= 0))
		ret = nr_fail(reterr, NR_EUSAGE, "expires is a time such as 2027-01-01");
	if (ret == 0)
		ret = read_bits(admin, "purpose", nr_purpose_names, &label->purposes, reterr);
	if (ret == 0)
		ret = read_bits(admin, "layer", nr_layer_names, &label->layers, reterr);
	if (ret == 0)
		ret = read_members(admin, label, reterr);
	if (ret == 0)
		ret = read_communities(admin, label, reterr);
	return ret < 0 ? ret : nr_sensor_label_check(label, reterr);
}

int nr_admin_sensor_share(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_label wish = { 0 }, became;
	struct nr_registry_sensor sensor;
	struct nr_viewer viewer;
	int ret = named_sensor(admin, &sensor, reterr);

	if (ret == 0)
		ret = read_label(admin, &wish, reterr);
	if (ret == 0)
		ret = machine_viewer(admin, &viewer, reterr);
	if (ret == 0)
		ret = nr_registry_sensor_relabel(admin->core->registry, sensor.uuid, &viewer, &wish,
						 &admin->act, &became, reterr);
	if (ret == -EACCES)
		return nr_fail(reterr, -EACCES,
			       "'%s' is another member's: its coordinators say with whom it is "
			       "shared",
			       sensor.name);
	return ret < 0 ? ret : answer_sensor(admin, &sensor, out, reterr);
}

int nr_admin_sensor_label(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry_sensor sensor;
	struct nr_json json;
	int ret = named_sensor(admin, &sensor, reterr);

	if (ret < 0)
		return ret;
	nr_json_init(&json, out);
	nr_label_json(&sensor.label, &json);
	nr_buf_add(out, "\n", 1);
	return 0;
}

int nr_admin_sensor_give(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry_sensor sensor;
	struct nr_registry_member member;
	int ret = named_sensor(admin, &sensor, reterr);

	if (ret == 0)
		ret = find(admin, "name", &member, reterr);
	if (ret == 0)
		ret = nr_registry_sensor_give(admin->core->registry, sensor.uuid, member.uuid,
					      &admin->act, reterr);
	return ret < 0 ? ret : answer_sensor(admin, &sensor, out, reterr);
}
