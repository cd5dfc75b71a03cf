/* SPDX-License-Identifier: Apache-2.0 */
/* What the state of one source says of it: level, tools, rate, coverage, doubts. */
#include <math.h>
#include <stdlib.h>

#include "orient/detect/rate.h"
#include "orient/detect/scan_int.h"

unsigned nr_scan_bucket(uint64_t count)
{
	if (count < 16)
		return (unsigned)count;
	unsigned octave = 63 - (unsigned)__builtin_clzll(count);
	unsigned bucket = 16 + (octave - 4) * 16 + (unsigned)(count >> (octave - 4) & 15);

	return bucket < NR_SCAN_BUCKETS ? bucket : NR_SCAN_BUCKETS - 1;
}

static uint64_t bucket_floor(unsigned bucket)
{
	if (bucket < 16)
		return bucket;
	unsigned octave = 4 + (bucket - 16) / 16;

	return (UINT64_C(16) + (bucket - 16) % 16) << (octave - 4);
}

static uint64_t top_share(const uint64_t *buckets)
{
	uint64_t total = 0, above = 0;

	for (unsigned b = 0; b < NR_SCAN_BUCKETS; b++)
		total += buckets[b];
	if (total < 10000)
		return UINT64_MAX;
	for (unsigned b = NR_SCAN_BUCKETS; b-- > 0;) {
		above += buckets[b];
		if (above > total / 10000)
			return bucket_floor(b + 1 < NR_SCAN_BUCKETS ? b + 1 : b);
	}
	return UINT64_MAX;
}

struct nr_scan_thresholds nr_scan_thresholds(const uint64_t *packet_buckets,
					     const uint64_t *port_buckets)
{
	struct nr_scan_thresholds top = { top_share(packet_buckets), top_share(port_buckets) };

	/* Merit's port rule means many ports; when hardly anyone tries two, two are not many */
	top.ports = top.ports < 10 ? 10 : top.ports;
	return top;
}

static bool mark_decides(const struct nr_mark_info *info, uint32_t count, uint64_t packets)
{
	if (info->kind == NR_MARK_KIND_TRAIT || count == 0)
		return false;
	if (info->packets_alone > 0 && count >= info->packets_alone && count >= packets)
		return true;
	return count >= info->packets && (double)count >= (double)info->min_share * (double)packets;
}

/* The share of a network's addresses whose octet with this top bit is below 128. */
static double below_128(uint32_t net, uint32_t mask, uint32_t top_bit)
{
	if ((mask & top_bit) == 0)
		return 0.5;
	return (net & top_bit) == 0 ? 1 : 0;
}

uint64_t nr_scan_conficker_dst(const struct nr_nets *nets)
{
	double in_quarter = 0, all = 0;

	for (size_t i = 0; nets != NULL && i < nets->n_v4; i++) {
		uint32_t net = nets->v4[i].net, mask = nets->v4[i].mask;
		double size = (double)~mask + 1;

		all += size;
		in_quarter += size * below_128(net, mask, 0x00800000) *
			      below_128(net, mask, 0x00000080);
	}
	/* nets unknown: as if the second octet said nothing */
	double share = all > 0 ? in_quarter / all : 0.5;

	if (share >= 1)
		return UINT64_MAX;
	return share > 0 ? (uint64_t)ceil(16 / -log2(share)) : 1;
}

uint16_t nr_scan_tools(const struct nr_scan *scan, const uint32_t *marks, uint64_t packets,
		       uint64_t dst)
{
	uint16_t tools = 0;
	unsigned seen = 0; /* few marks of few sources are not 0 */

#pragma GCC unroll 16
	for (unsigned m = 0; m < NR_MARK_N; m++)
		seen |= (unsigned)(marks[m] != 0) << m;
	for (; seen != 0; seen &= seen - 1) {
		unsigned m = (unsigned)__builtin_ctz(seen);

		if (mark_decides(&nr_marks[m], marks[m], packets))
			tools |= (uint16_t)(1u << m);
	}
	if (dst < scan->conficker_dst)
		tools &= (uint16_t) ~(1u << NR_MARK_CONFICKER);
	return tools;
}

