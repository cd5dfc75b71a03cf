/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/stat.h"
#include "orient/detect/mdr.h"
#include "orient/detect/rate.h"
#include "orient/detect/rsdos_int.h"
#include "record/hll.h"
#include "record/proto.h"

/* --- evidence --- */

static void fill_ports(const struct rsdos_track *t, struct nr_rsdos_evidence *ev)
{
	ev->n_ports = t->n_ports;
	ev->more_ports = t->more_ports;
	for (size_t i = 0; i < t->n_ports; i++) {
		size_t at = i;

		while (at > 0 && ev->ports[at - 1].packets < t->ports[i].packets) {
			ev->ports[at] = ev->ports[at - 1];
			at--;
		}
		ev->ports[at] = t->ports[i];
	}
}

static void fill_counts(const struct rsdos_shard *s, const struct rsdos_track *t,
			struct nr_rsdos_evidence *ev)
{
	double monitored = t->is_v6 ? INFINITY : (double)s->env->monitored_v4;
	double per_flow = t->flows > 0 ? fmax(1, (double)t->flow_packets / t->flows) : 1;
	double more = t->packets > t->flow_packets ? (double)(t->packets - t->flow_packets) : 0;

	ev->packets = t->packets;
	ev->flows = (uint64_t)(t->flows + more / per_flow);
	if (t->flows == t->n && more <= 0)
		ev->destinations = (uint64_t)(t->n - t->repeats);
	else
		ev->destinations = (uint64_t)llround(nr_hll_estimate(t->hll, RSDOS_HLL_P));
	if (monitored >= 1 && (double)ev->destinations > monitored)
		ev->destinations = (uint64_t)monitored;
	if (ev->destinations > ev->flows)
		ev->destinations = ev->flows;
}

static void fill_rate(const struct rsdos_shard *s, const struct rsdos_track *t,
		      struct nr_rsdos_evidence *ev)
{
	double sum_k = 0, sum_k2 = 0;
	struct nr_rate rate;

	for (size_t i = 0; i < t->n; i++) {
		sum_k += t->count[i];
		sum_k2 += (double)t->count[i] * t->count[i];
	}
	double worth = nr_rate_effective((double)t->packets, sum_k, sum_k2);

	ev->duration_s = (double)(t->last - t->first) / 1e9;
	ev->has_rate = !t->is_v6 && nr_rate_interval(t->packets, worth, ev->duration_s,
						     s->env->monitored_v4, &rate);
	if (ev->has_rate) {
		ev->rate_lo = rate.lo;
		ev->rate = rate.rate;
		ev->rate_hi = rate.hi;
	}
}

static bool is_moore(const struct rsdos_track *t)
{
	return t->moore_packets >= NR_MOORE_PACKETS &&
	       (uint64_t)t->moore_packets * 2 > t->packets &&
	       t->last - t->first >= NR_MOORE_SPAN_S * NR_NS_PER_S && t->ppm_max >= NR_MOORE_PPM;
}

/* Of the statement "a flood with forged sources": the shape at the end may be worse than at detection. */
static double confidence(const struct rsdos_track *t, const struct rsdos_shape *shape,
			 double p_log10)
{
	double c = p_log10 < -12 ? 0.99 : 0.95;

	if (shape->scanner || !shape->ports)
		return 0.5;
	if (!shape->spread)
		return 0.7;
	return t->n_ports == 1 && t->ports[0].port == 0 ? fmin(c, 0.8) : c;
}

void rsdos_emit_fill(const struct rsdos_shard *s, const struct rsdos_track *t, struct nr_ip ip,
		     struct rsdos_pending *ret_pending)
{
	struct rsdos_shape shape;
	struct nr_rsdos_evidence *ev = &ret_pending->evidence;
	double p_ln = t->p_ln;

	memset(ret_pending, 0, sizeof(*ret_pending));
	rsdos_track_shape(s, t, &shape);
	fill_ports(t, ev);
	fill_counts(s, t, ev);
	fill_rate(s, t, ev);
	if (t->used == TRACK_VICTIM && ev->flows > 1)
		p_ln = fmin(p_ln, nr_stat_poisson_tail_ln(ev->flows - 1,
							  t->lambda * fmax(ev->duration_s,
									   NR_RSDOS_SPAN_S)));
	ev->victims = t->used == TRACK_PREFIX ? t->victims_max : 0;
	ev->ppm_max = t->ppm_max;
	ev->p_log10 = p_ln / M_LN10;
	ev->uniform_p = shape.uniform_p;
	ev->entropy = shape.entropy;
	ev->background = t->lambda;
	ev->monitored = t->is_v6 ? 0 : s->env->monitored_v4;
	ev->window_s = fmax(NR_RSDOS_SPAN_S, fmin(ev->duration_s, NR_RSDOS_IDLE_S));
	ev->mdr = nr_mdr_rsdos(ev->monitored, ev->window_s);
	ev->flags = (uint8_t)((t->flags & ~NR_RSDOS_UNIFORM) |
			      (shape.spread ? NR_RSDOS_UNIFORM : 0) |
			      (is_moore(t) ? NR_RSDOS_MOORE : 0));
	ret_pending->ip = ip;
	ret_pending->said_id = t->said_id;
	ret_pending->first = t->first;
	ret_pending->last = t->last;
	ret_pending->detected = t->detected;
	ret_pending->confidence = confidence(t, &shape, ev->p_log10);
	ret_pending->kind = t->used == TRACK_PREFIX ? RSDOS_CARPET : RSDOS_ATTACK;
}

/* --- words --- */

enum { NUMBER_TEXT = 24 };

