/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cmocka.h"
#include "share/policy/suppression.h"

static const struct nr_time now = { 1000 };

static struct nr_suppression rule_of(const char *subject)
{
	struct nr_suppression rule = { .expires = { 2000 } };

	if (subject != NULL) {
		rule.has_subject = true;
		assert_int_equal(nr_prefix_parse(nr_str_from(subject), &rule.subject), 0);
	}
	return rule;
}

static struct nr_suppression_of of(const char *subject)
{
	return nr_suppression_of(NR_STR("scan.v1"), NR_STR("campaign"), nr_str_from(subject),
				 64500);
}

static void a_subject_fits_the_prefix_it_lies_wholly_in(void **state)
{
	static const struct {
		const char *rule, *subject;
		bool fits;
	} cases[] = {
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.7", "192.0.2.8", false },
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.0/24", "192.0.2.128/25", true },
		{ "192.0.2.0/24", "192.0.2.0/24", true },
		{ "192.0.2.0/24", "192.0.0.0/16", false }, /* only a part of it is the rule's */
		{ "2001:db8::/32", "2001:db8:1::9", true },
		{ "2001:db8::/32", "2001:db9::", false },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "::/0", "192.0.2.7", false }, /* families do not mix */
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "0.0.0.0/0", "192.0.2.7", true },
		/* what is no address fits no prefix */
		{ "0.0.0.0/0", "", false },
		{ "10.0.0.0/8", "", false },
		{ "::/0", "", false },
		{ "0.0.0.0/0", "mirai-like 23/tcp", false },
		{ "0.0.0.0/0", "AS64500", false },
		{ "0.0.0.0/0", "0", false },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_suppression rule = rule_of(cases[i].rule);
		struct nr_suppression_of what = of(cases[i].subject);

		if (nr_suppression_matches(&rule, &what, now) != cases[i].fits)
			fail_msg("%s against %s", cases[i].subject, cases[i].rule);
	}
}

static void every_condition_that_is_set_must_fit(void **state)
{
	struct nr_suppression rule = rule_of("192.0.2.0/24");
	struct nr_suppression_of what = of("192.0.2.1");

	(void)state;
	memcpy(rule.detector, "scan.v1", 8);
	memcpy(rule.kind, "campaign", 9);
	rule.asn = 64500;
	assert_true(nr_suppression_matches(&rule, &what, now));
	what.asn = 0; /* unknown is no AS */
	assert_false(nr_suppression_matches(&rule, &what, now));
	what = of("192.0.2.1");
	what.detector = NR_STR("rsdos.v1");
	assert_false(nr_suppression_matches(&rule, &what, now));
	what = of("192.0.2.1");
	what.kind = NR_STR("campaigns");
	assert_false(nr_suppression_matches(&rule, &what, now));
}

static void a_rule_of_no_condition_fits_nothing(void **state)
{
	struct nr_suppression rule = rule_of(NULL), zero = { 0 };
	struct nr_suppression_of what = of("192.0.2.1"), nothing = { 0 };

	(void)state;
	assert_false(nr_suppression_matches(&rule, &what, now));
	assert_false(nr_suppression_matches(&rule, &nothing, now));
	assert_false(nr_suppression_matches(&zero, &nothing, now));
}

static void one_that_expired_or_was_undone_ends_at_once(void **state)
{
	struct nr_suppression rule = rule_of("192.0.2.0/24");
	struct nr_suppression_of what = of("192.0.2.1");

	(void)state;
	assert_true(nr_suppression_matches(&rule, &what, (struct nr_time){ 1999 }));
	assert_false(nr_suppression_matches(&rule, &what, (struct nr_time){ 2000 }));
	rule.undone = (struct nr_time){ 1 };
	assert_false(nr_suppression_matches(&rule, &what, now));
}

static void the_longest_prefix_is_the_reason(void **state)
{
	struct nr_suppression rules[5] = { rule_of("192.0.0.0/16"), rule_of("192.0.2.0/24"),
					   rule_of("192.0.2.0/24"), rule_of("192.0.2.1"),
					   rule_of(NULL) };
	struct nr_suppression_of what = of("192.0.2.1"), beside = of("192.0.2.2");

	(void)state;
	memcpy(rules[4].detector, "scan.v1", 8);
	rules[0].allow = true;
	rules[2].allow = true;
	rules[3].expires.ns = 1001;
	assert_ptr_equal(nr_suppression_find(rules, 5, &what, now), &rules[3]);
	assert_ptr_equal(nr_suppression_find(rules, 5, &what, (struct nr_time){ 1001 }), &rules[2]);
	assert_ptr_equal(nr_suppression_find(rules, 5, &beside, now), &rules[2]);
	what = of("198.51.100.1");
	assert_ptr_equal(nr_suppression_find(rules, 5, &what, now), &rules[4]);
	assert_null(nr_suppression_find(rules, 4, &what, now));
	assert_null(nr_suppression_find(NULL, 0, &what, now));
}

static void who_acts_is_stopped_by_any_allow_however_short(void **state)
{
	struct nr_suppression rules[2] = { rule_of("192.0.0.0/16"), rule_of("192.0.2.1") };
	struct nr_suppression_of what = of("192.0.2.1");

	(void)state;
	rules[0].allow = true;
	assert_true(nr_suppression_allowed(rules, 2, &what, now));
	rules[0].undone.ns = 1;
	assert_false(nr_suppression_allowed(rules, 2, &what, now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_subject_fits_the_prefix_it_lies_wholly_in),
		cmocka_unit_test(every_condition_that_is_set_must_fit),
		cmocka_unit_test(a_rule_of_no_condition_fits_nothing),
		cmocka_unit_test(one_that_expired_or_was_undone_ends_at_once),
		cmocka_unit_test(the_longest_prefix_is_the_reason),
		cmocka_unit_test(who_acts_is_stopped_by_any_allow_however_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
