/* SPDX-License-Identifier: Apache-2.0 */
/* The cold record of a source of scan.v1: destinations, ports, marks, and when it became what it is. */
#include <math.h>

#include "orient/detect/scan_int.h"

enum { WIDE_DST = 100, WIDE_REGS = 91, WIDE_MIN_N = 4096 };

static uint64_t port_hash(uint8_t proto, uint16_t port)
{
	return nr_mix64((uint64_t)proto << 16 | port | UINT64_C(0x504f5254) << 32);
}

static uint64_t pair_hash(const struct nr_scan_seen *o)
{
	return nr_mix64(((uint64_t)o->proto << 48 | (uint64_t)o->dport << 32 | o->dst) +
			UINT64_C(0x50414952));
}

/* One of two addresses; gcc would branch on a condition that cannot be foretold. */
static inline const void *either(bool first, const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;

	return (const void *)(y ^ ((x ^ y) & (0 - (uintptr_t)first)));
}

void nr_scan_cold_prefetch(const struct nr_scan *scan, const struct nr_scan_cold *cold,
			   const struct nr_scan_seen *o)
{
	if (NR_UNLIKELY(scan->sketches.table.n == 0)) {
		__builtin_prefetch(cold->dst.exact + 2, 1);
		__builtin_prefetch(cold->more, 1);
		return;
	}
	/* numbers that mean nothing are 0, and there is a sketch 0 */
	const uint8_t *dst = nr_table_at(&scan->sketches.table,
					 cold->dst.is_sketch * cold->dst.sketch),
		      *pairs = nr_table_at(&scan->sketches.table, cold->has_pairs * cold->pairs);

	dst += nr_distinct_hash(o->dst) >> (64 - NR_DISTINCT_P);
	pairs += pair_hash(o) >> (64 - NR_DISTINCT_P);
	__builtin_prefetch(either(cold->dst.is_sketch != 0, dst, cold->dst.exact + 2), 1);
	__builtin_prefetch(either(cold->n_port > 1, cold->more, cold), 1);
	__builtin_prefetch(either(cold->has_pairs != 0, pairs, cold), 1);
}

/* @return whether the register was zero */
static inline bool regs_add(struct nr_scan *scan, uint32_t sketch, uint64_t hash)
{
	uint8_t *regs = nr_table_at(&scan->sketches.table, sketch);
	bool fresh = regs[hash >> (64 - NR_DISTINCT_P)] == 0;

	nr_hll_add(regs, NR_DISTINCT_P, hash);
	return fresh;
}

static void more_ports(struct nr_scan *scan, struct nr_scan_cold *cold, uint64_t hash)
{
	if (!cold->has_ports) {
		if (nr_slab_take(&scan->sketches, &cold->ports) == NULL)
			return; /* the count stays at NR_SOURCE_PORTS; the slab counts the refusal */
		cold->has_ports = 1;
		cold->port_regs = regs_add(scan, cold->ports,
					   port_hash(cold->port.proto, cold->port.port));
		for (unsigned i = 0; i < NR_COUNT(cold->more); i++)
			cold->port_regs = (uint16_t)(cold->port_regs +
						     regs_add(scan, cold->ports,
							      port_hash(cold->more[i].proto,
									cold->more[i].port)));
	}
	cold->port_regs = (uint16_t)(cold->port_regs + regs_add(scan, cold->ports, hash));
}

/* Port and protocol as the first four bytes of a struct nr_scan_port stand in memory, `unused` being 0. */
static inline uint32_t port_word(const struct nr_scan_port *p)
{
	uint32_t word;

	_Static_assert(offsetof(struct nr_scan_port, packets) == 4, "a word in front");
	memcpy(&word, p, sizeof(word));
	return word;
}