/* Three digits are more than the interval is worth. */
static const char *number(double v, char out[NUMBER_TEXT])
{
	static const char *const units[] = { "", " k", " M", " G" };
	size_t unit = 0;

	while (v >= 9999.5 && unit + 1 < NR_COUNT(units)) {
		v /= 1000;
		unit++;
	}
	(void)snprintf(out, NUMBER_TEXT, "%.*f%s", v < 10 ? 1 : 0, v, units[unit]);
	return out;
}

static void target_text(const struct nr_rsdos_evidence *ev, char *out, size_t cap)
{
	if (ev->n_ports == 0)
		out[0] = '\0';
	else if (ev->ports[0].port == 0)
		(void)snprintf(out, cap, " by %s", nr_proto_name(ev->ports[0].proto));
	else
		(void)snprintf(out, cap, " on %s/%u%s", nr_proto_name(ev->ports[0].proto),
			       ev->ports[0].port, ev->n_ports > 1 ? " and others" : "");
}

static void summary_text(const struct rsdos_pending *pending, struct nr_finding *finding)
{
	const struct nr_rsdos_evidence *ev = &pending->evidence;
	char target[40], lo[NUMBER_TEXT], mid[NUMBER_TEXT], hi[NUMBER_TEXT], span[NR_SPAN_TEXT];
	char rate[128] = "", who[NR_SUBJECT_TEXT + 24];

	target_text(ev, target, sizeof(target));
	nr_span_print_human(pending->last - pending->first, span);
	if (ev->has_rate)
		(void)snprintf(rate, sizeof(rate), ", about %s/s worldwide (%s to %s)",
			       number(ev->rate, mid), number(ev->rate_lo, lo),
			       number(ev->rate_hi, hi));
	if (pending->kind == RSDOS_CARPET)
		(void)snprintf(who, sizeof(who), "%u addresses of %s", ev->victims,
			       finding->subject);
	else
		(void)snprintf(who, sizeof(who), "%s", finding->subject);
	int n = snprintf(
		finding->summary, sizeof(finding->summary),
		"Flood with forged sources against %s%s for %s: %llu answers reached %llu monitored "
		"addresses%s",
		who, target, span, (unsigned long long)ev->packets,
		(unsigned long long)ev->destinations, rate);

	nr_require(n > 0 && n < NR_SUMMARY_TEXT);
}

static void subject_text(const struct rsdos_pending *pending, struct nr_finding *finding)
{
	struct nr_prefix prefix = { pending->ip, nr_ip_is_v4(pending->ip) ? 120 : 48 };

	if (pending->kind == RSDOS_CARPET)
		nr_prefix_print(prefix, finding->subject);
	else
		nr_ip_print(pending->ip, finding->subject);
}

struct nr_ip rsdos_prefix_ip(uint64_t key)
{
	struct nr_ip ip = { { 0 } };

	if (key >> 63 != 0)
		return nr_ip_v4((uint32_t)key << 8);
	for (size_t i = 0; i < 6; i++)
		ip.b[i] = (uint8_t)(key >> (40 - 8 * i));
	return ip;
}

/* --- handing over --- */

static int pending_cmp(const void *va, const void *vb)
{
	const struct rsdos_pending *a = va, *b = vb;

	if (a->last != b->last)
		return a->last < b->last ? -1 : 1;
	int order = nr_ip_cmp(a->ip, b->ip);

	if (order != 0)
		return order;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

static void emit(const struct nr_detect_env *env, struct rsdos_pending *pending, int64_t now,
		 const struct nr_sink *sink)
{
	struct nr_origin origin = nr_prefixes_origin(
		env->prefixes, env->prefixes ? nr_prefixes_find(env->prefixes, pending->ip) : 0);
	bool ended = now > INT64_MAX / NR_NS_PER_S ||
		     pending->last + NR_RSDOS_IDLE_S * NR_NS_PER_S < now * NR_NS_PER_S;
	struct nr_finding finding = {
		.detector = nr_detector_rsdos.name,
		.kind = pending->kind == RSDOS_CARPET ? "carpet" : "attack",
		.sort_ip = pending->ip,
		.confidence = pending->confidence,
		/* That an address answered is no proof that it did: anybody may forge a victim's answers.
		 * The subject is a victim, nothing is claimed of its conduct, nothing may be blocked. */
		.certainty = NR_CERTAINTY_SPOOFABLE,
		.state = pending->is_withdrawn ? NR_FINDING_WITHDRAWN
			 : ended	       ? NR_FINDING_ENDED
					       : NR_FINDING_CONTINUING,
		.first = { pending->first },
		.last = { pending->last },
		.detected = { pending->detected },
		.asn = origin.asn,
		.as_name = origin.as_name,
		.evidence_fields = nr_rsdos_fields,
		.n_evidence_fields = NR_RSDOS_N_FIELDS,
		.evidence = &pending->evidence,
		.evidence_size = sizeof(pending->evidence),
	};

	memcpy(finding.economy, origin.economy, sizeof(finding.economy));
	subject_text(pending, &finding);
	summary_text(pending, &finding);
	finding.id = pending->said_id != 0 ? pending->said_id : nr_finding_id(&finding);
	pending->said_id = finding.id;
	sink->finding(sink->ctx, &finding);
}

void rsdos_emit_all(const struct nr_detect_env *env, struct rsdos_pending *list, size_t n,
		    int64_t now, const struct nr_sink *sink)
{
	if (sink->finding == NULL || n == 0)
		return;
	qsort(list, n, sizeof(*list), pending_cmp);
	for (size_t i = 0; i < n; i++)
		emit(env, &list[i], now, sink);
}