static const struct nr_scan_cold *cold_of(const struct nr_scan *scan, const struct nr_scan_hot *hot)
{
	return hot->cold != 0 ? nr_table_at(&scan->cold.table, hot->cold - 1) : NULL;
}

bool nr_scan_is_plain_probe(const struct nr_scan_hot *hot)
{
	uint32_t a;

	memcpy(&a, hot->marks, 4);
	return hot->cold == 0 && (a | hot->marks[4]) == 0;
}

static int by_packets(const void *va, const void *vb)
{
	const struct nr_source_port *a = va, *b = vb;

	if (a->packets != b->packets)
		return a->packets > b->packets ? -1 : 1;
	return a->proto != b->proto ? a->proto - b->proto : a->port - b->port;
}

static void describe_ports(const struct nr_scan *scan, const struct nr_scan_hot *hot,
			   const struct nr_scan_cold *cold, struct nr_source *s)
{
	if (cold == NULL) {
		s->n_ports = hot->n_port;
		s->ports_n = hot->n_port;
		for (unsigned i = 0; i < hot->n_port; i++)
			s->ports[i] = (struct nr_source_port){
				.proto = hot->proto[i],
				.port = hot->port[i],
				.packets = i == 0 ? hot->port0_packets
						  : hot->packets - hot->port0_packets,
			};
	} else {
		s->n_ports = cold->n_port;
		s->ports_n = nr_scan_cold_n_ports(scan, cold);
		for (unsigned i = 0; i < cold->n_port; i++) {
			const struct nr_scan_port *port = i == 0 ? &cold->port : &cold->more[i - 1];

			s->ports[i] = (struct nr_source_port){ .proto = port->proto,
							       .port = port->port,
							       .packets = port->packets };
		}
	}
	qsort(s->ports, s->n_ports, sizeof(s->ports[0]), by_packets);
}

/* Weights: how much more often a forged source shows the sign than a real one; [P] until fitted. */
static double spoof_score(uint8_t signs, uint16_t tools, bool ours)
{
	static const struct {
		uint8_t sign;
		double weight;
	} weights[] = {
		{ NR_SPOOF_FRAGMENT, 0.2 },  { NR_SPOOF_LAST_OCTET, 0.3 },
		{ NR_SPOOF_PORT_ZERO, 0.2 }, { NR_SPOOF_UDP_80, 0.2 },
		{ NR_SPOOF_PROTOCOL, 0.3 },  { NR_SPOOF_TTL, 0.2 },
		{ NR_SPOOF_SELF, 1.0 },
	};
	uint16_t high_ttl = 1u << NR_MARK_ZMAP | 1u << NR_MARK_ZMAP_NEW | 1u << NR_MARK_MASSCAN;
	double score = ours ? 1 : 0;

	if (tools & high_ttl)
		signs &= (uint8_t)~NR_SPOOF_TTL;
	for (size_t i = 0; i < NR_COUNT(weights); i++)
		score += signs & weights[i].sign ? weights[i].weight : 0;
	return fmin(score, 1);
}

static uint8_t majority_class(const struct nr_scan_hot *hot)
{
	unsigned best = 0;

	for (unsigned c = 1; c < NR_CLASS_N; c++)
		best = hot->class_packets[c] > hot->class_packets[best] ? c : best;
	return (uint8_t)best;
}

/* Uniform choices that reach as many distinct destinations: D = N (1 - e^(-choices / N)). */
static double choices_for(double dst, double monitored)
{
	return dst > 0.9 * monitored ? INFINITY : fmax(2, -monitored * log(1 - dst / monitored));
}

/*
 * The rate of choices and its interval, times the packets that a choice brings. A fast sender's repeats come
 * after more than the few choices that are remembered: then the distinct destinations (at most dst_hi) tell.
 */
