/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/enrich/pool.h"

enum {
	NAME_BYTES = 64 << 20, /* all names together; the world's make 3 MB */
	ORIGIN_BYTES = NR_INTERN_MAX / 2 * (int)sizeof(struct nr_pool_origin),
};

int nr_pool_init(struct nr_pool *pool)
{
	int ret = 0;

	*pool = (struct nr_pool){ .names = NULL };
	ret = nr_intern_new(NAME_BYTES, &pool->names);
	if (ret < 0)
		return ret;
	return nr_intern_new(ORIGIN_BYTES, &pool->origins);
}

void nr_pool_done(struct nr_pool *pool)
{
	for (int family = 0; family < NR_POOL_FAMILIES; family++) {
		nr_ranges_done(&pool->origin[family]);
		nr_ranges_done(&pool->economy[family]);
	}
	pool->names = nr_intern_free(pool->names);
	pool->origins = nr_intern_free(pool->origins);
}

nr_u128 nr_pool_last(enum nr_pool_family family)
{
	return family == NR_POOL_V4 ? UINT32_MAX : ~(nr_u128)0;
}

enum nr_pool_family nr_pool_number(struct nr_ip ip, nr_u128 *ret_number)
{
	nr_u128 number = 0;

	if (nr_ip_is_v4(ip)) {
		*ret_number = nr_ip_to_v4(ip);
		return NR_POOL_V4;
	}
	for (size_t i = 0; i < sizeof(ip.b); i++)
		number = number << 8 | ip.b[i];
	*ret_number = number;
	return NR_POOL_V6;
}

int nr_pool_economy(struct nr_str text, char out[3])
{
	static const char *const unknown[] = { "", "-", "??", "**", "ZZ", "None" };

	for (size_t i = 0; i < NR_COUNT(unknown); i++)
		if (nr_str_eq(text, nr_str_from(unknown[i]))) {
			out[0] = '\0';
			return 0;
		}
	if (text.n != 2)
		return -EINVAL;
	for (size_t i = 0; i < 2; i++) {
		char upper = (char)(text.p[i] & ~0x20);

		if (upper < 'A' || upper > 'Z')
			return -EINVAL;
		out[i] = upper;
	}
	out[2] = '\0';
	return 0;
}

/* Names come from whois text: what a terminal could choke on is escaped once, here. */
static int name_id(struct nr_pool *pool, struct nr_str name, uint32_t *ret_id)
{
	char safe[NR_POOL_NAME + 1];
	size_t n = nr_str_escape(nr_str_trim(name), safe, sizeof(safe));

	return nr_intern_id(pool->names, (struct nr_str){ safe, n }, ret_id);
}

int nr_pool_add(struct nr_pool *pool, const struct nr_pool_row *row)
{
	struct nr_range range = { .lo = row->lo, .hi = row->hi, .rank = pool->rank };
	int ret = 0;

	if (row->lo > row->hi || row->hi > nr_pool_last(row->family))
		return -EINVAL;
	if (row->asn != 0) {
		struct nr_pool_origin origin = { .asn = row->asn };

		ret = name_id(pool, row->name, &origin.name);
		if (ret == 0)
			ret = nr_intern_id(pool->origins,
					   (struct nr_str){ (const char *)&origin, sizeof(origin) },
					   &range.value);
		if (ret == 0)
			ret = nr_ranges_add(&pool->origin[row->family], &range);
	}
	if (ret == 0 && row->economy[0] != '\0') {
		range.value = (uint32_t)(unsigned char)row->economy[0] << 8 |
			      (unsigned char)row->economy[1];
		ret = nr_ranges_add(&pool->economy[row->family], &range);
	}
	if (ret == 0 && (row->asn != 0 || row->economy[0] != '\0'))
		pool->n_rows++;
	return ret;
}

struct nr_pool_origin nr_pool_origin(const struct nr_pool *pool, uint32_t id)
{
	struct nr_pool_origin origin = { .asn = 0 };

	if (id != 0)
		memcpy(&origin, nr_intern_get(pool->origins, id).p, sizeof(origin));
	return origin;
}