/* Space saving: a port without room takes the place of the one with fewest packets, and its count. */
static __attribute__((noinline)) void port_fresh(struct nr_scan *scan, struct nr_scan_cold *cold,
						 const struct nr_scan_port *add)
{
	struct nr_scan_port *least = cold->more;

	if (cold->n_port < NR_SOURCE_PORTS) {
		cold->more[cold->n_port++ - 1] = *add;
		return;
	}
	for (unsigned i = 0; i < NR_COUNT(cold->more); i++)
		least = cold->more[i].packets < least->packets ? &cold->more[i] : least;
	more_ports(scan, cold, port_hash(add->proto, add->port));
	least->port = add->port;
	least->proto = add->proto;
	least->packets += add->packets;
}

/* Which of several ports it is cannot be foretold: all are compared, and the one is chosen without a branch. */
static inline void port_add(struct nr_scan *scan, struct nr_scan_cold *cold,
			    const struct nr_scan_port *add)
{
	uint32_t word = port_word(add), found = word == port_word(&cold->port);

	for (unsigned i = 0; i < NR_COUNT(cold->more); i++)
		found |= (uint32_t)(word == port_word(&cold->more[i])) << (i + 1);
	found &= (1u << cold->n_port) - 1;
	if (NR_UNLIKELY(found == 0)) {
		port_fresh(scan, cold, add);
		return;
	}
	unsigned at = (unsigned)__builtin_ctz(found), first = ((at - 1) >> 31) & 1;
	size_t offset = first * offsetof(struct nr_scan_cold, port) +
			(1 - first) * (offsetof(struct nr_scan_cold, more) - sizeof(cold->port)) +
			(1 - first) * at * sizeof(cold->port);
	struct nr_scan_port *port = (struct nr_scan_port *)(void *)((uint8_t *)cold + offset);

	port->packets += add->packets;
}

static void pair_add(struct nr_scan *scan, const struct nr_scan_hot *hot, struct nr_scan_cold *cold,
		     const struct nr_scan_seen *o)
{
	if (!cold->has_pairs) {
		if (!cold->dst.is_sketch || nr_slab_take(&scan->sketches, &cold->pairs) == NULL)
			return; /* few destinations: `wide` is far */
		cold->has_pairs = 1;
		cold->pairs_from = hot->packets - o->packets;
	}
	cold->pair_regs = (uint16_t)(cold->pair_regs + regs_add(scan, cold->pairs, pair_hash(o)));
}

/* Most marked sources carry one mark: its count needs no branch, and the others are rarely there. */
static inline void marks_add(struct nr_scan_cold *cold, const struct nr_scan_seen *o)
{
	/* the last slot is never used */
	unsigned main = cold->mark - 1u;

	main += (main >> 31) * (unsigned)NR_MARK_SLOTS; /* without a branch: mixed sources */
	uint64_t low = o->marks[0], high = o->marks[1];

	__extension__ unsigned __int128 mask = (unsigned __int128)0xff << main * 8;

	low &= ~(uint64_t)mask;
	high &= ~(uint64_t)(mask >> 64);
	cold->mark_packets += nr_scan_seen_mark(o, main);
	if (NR_LIKELY((low | high) == 0))
		return;
	for (unsigned m = 0; m < NR_MARK_N; m++) {
		unsigned n = nr_scan_seen_mark(o, m);

		if (n == 0 || m == main)
			continue;
		if (cold->mark == 0) {
			cold->mark = (uint8_t)(m + 1);
			main = m;
			cold->mark_packets = n;
		} else {
			cold->marks[m] += n;
		}
	}
}
_Static_assert(NR_MARK_N < NR_MARK_SLOTS, "a slot that stays zero");

/*
 * Retransmissions and further packets to one address are no independent choices, and bursts carry less
 * knowledge than their number says: both widen the interval of the rate.
 */
