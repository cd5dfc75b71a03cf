/* SPDX-License-Identifier: Apache-2.0 */
#include "share/policy/label_read.h"

#include "base/json_read.h"

static int read_epoch(const json_t *json, uint32_t *ret_epoch, struct nr_err *reterr)
{
	int64_t epoch;
	int r = nr_json_integer(json, "epoch", 0, UINT32_MAX, 0, &epoch, reterr);

	if (r == 0)
		*ret_epoch = (uint32_t)epoch;
	return r;
}

static int read_party(const json_t *json, const char *one, struct nr_party *ret_party,
		      struct nr_err *reterr)
{
	const char *const only[] = { one, "epoch", NULL };
	char text[NR_UUID_TEXT];
	int r = nr_json_only(json, only, reterr);

	if (r == 0)
		r = nr_json_text(json, one, true, text, sizeof(text), reterr);
	if (r == 0)
		r = read_epoch(json, &ret_party->epoch, reterr);
	if (r != 0)
		return r;
	if (nr_uuid_parse(nr_str_from(text), &ret_party->uuid) != 0)
		return nr_fail(reterr, NR_EUSAGE, "%s: not a UUID", one);
	return 0;
}

struct list {
	const char *name, *one; /* "members", "member" */
	struct nr_party *parties;
	size_t max;
	uint8_t *n;
};

static int read_parties(const json_t *json, const struct list *list, struct nr_err *reterr)
{
	const json_t *array = json_object_get(json, list->name);
	size_t n = json_array_size(array);

	if (!nr_json_has(json, list->name))
		return 0;
	if (!json_is_array(array))
		return nr_fail(reterr, NR_EUSAGE, "%s: a list is expected", list->name);
	if (n > list->max)
		return nr_fail(reterr, NR_EUSAGE, "%s: %zu are named, a label holds %zu",
			       list->name, n, list->max);
	for (size_t i = 0; i < n; i++) {
		int r = read_party(json_array_get(array, i), list->one, &list->parties[i], reterr);

		if (r != 0) {
			(void)nr_err_prefix(reterr, "%s", list->name);
			return r;
		}
		for (size_t k = 0; k < i; k++)
			if (nr_uuid_eq(list->parties[k].uuid, list->parties[i].uuid) &&
			    list->parties[k].epoch == list->parties[i].epoch)
				return nr_fail(reterr, NR_EUSAGE, "%s: the same one twice",
					       list->name);
	}
	*list->n = (uint8_t)n;
	return 0;
}

static int read_words(const json_t *json, const char *name, const char *const *words,
		      uint8_t *ret_bits, struct nr_err *reterr)
{
	const json_t *array = json_object_get(json, name);
	uint8_t bits = 0;

	if (nr_json_has(json, name) && !json_is_array(array))
		return nr_fail(reterr, NR_EUSAGE, "%s: a list is expected", name);
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *word = json_string_value(json_array_get(array, i));
		unsigned k = 0;

		while (words[k] != NULL && (word == NULL || strcmp(words[k], word) != 0))
			k++;
		if (words[k] == NULL)
			return nr_fail(reterr, NR_EUSAGE, "%s: entry %zu is none that is known",
				       name, i + 1);
		if ((bits >> k & 1) != 0)
			return nr_fail(reterr, NR_EUSAGE, "%s: \"%s\" twice", name, words[k]);
		bits |= (uint8_t)(1u << k);
	}
	*ret_bits = bits;
	return 0;
}

int nr_label_read(const json_t *json, struct nr_label *ret_label, struct nr_err *reterr)
{
	static const char *const only[] = { "tlp",	   "owner",   "members",
					    "communities", "layers",  "everyone",
					    "purposes",	   "expires", NULL };
	struct nr_label label = { 0 };
	struct list members = { "members", "member", label.members, NR_LABEL_MEMBERS,
				&label.n_members };
	struct list communities = { "communities", "community", label.communities,
				    NR_LABEL_COMMUNITIES, &label.n_communities };
	unsigned tlp = NR_TLP_UNSET;
	int r = nr_json_only(json, only, reterr);

	if (r == 0)
		r = nr_json_word(json, "tlp", nr_tlp_names, NR_TLP_UNSET, &tlp, reterr);
	if (r == 0)
		r = read_parties(json, &members, reterr);
	if (r == 0)
		r = read_parties(json, &communities, reterr);
	if (r == 0)
		r = read_words(json, "layers", nr_layer_names, &label.layers, reterr);
	if (r == 0)
		r = nr_json_boolean(json, "everyone", false, &label.everyone, reterr);
	if (r == 0)
		r = read_words(json, "purposes", nr_purpose_names, &label.purposes, reterr);
	if (r == 0)
		r = nr_json_when(json, "expires", (struct nr_time){ 0 }, &label.expires, reterr);
	if (r != 0)
		return r;
	if (nr_json_has(json, "expires") && label.expires.ns <= 0)
		return nr_fail(reterr, NR_EUSAGE, "expires: before 1970 nothing ends");
	label.tlp = (uint8_t)tlp;
	*ret_label = label;
	return 0;
}
