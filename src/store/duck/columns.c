/* SPDX-License-Identifier: Apache-2.0 */
#include "store/duck/columns.h"

const uint8_t nr_column_types[NR_COLUMN_N] = {
	[NR_COLUMN_AT] = NR_DUCK_U64,		[NR_COLUMN_ROW] = NR_DUCK_U32,
	[NR_COLUMN_SENSOR] = NR_DUCK_U32,	[NR_COLUMN_TICK] = NR_DUCK_U32,
	[NR_COLUMN_SRC] = NR_DUCK_U32,		[NR_COLUMN_SRC6] = NR_DUCK_U128,
	[NR_COLUMN_DST] = NR_DUCK_U32,		[NR_COLUMN_DST6] = NR_DUCK_U128,
	[NR_COLUMN_SPORT] = NR_DUCK_U16,	[NR_COLUMN_DPORT] = NR_DUCK_U16,
	[NR_COLUMN_PROTO] = NR_DUCK_U8,		[NR_COLUMN_CLASS] = NR_DUCK_U8,
	[NR_COLUMN_PACKETS] = NR_DUCK_U32,	[NR_COLUMN_BYTES] = NR_DUCK_U64,
	[NR_COLUMN_FIRST_US] = NR_DUCK_U32,	[NR_COLUMN_FIRST_NS] = NR_DUCK_U16,
	[NR_COLUMN_LASTS_NS] = NR_DUCK_U32,	[NR_COLUMN_TCP_FLAGS] = NR_DUCK_U8,
	[NR_COLUMN_TTL_MIN] = NR_DUCK_U8,	[NR_COLUMN_TTL_SPAN] = NR_DUCK_U8,
	[NR_COLUMN_WINDOW] = NR_DUCK_U16,	[NR_COLUMN_OPT_HASH] = NR_DUCK_U32,
	[NR_COLUMN_PAYLOAD] = NR_DUCK_U8,	[NR_COLUMN_PAYLOAD_HASH] = NR_DUCK_U32,
	[NR_COLUMN_FLAGS] = NR_DUCK_U8,		[NR_COLUMN_QUOTED_DST] = NR_DUCK_U32,
	[NR_COLUMN_QUOTED_DST6] = NR_DUCK_U128, [NR_COLUMN_QUOTED_DPORT] = NR_DUCK_U16,
	[NR_COLUMN_QUOTED_PROTO] = NR_DUCK_U8,	[NR_COLUMN_MARKS] = NR_DUCK_U64,
	[NR_COLUMN_MARKS_MORE] = NR_DUCK_U32,	[NR_COLUMN_ASN] = NR_DUCK_U32,
	[NR_COLUMN_ECONOMY] = NR_DUCK_U16,
};
_Static_assert(NR_MARK_SLOTS == 12, "eight marks in one column, four in the next");

#define PUT(column, type, value) \
	(((type *)nr_duck_append_column(append, column))[i] = (type)(value))
#define GET(column, type) (((const type *)nr_duck_query_values(query, column))[i])

static void put_ip(struct nr_duck_append *append, size_t i, enum nr_column v4, struct nr_ip ip)
{
	if (nr_ip_is_v4(ip)) {
		PUT(v4, uint32_t, nr_ip_to_v4(ip));
		nr_duck_append_null(append, (size_t)v4 + 1, i);
	} else {
		PUT(v4, uint32_t, 0);
		PUT((size_t)v4 + 1, struct nr_duck_u128, nr_columns_wide(ip));
	}
}

static struct nr_ip ip_of(struct nr_duck_u128 wide)
{
	uint64_t hi = __builtin_bswap64(wide.hi), lo = __builtin_bswap64(wide.lo);
	struct nr_ip ip;

	memcpy(ip.b, &hi, 8);
	memcpy(ip.b + 8, &lo, 8);
	return ip;
}

static struct nr_ip get_ip(const struct nr_duck_query *query, size_t i, enum nr_column v4)
{
	size_t v6 = (size_t)v4 + 1;

	if (nr_duck_query_is_null(query, v6, i))
		return nr_ip_v4(GET(v4, uint32_t));
	return ip_of(GET(v6, struct nr_duck_u128));
}

/* Of a quoted packet there is often none: both columns are NULL then. */
static void put_quoted(struct nr_duck_append *append, size_t i, const struct nr_observation *obs)
{
	static const struct nr_ip none;

	if (nr_ip_eq(obs->quoted_dst, none)) {
		nr_duck_append_null(append, NR_COLUMN_QUOTED_DST, i);
		nr_duck_append_null(append, NR_COLUMN_QUOTED_DST6, i);
	} else {
		put_ip(append, i, NR_COLUMN_QUOTED_DST, obs->quoted_dst);
	}
	PUT(NR_COLUMN_QUOTED_DPORT, uint16_t, obs->quoted_dport);
	PUT(NR_COLUMN_QUOTED_PROTO, uint8_t, obs->quoted_proto);
}

