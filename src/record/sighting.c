/* SPDX-License-Identifier: Apache-2.0 */
#include "record/sighting.h"

#include <stdlib.h>

enum { NUMBERS = 5 };

int nr_sighting_cmp(const void *a, const void *b)
{
	return memcmp(a, b, NR_UUID_SIZE);
}
_Static_assert(offsetof(struct nr_sighting, sensor) == 0, "compared as the head of it");

void nr_sightings_print(const struct nr_sighting *list, size_t n, struct nr_buf *out)
{
	nr_buf_addf(out, "[");
	for (size_t i = 0; i < n; i++) {
		char uuid[NR_UUID_TEXT];

		nr_uuid_print(list[i].sensor, uuid);
		nr_buf_addf(out, "%s[\"%s\",%llu,%llu,%llu,%lld,%lld]", i > 0 ? "," : "", uuid,
			    (unsigned long long)list[i].packets, (unsigned long long)list[i].marked,
			    (unsigned long long)list[i].bytes, (long long)list[i].first.ns,
			    (long long)list[i].last.ns);
	}
	nr_buf_addf(out, "]");
}

/* ---- reading: exactly what is written above ---- */

static bool take(struct nr_str *text, const char *what)
{
	struct nr_str s = nr_str_from(what);

	if (!nr_str_starts(*text, s))
		return false;
	text->p += s.n;
	text->n -= s.n;
	return true;
}

static bool take_number(struct nr_str *text, uint64_t *ret_value)
{
	size_t n = 0;

	while (n < text->n && text->p[n] >= '0' && text->p[n] <= '9')
		n++;
	if (n == 0 || nr_str_u64((struct nr_str){ text->p, n }, 0, UINT64_MAX, ret_value) < 0)
		return false;
	text->p += n;
	text->n -= n;
	return true;
}

static bool take_one(struct nr_str *text, struct nr_sighting *out)
{
	uint64_t v[NUMBERS];

	if (!take(text, "[\"") || text->n < NR_UUID_TEXT ||
	    nr_uuid_parse((struct nr_str){ text->p, NR_UUID_TEXT - 1 }, &out->sensor) < 0)
		return false;
	text->p += NR_UUID_TEXT - 1;
	text->n -= NR_UUID_TEXT - 1;
	if (!take(text, "\""))
		return false;
	for (size_t i = 0; i < NUMBERS; i++)
		if (!take(text, ",") || !take_number(text, &v[i]))
			return false;
	out->packets = v[0];
	out->marked = v[1];
	out->bytes = v[2];
	if (v[3] > INT64_MAX || v[4] > INT64_MAX || v[3] > v[4])
		return false;
	out->first.ns = (int64_t)v[3];
	out->last.ns = (int64_t)v[4];
	return take(text, "]");
}

static bool take_all(struct nr_str text, struct nr_sighting *list, size_t n)
{
	if (!take(&text, "["))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((i > 0 && !take(&text, ",")) || !take_one(&text, &list[i]) ||
		    (i > 0 && nr_sighting_cmp(&list[i - 1], &list[i]) >= 0))
			return false;
	return take(&text, "]") && text.n == 0;
}

int nr_sightings_parse(struct nr_str text, struct nr_sighting **ret_list, size_t *ret_n)
{
	size_t n = nr_str_count(text, '[');
	struct nr_sighting *list = NULL;

	*ret_list = NULL;
	*ret_n = 0;
	if (n == 0 || n - 1 > NR_SIGHTINGS_MAX)
		return NR_EDAMAGED;
	n--;
	if (n > 0 && (list = calloc(n, sizeof(*list))) == NULL)
		return -ENOMEM;
	if (!take_all(text, list, n)) {
		free(list);
		return NR_EDAMAGED;
	}
	*ret_list = list;
	*ret_n = n;
	return 0;
}