static inline void choice_note(struct nr_scan_cold *cold, uint32_t dst, int64_t at)
{
	unsigned n = cold->choices;
	unsigned repeat = ((n > 0) & (cold->recent[0] == dst)) |
			  ((n > 1) & (cold->recent[1] == dst)) |
			  ((n > 2) & (cold->recent[2] == dst)) |
			  ((n > 3) & (cold->recent[3] == dst));

	if (repeat)
		return;
	cold->recent[n % NR_SCAN_RECENT] = dst;
	double gap = n > 0 ? (double)(at - cold->chosen_at) / 1e9 : 0;

	cold->gap2 += gap * gap;
	cold->choices++;
	cold->chosen_at = at;
}

void nr_scan_cold_inherit(struct nr_scan *scan, const struct nr_scan_hot *hot,
			  struct nr_scan_cold *cold)
{
	for (unsigned i = 0; i < hot->n_dst; i++) {
		(void)nr_distinct_add(&cold->dst, &scan->sketches, hot->dst[i]);
		choice_note(cold, hot->dst[i], i == 0 ? hot->first : hot->last);
	}
	for (unsigned m = 0; m < NR_MARK_N; m++)
		cold->marks[m] = nr_scan_nibble(hot->marks, m);
	if (hot->n_port > 0)
		cold->port = (struct nr_scan_port){ .port = hot->port[0],
						    .proto = hot->proto[0],
						    .packets = hot->port0_packets };
	cold->n_port = hot->n_port;
	if (hot->n_port > 1)
		cold->more[0] =
			(struct nr_scan_port){ .port = hot->port[1],
					       .proto = hot->proto[1],
					       .packets = hot->packets - hot->port0_packets };
}

/* Distinct from non-zero registers (linear counting): good below 2,000, a lower limit above. */
static double linear_count(uint16_t regs)
{
	double zero = regs < NR_DISTINCT_REGS - 8 ? NR_DISTINCT_REGS - regs : 8;

	return NR_DISTINCT_REGS * log(NR_DISTINCT_REGS / zero);
}

uint32_t nr_scan_cold_top_packets(const struct nr_scan_cold *cold)
{
	uint32_t top = cold->port.packets;

	for (unsigned i = 0; i + 1 < cold->n_port; i++)
		top = cold->more[i].packets > top ? cold->more[i].packets : top;
	return top;
}

double nr_scan_cold_top_dst(const struct nr_scan *scan, const struct nr_scan_hot *hot,
			    const struct nr_scan_cold *cold, double all)
{
	if (cold->n_port <= 1 || !cold->has_pairs)
		return cold->n_port <= 1 ? all : fmin(all, nr_scan_cold_top_packets(cold));
	double pairs = nr_hll_estimate(nr_table_at(&scan->sketches.table, cold->pairs),
				       NR_DISTINCT_P);

	return fmin(all, nr_scan_cold_top_packets(cold) * pairs /
				 fmax(hot->packets - cold->pairs_from, 1));
}

uint32_t nr_scan_cold_n_ports(const struct nr_scan *scan, const struct nr_scan_cold *cold)
{
	if (!cold->has_ports)
		return cold->n_port;
	double n = cold->port_regs < NR_DISTINCT_REGS / 2
			   ? linear_count(cold->port_regs)
			   : nr_hll_estimate(nr_table_at(&scan->sketches.table, cold->ports),
					     NR_DISTINCT_P);

	return (uint32_t)fmax(NR_SOURCE_PORTS + 1, n);
}

/* 100 destinations leave 512 (1 - e^(-100/512)) = 91 registers non-zero. */
static bool reaches_wide(const struct nr_scan *scan, const struct nr_scan_hot *hot,
			 const struct nr_scan_cold *cold, bool v4)
{
	uint64_t n = scan->env->monitored_v4;

	if (!cold->dst.is_sketch || cold->dst.n < WIDE_REGS)
		return false;
	if (cold->n_port > 1) {
		if (hot->packets % 16 != 0 ||
		    !cold->has_pairs) /* a logarithm: not at each packet */
			return false;
		double a_pair = (hot->packets - cold->pairs_from) /
				fmax(linear_count(cold->pair_regs), 1);

		if (nr_scan_cold_top_packets(cold) < WIDE_DST * fmax(a_pair, 1))
			return false;
	}
	double span = (double)(hot->last - hot->first) / 1e9;

	return !v4 ||
	       (n >= WIDE_MIN_N && (hot->packets - 1) * 4294967296.0 / (double)n >= 10 * span);
}

