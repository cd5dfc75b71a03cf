/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/stat.h"
#include "orient/detect/rsdos_int.h"
#include "record/hll.h"

enum { STEP = 4 }; /* destinations this close in a row are a step of a sequential scan */
enum { BITS_LOW = 4, BINS_MAX = 16 };
enum { DST_TCP = NR_RSDOS_FLOWS_USUAL, DST_UDP = 20, DST_QUOTED = NR_RSDOS_FLOWS_MIN };
enum { REFUTED_TIMES = 3 };

static const double ENTROPY_SHARE = 0.8; /* of log2(n): DETECTION 2 */
static const double UNIFORM_P_MIN = 1e-3;
static const double RARE_REPEATS = 2;
static const double THREE_SIGMA_LN = -6.6077; /* ln 0.00135 */

uint32_t rsdos_track_new(struct rsdos_shard *s, uint8_t used, struct nr_ip ip)
{
	struct rsdos_track *t = nr_table_append(&s->tracks);

	if (t == NULL)
		return 0;
	t->used = used;
	t->is_v6 = !nr_ip_is_v4(ip);
	t->ip = ip;
	t->first = INT64_MAX;
	t->last = INT64_MIN;
	t->ppm_bin = INT64_MIN / 2;
	rsdos_track_restart(t);
	return s->tracks.n;
}

void rsdos_track_restart(struct rsdos_track *t)
{
	t->n = t->repeats = t->adjacent = 0;
	t->next_check = NR_RSDOS_FLOWS_MIN;
	t->same_seq = t->seq_packets = 0;
}

/* Most packets in 60 s, the window moving by 10 s: a ring of six bins. */
static void ppm_add(struct rsdos_track *t, int64_t second, uint32_t packets)
{
	int64_t bin = second / NR_MOORE_SLIDE_S;
	uint32_t sum = 0;

	if (bin > t->ppm_bin) {
		int64_t from = bin - t->ppm_bin >= RSDOS_PPM_BINS ? bin - RSDOS_PPM_BINS + 1
								  : t->ppm_bin + 1;

		for (int64_t i = from; i <= bin; i++)
			t->ppm[(uint64_t)i % RSDOS_PPM_BINS] = 0;
		t->ppm_bin = bin;
	} else if (t->ppm_bin - bin >= RSDOS_PPM_BINS) {
		return; /* late by more than the window */
	}
	uint32_t *at = &t->ppm[(uint64_t)bin % RSDOS_PPM_BINS];

	*at += packets > UINT32_MAX / 16 ? UINT32_MAX / 16 : packets;
	*at = *at > UINT32_MAX / 16 ? UINT32_MAX / 16 : *at;
	for (size_t i = 0; i < RSDOS_PPM_BINS; i++)
		sum += t->ppm[i];
	if (sum > t->ppm_max)
		t->ppm_max = sum;
}

