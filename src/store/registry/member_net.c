/* SPDX-License-Identifier: Apache-2.0 */
/* What a member answers for: prefixes, AS numbers; and how it is reached. */
#include <stdio.h>
#include <string.h>

#include "store/registry/member_int.h"

int nr_registry_room(struct nr_registry *registry, const char *sql, struct nr_uuid uuid,
		     int64_t max, const char *what, struct nr_err *reterr)
{
	int64_t n = 0;
	int ret = nr_registry_number(registry, sql, NR_ARGS(NR_ARG_OF_UUID(uuid)), &n, reterr);

	if (ret < 0)
		return ret;
	return n < max ? 0
		       : nr_fail(reterr, NR_ELIMIT, "a member has at most %lld %s", (long long)max,
				 what);
}

/* Prefixes and AS numbers are held alike: by one, from a time on. */
struct held {
	const char *what; /* "prefixes" */
	const char *count, *insert, *remove, *holder;
	int64_t max;
	struct nr_registry_arg key;
	const char *text; /* of the key, for people */
	const char *add_action, *remove_action;
};

static struct held held_prefix(const char *text)
{
	return (struct held){
		.what = "prefixes",
		.count = "SELECT count(*) FROM member_prefix WHERE member = ?1",
		.insert =
			"INSERT INTO member_prefix (member, prefix, since_ns) VALUES (?1, ?2, ?3)",
		.remove = "DELETE FROM member_prefix WHERE member = ?1 AND prefix = ?2",
		.holder = "uuid = (SELECT member FROM member_prefix WHERE prefix = ?1)",
		.max = NR_MEMBER_PREFIXES,
		.key = NR_ARG_OF_TEXT(text),
		.text = text,
		.add_action = "member.prefix.add",
		.remove_action = "member.prefix.remove",
	};
}

static struct held held_asn(uint32_t asn, const char *text)
{
	return (struct held){
		.what = "AS numbers",
		.count = "SELECT count(*) FROM member_asn WHERE member = ?1",
		.insert = "INSERT INTO member_asn (member, asn, since_ns) VALUES (?1, ?2, ?3)",
		.remove = "DELETE FROM member_asn WHERE member = ?1 AND asn = ?2",
		.holder = "uuid = (SELECT member FROM member_asn WHERE asn = ?1)",
		.max = NR_MEMBER_ASNS,
		.key = NR_ARG_OF_I64(asn),
		.text = text,
		.add_action = "member.asn.add",
		.remove_action = "member.asn.remove",
	};
}

static int add_held(struct nr_registry *registry, const struct held *held, struct nr_uuid uuid,
		    struct nr_time since, const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_registry_member member, holder;
	int ret = nr_registry_member_row(registry, "uuid = ?1", &NR_ARG_OF_UUID(uuid), &member,
					 reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_member_row(registry, held->holder, &held->key, &holder, NULL);
	if (ret == 0)
		return nr_fail(reterr, -EEXIST,
			       "%s is held by %s: who gives it up must say so first", held->text,
			       nr_uuid_eq(holder.uuid, uuid) ? "this very member" : holder.name);
	if (ret != -ENOENT)
		return nr_registry_fail(registry, "who holds it", reterr);
	ret = nr_registry_room(registry, held->count, uuid, held->max, held->what, reterr);
	if (ret == 0)
		ret = nr_registry_change(registry, held->insert,
					 NR_ARGS(NR_ARG_OF_UUID(uuid), held->key,
						 NR_ARG_OF_I64(since.ns)),
					 reterr);
	return ret < 0 ? ret
		       : nr_registry_note(registry, act, held->add_action, member.name, held->text,
					  reterr);
}

static int remove_held(struct nr_registry *registry, const struct held *held, struct nr_uuid uuid,
		       const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_registry_member member;
	int ret = nr_registry_member_row(registry, "uuid = ?1", &NR_ARG_OF_UUID(uuid), &member,
					 reterr);

	if (ret == 0)
		ret = nr_registry_change(registry, held->remove,
					 NR_ARGS(NR_ARG_OF_UUID(uuid), held->key), reterr);
	if (ret == 0)
		return nr_fail(reterr, -ENOENT, "%s does not hold %s", member.name, held->text);
	return ret < 0 ? ret
		       : nr_registry_note(registry, act, held->remove_action, member.name,
					  held->text, reterr);
}

int nr_registry_prefix_add(struct nr_registry *registry, struct nr_uuid member,
			   struct nr_prefix prefix, struct nr_time since,
			   const struct nr_registry_act *act, struct nr_err *reterr)
{
	char text[NR_PREFIX_TEXT];

	(void)nr_prefix_print(prefix, text);
	if (nr_prefix_bits(prefix) < NR_PREFIX_BITS_MIN)
		return nr_fail(reterr, NR_EUSAGE, "%s: a member answers for prefixes from /%d on",
			       text, NR_PREFIX_BITS_MIN);
	struct held held = held_prefix(text);
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	return nr_registry_end(registry, add_held(registry, &held, member, since, act, reterr),
			       reterr);
}

int nr_registry_prefix_remove(struct nr_registry *registry, struct nr_uuid member,
			      struct nr_prefix prefix, const struct nr_registry_act *act,
			      struct nr_err *reterr)
{
	char text[NR_PREFIX_TEXT];

	(void)nr_prefix_print(prefix, text);
	struct held held = held_prefix(text);
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	return nr_registry_end(registry, remove_held(registry, &held, member, act, reterr), reterr);
}

int nr_registry_asn_add(struct nr_registry *registry, struct nr_uuid member, uint32_t asn,
			struct nr_time since, const struct nr_registry_act *act,
			struct nr_err *reterr)
{
	char text[16];

	if (asn == 0)
		return nr_fail(reterr, NR_EUSAGE, "0 is no AS");
	(void)snprintf(text, sizeof(text), "AS%u", asn);
	struct held held = held_asn(asn, text);
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	return nr_registry_end(registry, add_held(registry, &held, member, since, act, reterr),
			       reterr);
}

int nr_registry_asn_remove(struct nr_registry *registry, struct nr_uuid member, uint32_t asn,
			   const struct nr_registry_act *act, struct nr_err *reterr)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "AS%u", asn);
	struct held held = held_asn(asn, text);
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	return nr_registry_end(registry, remove_held(registry, &held, member, act, reterr), reterr);
}