static void describe_rate(const struct nr_scan *scan, const struct nr_scan_cold *cold,
			  double dst_hi, struct nr_source *s)
{
	uint64_t n = scan->env->monitored_v4, arrivals = s->packets;
	double span = (double)(s->last.ns - s->first.ns) / 1e9, worth = (double)s->packets,
	       factor = 1;
	struct nr_rate rate;

	if (n == 0 || !nr_ip_is_v4(s->src))
		return;
	if (cold != NULL && cold->choices >= 2 && cold->chosen_at > s->first.ns) {
		arrivals = cold->choices;
		span = (double)(cold->chosen_at - s->first.ns) / 1e9;
		worth = fmin(nr_rate_effective_gaps(arrivals, span, cold->gap2),
			     choices_for(dst_hi, (double)n));
		factor = (double)s->packets / (double)arrivals;
	}
	s->has_rate = nr_rate_interval_kept(scan->rates, arrivals, worth, span, n, &rate);
	if (!s->has_rate)
		return;
	s->rate_lo = rate.lo * factor;
	s->rate = rate.rate * factor;
	s->rate_hi = rate.hi * factor;
}

/* Distinct destinations as a share of N; the upper limit allows for those it had not reached yet (Poisson). */
static void describe_coverage(const struct nr_scan *scan, double dst, double lo, double hi,
			      struct nr_source *s)
{
	double n = (double)scan->env->monitored_v4;

	if (n == 0 || !nr_ip_is_v4(s->src))
		return;
	s->has_coverage = true;
	s->coverage_lo = fmin(lo / n, 1);
	s->coverage = fmin(dst / n, 1);
	s->coverage_hi = fmin((hi + 1.96 * sqrt(hi) + 2) / n, 1);
}

static uint16_t compat(const struct nr_scan *scan, const struct nr_scan_hot *hot,
		       const struct nr_scan_thresholds *top, const struct nr_source *s)
{
	const struct nr_scan_cold *cold = cold_of(scan, hot);
	uint64_t n = scan->env->monitored_v4;
	uint16_t bits = 0;

	if (cold == NULL)
		return 0;
	if (cold->wide_at != 0 && nr_ip_is_v4(s->src))
		bits |= NR_COMPAT_DURUMERIC;
	if (n > 0 && nr_ip_is_v4(s->src) && s->dst_n >= 3 && (double)s->dst_n >= 0.1 * (double)n &&
	    nr_scan_cold_top_dst(scan, hot, cold, (double)s->dst_n) >= 0.1 * (double)n)
		bits |= NR_COMPAT_MERIT_SPREAD;
	if (nr_scan_cold_top_packets(cold) >= top->packets)
		bits |= NR_COMPAT_MERIT_VOLUME;
	if (s->ports_n >= top->ports)
		bits |= NR_COMPAT_MERIT_PORTS;
	return bits;
}

static uint8_t certainty(const struct nr_source *s)
{
	bool strong = false;

	for (unsigned m = 0; m < NR_MARK_N; m++)
		if (s->tools & 1u << m && nr_marks[m].chance_log2 <= -16)
			strong = true;
	/* a list that names the address, a special address, our own: whoever sends in its name is in doubt */
	return strong && s->benign == NR_BENIGN_NONE && s->spoof_score < 0.5 &&
			       nr_ip_kind(s->src) == NR_IP_GLOBAL
		       ? NR_CERTAINTY_CONFIRMED
		       : NR_CERTAINTY_SPOOFABLE;
}

static enum nr_level level_of(const struct nr_scan_cold *cold, const struct nr_source *s)
{
	uint16_t merit = NR_COMPAT_MERIT_SPREAD | NR_COMPAT_MERIT_VOLUME | NR_COMPAT_MERIT_PORTS;

	if (s->traffic_class == NR_CLASS_BACKSCATTER && s->tools == 0)
		return NR_LEVEL_PROBE; /* it answers, it does not ask: rsdos.v1 looks at it */
	if (cold == NULL || cold->scanner_at == 0)
		return s->tools != 0 ? NR_LEVEL_SCANNER : NR_LEVEL_PROBE;
	if (s->compat & merit)
		return NR_LEVEL_AGGRESSIVE;
	return cold->wide_at != 0 ? NR_LEVEL_WIDE : NR_LEVEL_SCANNER;
}