static uint32_t add_u32(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* The first NR_RSDOS_PORTS ports of the event, which for a flood are those it began with. */
static void port_add(struct rsdos_track *t, const struct rsdos_answer *a)
{
	uint16_t port = a->type == RSDOS_ICMP ? 0 : a->port;

	for (size_t i = 0; i < t->n_ports; i++) {
		if (t->ports[i].port == port && t->ports[i].proto == a->proto) {
			t->ports[i].packets = add_u32(t->ports[i].packets, a->packets);
			return;
		}
	}
	if (t->n_ports == NR_RSDOS_PORTS) {
		t->more_ports = true;
		return;
	}
	t->ports[t->n_ports++] =
		(struct nr_rsdos_port){ .proto = a->proto, .port = port, .packets = a->packets };
}

static bool is_step(uint32_t a, uint32_t b)
{
	return (a > b ? a - b : b - a) <= STEP;
}

/* A flow is one choice of the flooder: (address, ports). A repeat of it is a retransmission. */
static void sample_add(struct rsdos_track *t, const struct rsdos_answer *a)
{
	bool seen = false;
	uint16_t packets = (uint16_t)(a->packets > UINT16_MAX ? UINT16_MAX : a->packets);
	size_t n = t->n;

	for (size_t i = 0; i < n; i++) {
		if (NR_LIKELY(t->dst[i] != a->dst))
			continue;
		seen = true;
		if (t->peer[i] == a->peer && t->port[i] == a->port) {
			t->count[i] = (uint16_t)(t->count[i] > UINT16_MAX - packets
							 ? UINT16_MAX
							 : t->count[i] + packets);
			t->sample_last = a->last > t->sample_last ? a->last : t->sample_last;
			t->flow_packets = add_u32(t->flow_packets, a->packets);
			return;
		}
	}
	if (n == 0)
		t->sample_first = a->first, t->sample_last = a->last;
	t->sample_first = a->first < t->sample_first ? a->first : t->sample_first;
	t->sample_last = a->last > t->sample_last ? a->last : t->sample_last;
	t->repeats = (uint8_t)(t->repeats + seen);
	t->adjacent = (uint8_t)(t->adjacent + (n > 0 && is_step(t->dst[n - 1], a->dst)));
	t->dst[n] = a->dst;
	t->port[n] = a->port;
	t->peer[n] = a->peer;
	t->count[n] = packets;
	t->type[n] = a->type;
	t->n++;
	t->flows = add_u32(t->flows, 1);
	t->flow_packets = add_u32(t->flow_packets, a->packets);
	if (a->type == RSDOS_SYNACK) {
		t->seq_packets = add_u32(t->seq_packets, a->packets);
		t->same_seq = add_u32(t->same_seq, (a->bits & RSDOS_SAME_SEQ) ? a->packets : 0);
	}
}

void rsdos_track_add(struct rsdos_track *t, const struct rsdos_answer *a)
{
	t->first = a->first < t->first ? a->first : t->first;
	t->last = a->last > t->last ? a->last : t->last;
	t->packets += a->packets;
	if (a->bits & RSDOS_MOORE_COUNTS)
		t->moore_packets = add_u32(t->moore_packets, a->packets);
	if (a->bits & RSDOS_EXT)
		t->flags |= NR_RSDOS_UDP_EXT;
	if (a->type == RSDOS_QUOTE)
		t->flags |= NR_RSDOS_QUOTED;
	ppm_add(t, a->last / NR_NS_PER_S, a->packets);
	port_add(t, a);
	nr_hll_add(t->hll, RSDOS_HLL_P, nr_mix64(a->dst + UINT64_C(0x9e3779b97f4a7c15)));
	if (t->n < RSDOS_SAMPLE)
		sample_add(t, a);
}

/*
 * Are `distinct` of n draws from k places within three standard deviations of their mean? While repeats are
 * rare they are Poisson and the same 0.135 % are taken from that tail. Written so that the few expected
 * repeats of n << k do not drown in rounding.
 */
static bool is_as_many_as_uniform(double distinct, double n, double k, bool upper_too)
{
	double empty = exp(n * log1p(-1 / k)), a = n / k;
	double mean = -k * expm1(n * log1p(-1 / k));
	double sigma = sqrt(fmax(0, k * empty * (1 - (1 + a) * empty)));

	if (n - mean < RARE_REPEATS)
		return distinct >= n ||
		       nr_stat_poisson_tail_ln((uint64_t)(n - distinct), n - mean) > THREE_SIGMA_LN;
	return distinct >= mean - 3 * sigma - 0.5 &&
	       (!upper_too || distinct <= mean + 3 * sigma + 0.5);
}

static size_t distinct_blocks(const struct rsdos_track *t)
{
	size_t distinct = 0;

	for (size_t i = 0; i < t->n; i++) {
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = t->dst[k] >> 8 == t->dst[i] >> 8;
		distinct += !seen;
	}
	return distinct;
}

/* Place of an address among all monitored ones, 0 .. 1; < 0 when it is not among them. */
static double position(const struct nr_nets *nets, uint32_t ip)
{
	double before = 0, total = (double)nr_nets_size_v4(nets);

	for (size_t i = 0; i < nets->n_v4; i++) {
		if ((ip & nets->v4[i].mask) == nets->v4[i].net)
			return (before + (ip & ~nets->v4[i].mask)) / total;
		before += (double)~nets->v4[i].mask + 1;
	}
	return -1;
}

/*
 * Bins in which uniform spoofing falls evenly: slices of the monitored space where it is known, else the
 * low four bits of the address, even over any set of aligned blocks of 16. Two to four flows a bin.
 */
static double uniform_p(const struct rsdos_shard *s, const struct rsdos_track *t)
{
	size_t bins = t->n < 16 ? 4 : t->n < 40 ? 8 : BINS_MAX;
	bool known = !t->is_v6 && s->env->nets != NULL && s->env->nets->n_v4 > 0;
	double expected = (double)t->n / (double)bins, chi2 = 0;
	uint32_t counts[BINS_MAX] = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		double at = known ? position(s->env->nets, t->dst[i]) : -1;
		size_t bin = at >= 0 ? (size_t)(at * (double)bins)
				     : (t->dst[i] & ((1u << BITS_LOW) - 1)) * bins >> BITS_LOW;

		counts[bin < bins ? bin : bins - 1]++;
	}
	for (size_t i = 0; i < bins; i++)
		chi2 += (counts[i] - expected) * (counts[i] - expected) / expected;
	return nr_stat_chi2_tail(chi2, (double)(bins - 1));
}