void nr_scan_cold_levels(struct nr_scan *scan, const struct nr_scan_hot *hot,
			 struct nr_scan_cold *cold, const struct nr_scan_seen *o)
{
	if (NR_UNLIKELY(cold->scanner_at == 0)) {
		uint32_t marks[NR_MARK_N];

		nr_scan_cold_marks(cold, marks);
		if (cold->dst.is_sketch || cold->dst.n >= 3 ||
		    nr_scan_tools(scan, marks, hot->packets, cold->dst.n) != 0) {
			cold->scanner_at = o->first;
			cold->scanner_packets = hot->packets;
			nr_scan_live_rises(scan, cold, nr_scan_seen_src(o), false);
		}
	}
	if (cold->wide_at == 0 && reaches_wide(scan, hot, cold, o->v4)) {
		cold->wide_at = o->last;
		nr_scan_live_rises(scan, cold, nr_scan_seen_src(o), true);
	}
}

static inline void port_note(struct nr_scan *scan, struct nr_scan_cold *cold,
			     const struct nr_scan_seen *o)
{
	struct nr_scan_port port = { .port = o->dport, .proto = o->proto, .packets = o->packets };

	if (cold->n_port > 1) {
		port_add(scan, cold, &port);
	} else if (NR_UNLIKELY(cold->n_port == 0)) {
		cold->port = port;
		cold->n_port = 1;
	} else if (NR_LIKELY(port_word(&cold->port) == port_word(&port))) {
		cold->port.packets += o->packets;
	} else {
		port_fresh(scan, cold, &port);
	}
}

/* What nr_scan_cold_levels() asks first, as one condition: most often there is nothing to find out. */
static inline bool may_rise(const struct nr_scan_hot *hot, const struct nr_scan_cold *cold)
{
	unsigned wide = (cold->wide_at == 0) & (cold->dst.is_sketch != 0) &
			(cold->dst.n >= WIDE_REGS) &
			((cold->n_port <= 1) | ((hot->packets % 16 == 0) & (cold->has_pairs != 0)));

	return ((cold->scanner_at == 0) | wide) != 0;
}

void nr_scan_cold_add(struct nr_scan *scan, const struct nr_scan_hot *hot,
		      struct nr_scan_cold *cold, const struct nr_scan_seen *o)
{
	port_note(scan, cold, o);
	if (NR_LIKELY(cold->dst.is_sketch))
		cold->dst.n = (uint16_t)(cold->dst.n + regs_add(scan, cold->dst.sketch,
								nr_distinct_hash(o->dst)));
	else
		(void)nr_distinct_add(&cold->dst, &scan->sketches, o->dst);
	if (cold->n_port > 1)
		pair_add(scan, hot, cold, o);
	marks_add(cold, o);
	choice_note(cold, o->dst, o->first);
	if (NR_UNLIKELY(may_rise(hot, cold)))
		nr_scan_cold_levels(scan, hot, cold, o);
}

void nr_scan_cold_marks(const struct nr_scan_cold *cold, uint32_t ret_marks[NR_MARK_N])
{
	memcpy(ret_marks, cold->marks, sizeof(cold->marks));
	if (cold->mark != 0)
		ret_marks[cold->mark - 1] += cold->mark_packets;
}

void nr_scan_cold_release(struct nr_scan *scan, uint32_t number)
{
	struct nr_scan_cold *cold = nr_table_at(&scan->cold.table, number);

	nr_distinct_release(&cold->dst, &scan->sketches);
	if (cold->has_ports)
		nr_slab_give(&scan->sketches, cold->ports);
	if (cold->has_pairs)
		nr_slab_give(&scan->sketches, cold->pairs);
	nr_slab_give(&scan->cold, number);
}