void nr_scan_describe_probe(struct nr_ip ip, const struct nr_scan_hot *hot, struct nr_source *s)
{
	s->src = ip;
	s->first.ns = hot->first;
	s->last.ns = hot->last;
	s->packets = hot->packets;
	s->traffic_class = majority_class(hot);
}

enum nr_level nr_scan_describe(const struct nr_scan *scan, struct nr_ip ip,
			       const struct nr_scan_hot *hot, const struct nr_scan_thresholds *top,
			       bool detail, struct nr_source *s)
{
	const struct nr_prefixes *prefixes = scan->env->prefixes;

	s->origin = prefixes != NULL ? nr_prefixes_find(prefixes, ip) + 1 : 0;
	return nr_scan_describe_known(scan, ip, hot, top, detail, s);
}

enum nr_level nr_scan_describe_known(const struct nr_scan *scan, struct nr_ip ip,
				     const struct nr_scan_hot *hot,
				     const struct nr_scan_thresholds *top, bool detail,
				     struct nr_source *s)
{
	const struct nr_scan_cold *cold = cold_of(scan, hot);
	const struct nr_detect_env *env = scan->env;
	double lo = hot->n_dst, hi = hot->n_dst, dst = hot->n_dst;
	bool ours = (env->nets != NULL && nr_nets_has(env->nets, ip)) ||
		    nr_ip_kind(ip) == NR_IP_MULTICAST || nr_ip_kind(ip) == NR_IP_UNSPECIFIED ||
		    nr_ip_kind(ip) == NR_IP_BROADCAST || nr_ip_kind(ip) == NR_IP_LOOPBACK;

	*s = (struct nr_source){
		.src = ip,
		.first = { hot->first },
		.last = { hot->last },
		.packets = hot->packets,
		.origin = s->origin,
	};
	if (cold != NULL)
		nr_scan_cold_marks(cold, s->marks);
	for (unsigned m = 0; m < NR_MARK_N && cold == NULL; m++)
		s->marks[m] = nr_scan_nibble(hot->marks, m);
	s->traffic_class = majority_class(hot);
	if (cold != NULL)
		dst = nr_distinct_estimate(&cold->dst, &scan->sketches, &lo, &hi);
	s->dst_n = (uint64_t)llround(dst);
	s->dst_lo = (uint64_t)floor(lo);
	s->dst_hi = (uint64_t)ceil(hi);
	s->tools = nr_scan_tools(scan, s->marks, s->packets, s->dst_n);
	describe_ports(scan, hot, cold, s);
	if (detail)
		describe_rate(scan, cold, hi, s);
	describe_coverage(scan, dst, lo, hi, s);
	s->ttl_min = hot->ttl_min;
	s->ttl_max = hot->ttl_max;
	if (s->origin != 0) {
		struct nr_origin origin = nr_prefixes_origin(env->prefixes, s->origin - 1);

		s->asn = origin.asn;
		s->as_name = origin.as_name;
		memcpy(s->economy, origin.economy, sizeof(s->economy));
	}
	if (env->benign != NULL)
		s->benign = (uint8_t)nr_benign_find(env->benign, ip, s->as_name, &s->benign_name);
	s->spoof_score = spoof_score(hot->spoof, s->tools, ours);
	s->compat = compat(scan, hot, top, s);
	s->certainty = certainty(s);
	s->level = (uint8_t)level_of(cold, s);
	if (cold != NULL) {
		s->detected.ns = cold->scanner_at;
		s->detected_packets = cold->scanner_packets;
		s->wide.ns = cold->wide_at;
	}
	return s->level;
}

void nr_scan_member_of(const struct nr_source *s, int64_t detected, bool ended,
		       struct nr_scan_member *m)
{
	*m = (struct nr_scan_member){
		.ip = s->src,
		.first = s->first.ns,
		.last = s->last.ns,
		.detected = detected,
		.packets = s->packets,
		.dst = s->dst_n,
		.asn = s->asn,
		.tools = s->tools,
		.port = s->n_ports > 0 ? s->ports[0].port : 0,
		.proto = s->n_ports > 0 ? s->ports[0].proto : 0,
		.level = s->level,
		.certainty = s->certainty,
		.ended = ended,
	};
}
