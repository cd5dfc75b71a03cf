/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of people: what a question is about, a saved query, the subject of a finding against the
 * widest rules. What is read is written one way, and read again is the same; what is no address fits no
 * prefix.
 */
#include <stdlib.h>
#include <string.h>

#include "serve/api/asks.h"
#include "serve/api/filters.h"
#include "share/policy/suppression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void subject(struct nr_str text)
{
	struct nr_ask_subject one, two;

	if (nr_ask_subject_parse(text, &one) < 0)
		return;
	nr_require(nr_ask_subject_parse(nr_str_from(one.text), &two) == 0);
	nr_require(strcmp(one.text, two.text) == 0 && one.kind == two.kind && one.asn == two.asn &&
		   one.port == two.port && one.protocol == two.protocol);
	nr_require(one.kind != NR_ASK_ADDRESSES ||
		   (nr_ip_eq(one.prefix.ip, two.prefix.ip) && one.prefix.len == two.prefix.len));
}

static void query(struct nr_str text)
{
	static const char *const views[] = { "findings", "top", "show", "series", "users", "" };
	struct nr_registry_filter filter = { 0 };
	struct nr_err err;

	if (text.n >= sizeof(filter.query))
		return;
	memcpy(filter.query, text.p, text.n);
	for (size_t i = 0; i < NR_COUNT(views); i++) {
		memcpy(filter.view, views[i], strlen(views[i]) + 1);
		if (nr_filter_check(&filter, &err) < 0)
			continue;
		nr_require(i < 4);
		nr_require(strpbrk(filter.query, "#\r\n <>\"\\") == NULL);
	}
}

static void suppressed(struct nr_str text)
{
	struct nr_suppression rules[2] = { { .has_subject = true, .expires = { 2 } },
					   { .has_subject = true, .expires = { 2 } } };
	struct nr_suppression_of of = nr_suppression_of(NR_STR("x"), NR_STR("y"), text, 1);
	struct nr_time now = { 1 };

	nr_require(nr_prefix_parse(NR_STR("0.0.0.0/0"), &rules[0].subject) == 0);
	nr_require(nr_prefix_parse(NR_STR("::/0"), &rules[1].subject) == 0);
	bool v4 = nr_suppression_matches(&rules[0], &of, now);
	bool v6 = nr_suppression_matches(&rules[1], &of, now);

	nr_require(!(v4 && v6) && (v4 || v6) == of.has_subject);
	nr_require((nr_suppression_find(rules, 2, &of, now) != NULL) == of.has_subject);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nr_str text = { (const char *)data, size };

	subject(text);
	query(text);
	suppressed(text);
	return 0;
}