int64_t nr_registry_prefixes(struct nr_registry *registry, struct nr_uuid member,
			     int (*each)(void *ctx, struct nr_prefix prefix, struct nr_time since),
			     void *ctx, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_ask(registry,
				  "SELECT prefix, since_ns FROM member_prefix WHERE member = ?1 "
				  "ORDER BY prefix",
				  NR_ARGS(NR_ARG_OF_UUID(member)), &stmt, reterr);

	if (ret == 0) {
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			char text[NR_PREFIX_TEXT];
			struct nr_prefix prefix;

			nr_registry_get_text(stmt, 0, text, sizeof(text));
			if (nr_prefix_parse(nr_str_from(text), &prefix) < 0)
				continue; /* what is no prefix holds nothing */
			ret = each(ctx, prefix, nr_registry_get_time(stmt, 1));
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

int64_t nr_registry_asns(struct nr_registry *registry, struct nr_uuid member,
			 int (*each)(void *ctx, uint32_t asn, struct nr_time since), void *ctx,
			 struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_ask(registry,
				  "SELECT asn, since_ns FROM member_asn WHERE member = ?1 "
				  "ORDER BY asn",
				  NR_ARGS(NR_ARG_OF_UUID(member)), &stmt, reterr);

	if (ret == 0) {
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			ret = each(ctx, (uint32_t)sqlite3_column_int64(stmt, 0),
				   nr_registry_get_time(stmt, 1));
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

/* ---- contacts ---- */

static int check_contacts(const struct nr_registry_contact *contacts, size_t n,
			  struct nr_err *reterr)
{
	if (n > NR_MEMBER_CONTACTS)
		return nr_fail(reterr, NR_ELIMIT, "a member has at most %d contacts",
			       NR_MEMBER_CONTACTS);
	for (size_t i = 0; i < n; i++) {
		int ret = nr_registry_check_name(contacts[i].role, reterr);

		if (ret < 0) {
			(void)nr_err_prefix(reterr, "contact's role");
			return ret;
		}
		ret = nr_registry_check_title("address", contacts[i].address,
					      sizeof(contacts[i].address), reterr);
		if (ret < 0)
			return ret;
		if (contacts[i].address[0] == '\0')
			return nr_fail(reterr, NR_EUSAGE, "a contact needs an address");
	}
	return 0;
}

static int replace_contacts(struct nr_registry *registry, struct nr_uuid uuid,
			    const struct nr_registry_contact *contacts, size_t n,
			    const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_registry_member member;
	char detail[32];
	int ret = nr_registry_member_row(registry, "uuid = ?1", &NR_ARG_OF_UUID(uuid), &member,
					 reterr);

	if (ret == 0)
		ret = nr_registry_change(registry, "DELETE FROM member_contact WHERE member = ?1",
					 NR_ARGS(NR_ARG_OF_UUID(uuid)), reterr);
	for (size_t i = 0; ret >= 0 && i < n; i++) {
		ret = nr_registry_change(registry,
					 "INSERT INTO member_contact (member, role, address) "
					 "VALUES (?1, ?2, ?3)",
					 NR_ARGS(NR_ARG_OF_UUID(uuid),
						 NR_ARG_OF_TEXT(contacts[i].role),
						 NR_ARG_OF_TEXT(contacts[i].address)),
					 reterr);
		if (ret == -EEXIST)
			return nr_fail(reterr, NR_EUSAGE, "the same contact twice");
	}
	if (ret < 0)
		return ret;
	(void)snprintf(detail, sizeof(detail), "%zu", n);
	return nr_registry_note(registry, act, "member.contacts", member.name, detail, reterr);
}

int nr_registry_contacts_set(struct nr_registry *registry, struct nr_uuid member,
			     const struct nr_registry_contact *contacts, size_t n,
			     const struct nr_registry_act *act, struct nr_err *reterr)
{
	int ret = check_contacts(contacts, n, reterr);

	if (ret == 0)
		ret = nr_registry_begin(registry, reterr);
	if (ret < 0)
		return ret;
	return nr_registry_end(registry,
			       replace_contacts(registry, member, contacts, n, act, reterr),
			       reterr);
}

int64_t nr_registry_contacts(struct nr_registry *registry, struct nr_uuid member,
			     int (*each)(void *ctx, const struct nr_registry_contact *contact),
			     void *ctx, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_ask(registry,
				  "SELECT role, address FROM member_contact WHERE member = ?1 "
				  "ORDER BY role, address",
				  NR_ARGS(NR_ARG_OF_UUID(member)), &stmt, reterr);

	if (ret == 0) {
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_contact contact;

			nr_registry_get_text(stmt, 0, contact.role, sizeof(contact.role));
			nr_registry_get_text(stmt, 1, contact.address, sizeof(contact.address));
			ret = each(ctx, &contact);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}
