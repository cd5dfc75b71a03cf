/* SPDX-License-Identifier: Apache-2.0 */
#include "share/policy/suppression.h"

struct nr_suppression_of nr_suppression_of(struct nr_str detector, struct nr_str kind,
					   struct nr_str subject, uint32_t asn)
{
	struct nr_suppression_of of = { .detector = detector, .kind = kind, .asn = asn };

	of.has_subject = nr_prefix_parse(subject, &of.subject) == 0;
	return of;
}

bool nr_suppression_in_force(const struct nr_suppression *rule, struct nr_time now)
{
	return rule->undone.ns == 0 && rule->expires.ns > now.ns;
}

static bool subject_fits(const struct nr_suppression *rule, const struct nr_suppression_of *of)
{
	return of->has_subject && rule->subject.len <= of->subject.len &&
	       nr_prefix_has(rule->subject, of->subject.ip);
}

bool nr_suppression_matches(const struct nr_suppression *rule, const struct nr_suppression_of *of,
			    struct nr_time now)
{
	bool any = rule->has_subject || rule->asn != 0 || rule->detector[0] != '\0' ||
		   rule->kind[0] != '\0';

	if (!any || !nr_suppression_in_force(rule, now))
		return false;
	if (rule->has_subject && !subject_fits(rule, of))
		return false;
	if (rule->asn != 0 && rule->asn != of->asn)
		return false;
	if (rule->detector[0] != '\0' && !nr_str_eq(nr_str_from(rule->detector), of->detector))
		return false;
	return rule->kind[0] == '\0' || nr_str_eq(nr_str_from(rule->kind), of->kind);
}

/* Is @p a the better reason? */
static bool nearer(const struct nr_suppression *a, const struct nr_suppression *b)
{
	int a_len = a->has_subject ? a->subject.len : -1,
	    b_len = b->has_subject ? b->subject.len : -1;

	if (a_len != b_len)
		return a_len > b_len;
	if (a->allow != b->allow)
		return a->allow;
	return a->expires.ns > b->expires.ns;
}

const struct nr_suppression *nr_suppression_find(const struct nr_suppression *rules, size_t n,
						 const struct nr_suppression_of *of,
						 struct nr_time now)
{
	const struct nr_suppression *found = NULL;

	for (size_t i = 0; i < n; i++)
		if (nr_suppression_matches(&rules[i], of, now) &&
		    (found == NULL || nearer(&rules[i], found)))
			found = &rules[i];
	return found;
}

bool nr_suppression_allowed(const struct nr_suppression *rules, size_t n,
			    const struct nr_suppression_of *of, struct nr_time now)
{
	for (size_t i = 0; i < n; i++)
		if (rules[i].allow && nr_suppression_matches(&rules[i], of, now))
			return true;
	return false;
}
