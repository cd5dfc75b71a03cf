/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "orient/detect/rsdos_int.h"
#include "record/proto.h"

/*
 * The background is the rate at which an address that has answered once answers again, somewhere else,
 * without an attack: repeats / seconds over all ended events that were no attack. Three levels, each the
 * prior of the next with the weight of PRIOR_S seconds of watching: all, port class, (port class, AS).
 * An event counts for at most REPEATS_MAX, so that neither a missed attack nor somebody who
 * feeds us repeats makes an AS blind for long.
 */
enum { REPEATS_MAX = 8, PRIOR_S = 20000 };

static const double RATE_PRIOR = 1e-4; /* at 65,536 addresses: one repeat in three hours */
static const double RATE_LO = 1e-6, RATE_HI = 0.1;

/* Registered and service ports stand for themselves, ephemeral ones for each other. */
static uint32_t port_class(uint8_t proto, uint16_t port)
{
	uint32_t low = nr_proto_has_ports(proto) && port >= 32768 ? 32768 : port;

	return (uint32_t)proto << 16 | low;
}

static uint64_t group_key(uint32_t class, uint32_t asn)
{
	return (uint64_t)(class + 1) << 32 | asn;
}

uint64_t rsdos_group_hash(const void *entry, const void *key)
{
	return nr_hash64(key, ((const struct rsdos_group *)entry)->key, 2);
}

static bool group_eq(const void *entry, const void *key)
{
	return ((const struct rsdos_group *)entry)->key == *(const uint64_t *)key;
}

static struct rsdos_group *group_find(const struct rsdos_shard *s, uint64_t key)
{
	return nr_table_find(&s->groups, nr_hash64(&s->env->key, key, 2), group_eq, &key);
}

static uint32_t asn_of(const struct rsdos_shard *s, struct nr_ip ip)
{
	const struct nr_prefixes *prefixes = s->env->prefixes;

	return prefixes == NULL ? 0
				: nr_prefixes_origin(prefixes, nr_prefixes_find(prefixes, ip)).asn;
}

static double shrink(const struct rsdos_group *group, double prior)
{
	if (group == NULL)
		return prior;
	return (prior * PRIOR_S + (double)group->repeats) / (PRIOR_S + (double)group->seconds);
}

double rsdos_bg_rate(const struct rsdos_shard *s, struct nr_ip ip, uint8_t proto, uint16_t port)
{
	uint32_t class = port_class(proto, port), asn = asn_of(s, ip);
	double scale = s->env->monitored_v4 > 0 ? (double)s->env->monitored_v4 / 65536 : 1;
	double rate = RATE_PRIOR * fmin(fmax(scale, 0.1), 10);

	rate = shrink(group_find(s, 0), rate);
	rate = shrink(group_find(s, group_key(class, 0)), rate);
	if (asn != 0)
		rate = shrink(group_find(s, group_key(class, asn)), rate);
	return fmin(fmax(rate, RATE_LO), RATE_HI);
}

static void group_add(struct rsdos_shard *s, uint64_t key, uint64_t repeats, uint64_t seconds)
{
	struct rsdos_group *group = group_find(s, key);

	if (group == NULL) {
		group = nr_table_insert(&s->groups, nr_hash64(&s->env->key, key, 2));
		if (group == NULL)
			return; /* the level above still learns */
		group->key = key;
	}
	group->repeats += repeats;
	group->seconds += seconds;
}

void rsdos_bg_learn(struct rsdos_shard *s, struct nr_ip ip, const struct rsdos_sample *sample,
		    uint64_t flows, int64_t span_ns)
{
	uint64_t repeats = flows > REPEATS_MAX ? REPEATS_MAX : flows - (flows > 0);
	uint64_t seconds = (uint64_t)(span_ns / NR_NS_PER_S) + NR_RSDOS_IDLE_S;
	uint32_t class = port_class(sample->proto, sample->port), asn = asn_of(s, ip);

	group_add(s, 0, repeats, seconds);
	group_add(s, group_key(class, 0), repeats, seconds);
	if (asn != 0)
		group_add(s, group_key(class, asn), repeats, seconds);
}