void nr_columns_put(struct nr_duck_append *append, size_t i, const struct nr_store_row *row,
		    const struct nr_rollup_place *place)
{
	const struct nr_observation *obs = &row->obs;
	uint64_t marks;
	uint32_t more;

	memcpy(&marks, obs->marks, 8);
	memcpy(&more, obs->marks + 8, 4);
	PUT(NR_COLUMN_AT, uint64_t, row->at);
	PUT(NR_COLUMN_ROW, uint32_t, row->row);
	PUT(NR_COLUMN_SENSOR, uint32_t, row->sensor);
	PUT(NR_COLUMN_TICK, uint32_t, obs->tick);
	put_ip(append, i, NR_COLUMN_SRC, obs->src);
	put_ip(append, i, NR_COLUMN_DST, obs->dst);
	PUT(NR_COLUMN_SPORT, uint16_t, obs->sport);
	PUT(NR_COLUMN_DPORT, uint16_t, obs->dport);
	PUT(NR_COLUMN_PROTO, uint8_t, obs->proto);
	PUT(NR_COLUMN_CLASS, uint8_t, obs->traffic_class);
	PUT(NR_COLUMN_PACKETS, uint32_t, obs->packets);
	PUT(NR_COLUMN_BYTES, uint64_t, obs->bytes);
	PUT(NR_COLUMN_FIRST_US, uint32_t, obs->first / 1000);
	PUT(NR_COLUMN_FIRST_NS, uint16_t, obs->first % 1000);
	PUT(NR_COLUMN_LASTS_NS, uint32_t, obs->last - obs->first);
	PUT(NR_COLUMN_TCP_FLAGS, uint8_t, obs->tcp_flags);
	PUT(NR_COLUMN_TTL_MIN, uint8_t, obs->ttl_min);
	PUT(NR_COLUMN_TTL_SPAN, uint8_t, obs->ttl_max - obs->ttl_min);
	PUT(NR_COLUMN_WINDOW, uint16_t, obs->window);
	PUT(NR_COLUMN_OPT_HASH, uint32_t, obs->opt_hash);
	PUT(NR_COLUMN_PAYLOAD, uint8_t, obs->payload);
	PUT(NR_COLUMN_PAYLOAD_HASH, uint32_t, obs->payload_hash);
	PUT(NR_COLUMN_FLAGS, uint8_t, obs->flags);
	put_quoted(append, i, obs);
	PUT(NR_COLUMN_MARKS, uint64_t, marks);
	PUT(NR_COLUMN_MARKS_MORE, uint32_t, more);
	PUT(NR_COLUMN_ASN, uint32_t, place->asn);
	PUT(NR_COLUMN_ECONOMY, uint16_t, place->economy);
}

struct nr_store_row nr_columns_get(const struct nr_duck_query *query, size_t i)
{
	struct nr_store_row row = {
		.at = GET(NR_COLUMN_AT, uint64_t),
		.row = GET(NR_COLUMN_ROW, uint32_t),
		.sensor = GET(NR_COLUMN_SENSOR, uint32_t),
	};
	struct nr_observation *obs = &row.obs;
	uint64_t marks = GET(NR_COLUMN_MARKS, uint64_t);
	uint32_t more = GET(NR_COLUMN_MARKS_MORE, uint32_t);

	obs->src = get_ip(query, i, NR_COLUMN_SRC);
	obs->dst = get_ip(query, i, NR_COLUMN_DST);
	if (!nr_duck_query_is_null(query, NR_COLUMN_QUOTED_DST, i))
		obs->quoted_dst = get_ip(query, i, NR_COLUMN_QUOTED_DST);
	obs->quoted_dport = GET(NR_COLUMN_QUOTED_DPORT, uint16_t);
	obs->quoted_proto = GET(NR_COLUMN_QUOTED_PROTO, uint8_t);
	obs->tick = GET(NR_COLUMN_TICK, uint32_t);
	obs->sport = GET(NR_COLUMN_SPORT, uint16_t);
	obs->dport = GET(NR_COLUMN_DPORT, uint16_t);
	obs->proto = GET(NR_COLUMN_PROTO, uint8_t);
	obs->traffic_class = GET(NR_COLUMN_CLASS, uint8_t);
	obs->packets = GET(NR_COLUMN_PACKETS, uint32_t);
	obs->bytes = GET(NR_COLUMN_BYTES, uint64_t);
	obs->first = GET(NR_COLUMN_FIRST_US, uint32_t) * 1000 + GET(NR_COLUMN_FIRST_NS, uint16_t);
	obs->last = obs->first + GET(NR_COLUMN_LASTS_NS, uint32_t);
	obs->tcp_flags = GET(NR_COLUMN_TCP_FLAGS, uint8_t);
	obs->ttl_min = GET(NR_COLUMN_TTL_MIN, uint8_t);
	obs->ttl_max = (uint8_t)(obs->ttl_min + GET(NR_COLUMN_TTL_SPAN, uint8_t));
	obs->window = GET(NR_COLUMN_WINDOW, uint16_t);
	obs->opt_hash = GET(NR_COLUMN_OPT_HASH, uint32_t);
	obs->payload = GET(NR_COLUMN_PAYLOAD, uint8_t);
	obs->payload_hash = GET(NR_COLUMN_PAYLOAD_HASH, uint32_t);
	obs->flags = GET(NR_COLUMN_FLAGS, uint8_t);
	memcpy(obs->marks, &marks, 8);
	memcpy(obs->marks + 8, &more, 4);
	return row;
}