static double port_entropy(const uint16_t *ports, size_t n)
{
	uint16_t values[RSDOS_SAMPLE];
	uint32_t counts[RSDOS_SAMPLE];
	size_t n_values = 0;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < n_values && values[k] != ports[i])
			k++;
		if (k == n_values) {
			values[n_values] = ports[i];
			counts[n_values++] = 0;
		}
		counts[k]++;
	}
	return nr_stat_entropy(counts, n_values);
}

static uint8_t main_type(const struct rsdos_track *t)
{
	uint32_t counts[RSDOS_TYPE_N] = { 0 };
	uint8_t best = 0;

	for (size_t i = 0; i < t->n; i++)
		counts[t->type[i]]++;
	for (uint8_t i = 1; i < RSDOS_TYPE_N; i++)
		if (counts[i] > counts[best])
			best = i;
	return best;
}

/*
 * Without ports two answers to one address look like one repeated: the sample holds each address once, and of a
 * small telescope soon all of them. That is then no sign of a sweep.
 */
static bool tells_repeats(const struct rsdos_track *t)
{
	uint8_t type = main_type(t);

	return type != RSDOS_ICMP && type != RSDOS_QUOTE;
}

static void shape_ports(const struct rsdos_track *t, size_t distinct, struct rsdos_shape *shape)
{
	double want = ENTROPY_SHARE * log2(t->n);
	size_t need = DST_TCP;

	shape->entropy = port_entropy(t->peer, t->n);
	shape->ports = shape->entropy >= want;
	switch ((enum rsdos_type)main_type(t)) {
	case RSDOS_SYNACK:
		break;
	case RSDOS_RST: /* a flood to random ports from one port is reset just so */
		shape->ports = shape->ports || port_entropy(t->port, t->n) >= want;
		break;
	case RSDOS_UDP:
		need = DST_UDP;
		break;
	case RSDOS_ICMP:
		shape->ports = true;
		need = NR_RSDOS_FLOWS_NO_PORT;
		break;
	case RSDOS_QUOTE:
		shape->ports = true;
		need = DST_QUOTED;
		break;
	case RSDOS_TYPE_N:
		break;
	}
	/* Who was no flood for 64 flows has had many chances to look like one for a few. */
	shape->enough = distinct >= (t->was_refuted ? REFUTED_TIMES * need : need);
}

void rsdos_track_shape(const struct rsdos_shard *s, const struct rsdos_track *t,
		       struct rsdos_shape *ret_shape)
{
	size_t distinct = (size_t)(t->n - t->repeats);
	double n = t->n, monitored = (double)s->env->monitored_v4;

	*ret_shape = (struct rsdos_shape){ .uniform_p = 1 };
	if (t->n < NR_RSDOS_FLOWS_MIN)
		return;
	shape_ports(t, distinct, ret_shape);
	ret_shape->uniform_p = uniform_p(s, t);
	if (t->is_v6 || monitored < 1)
		ret_shape->spread = t->repeats <= t->n / 32;
	else
		ret_shape->spread = is_as_many_as_uniform((double)distinct, n, monitored,
							  tells_repeats(t));
	/* Uniform over N addresses is at least uniform over the N / 256 blocks they fill if packed. */
	if (!t->is_v6 && monitored >= 1024 &&
	    !is_as_many_as_uniform((double)distinct_blocks(t), n, monitored / 256, false))
		ret_shape->spread = false;
	ret_shape->spread = ret_shape->spread && ret_shape->uniform_p > UNIFORM_P_MIN;
	double by_chance = monitored >= 256 && !t->is_v6 ? 2 * STEP / monitored : 0.1;

	ret_shape->scanner = (t->seq_packets >= 3 && t->same_seq * 2 > t->seq_packets) ||
			     (!t->is_v6 && t->adjacent >= 3 && t->adjacent > n * (0.2 + by_chance));
}
