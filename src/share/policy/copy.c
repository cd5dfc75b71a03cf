/* SPDX-License-Identifier: Apache-2.0 */
#include "share/policy/copy.h"

static const int64_t MINUTE = 60 * NR_NS_PER_S;

const char *const nr_copy_names[] = { "none", "warned", "shared", "own", "all", NULL };

/* ---- tables: absent means nobody ---- */

/*
 * How much one's own sensors must have seen for a finding of this kind to be one's own. These are the
 * least that the rule asks for, or what is published: with it, packets to other people's sensors
 * hardly decide whether there is a finding, and below it they do.
 */
struct rule {
	const char *detector, *kind;
	uint64_t packets, marked;
	int64_t span_s;
	uint64_t packets_quick; /* instead of the span; 0: never */
};
static const struct rule rules[] = {
	/* Moore et al.: 25 packets and 60 s; rsdos.v1: 50 are enough before that */
	{ "rsdos.v1", "attack", 25, 0, 60, 50 },
	/* eight victims with two answers each; three times that, since here nobody counts victims */
	{ "rsdos.v1", "carpet", 48, 0, 0, 0 },
	/* two marked packets decide on Mirai; four, since chance may have made one */
	{ "infect.v1", "infection", 4, 4, 0, 0 },
	/* a wide source touched 100 addresses */
	{ "scan.v1", "campaign", 100, 0, 0, 0 },
};

struct shown {
	const char *detector, *member;
};
/*
 * Members of evidence that say what a finding is, not how much of it was seen where. Not here for a
 * reason: members, ports (the finding's addresses, and what one sensor alone may have seen);
 * packets, flows, destinations, victims, marked, sources, dst_max (sums over all sensors);
 * duration, ppm_max, rate*, p_log10, uniform_p, port_entropy, spoof_uniform, moore_compat, log_odds
 * and its terms (follow from these sums); monitored, mdr, window (the hub's addresses).
 */
static const struct shown table_shown[] = {
	{ "rsdos.v1", "rule" }, { "infect.v1", "family" }, { "scan.v1", "tools" },
	{ "scan.v1", "proto" }, { "scan.v1", "port" },
};

bool nr_copy_may_show(struct nr_str detector, struct nr_str member)
{
	for (size_t i = 0; i < NR_COUNT(table_shown); i++)
		if (nr_str_eq(detector, nr_str_from(table_shown[i].detector)) &&
		    nr_str_eq(member, nr_str_from(table_shown[i].member)))
			return true;
	return false;
}

/* ---- minutes ---- */

static struct nr_time minute_down(struct nr_time t)
{
	return (struct nr_time){ t.ns - (t.ns % MINUTE + MINUTE) % MINUTE };
}

static struct nr_time minute_up(struct nr_time t)
{
	struct nr_time down = minute_down(t);

	return down.ns == t.ns || down.ns > INT64_MAX - MINUTE
		       ? down
		       : (struct nr_time){ down.ns + MINUTE };
}

/* ---- own ---- */

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Of what is about a sensor it has no packets. @return marked packets */
static uint64_t own_sum(const struct nr_scope *scope, const struct nr_sighting *s, size_t n,
			bool about_sensor, struct nr_copy_figures *own)
{
	uint64_t marked = 0;

	for (size_t i = 0; i < n; i++) {
		if ((s[i].packets == 0 && !about_sensor) || !nr_scope_owns(scope, s[i].sensor))
			continue;
		if (own->sensors == 0 || s[i].first.ns < own->first.ns)
			own->first = s[i].first;
		if (own->sensors == 0 || s[i].last.ns > own->last.ns)
			own->last = s[i].last;
		own->sensors++;
		own->packets = add(own->packets, s[i].packets);
		own->bytes = add(own->bytes, s[i].bytes);
		marked = add(marked, s[i].marked);
	}
	return marked;
}

static bool own_stands(const struct nr_copy_facts *facts, const struct nr_copy_figures *own,
		       uint64_t marked)
{
	for (size_t i = 0; i < NR_COUNT(rules); i++) {
		const struct rule *r = &rules[i];

		if (!nr_str_eq(facts->detector, nr_str_from(r->detector)) ||
		    !nr_str_eq(facts->kind, nr_str_from(r->kind)))
			continue;
		bool long_enough = own->last.ns - own->first.ns >= r->span_s * NR_NS_PER_S;

		return own->packets >= r->packets && marked >= r->marked &&
		       (long_enough || (r->packets_quick != 0 && own->packets >= r->packets_quick));
	}
	return false;
}

/* ---- shared ---- */

enum measure { PACKETS, UNTIL, SINCE };

/* In a form of which more is later in the order: SINCE counts back. */
static uint64_t measure(const struct nr_sighting *s, enum measure what)
{
	switch (what) {
	case PACKETS:
		return s->packets;
	case UNTIL:
		return s->last.ns < 0 ? 0 : (uint64_t)s->last.ns;
	case SINCE:
		return s->first.ns < 0 ? INT64_MAX : (uint64_t)(INT64_MAX - s->first.ns);
	}
	return 0;
}

static unsigned reached_by(const struct nr_scope *scope, const struct nr_sighting *s, size_t n,
			   enum measure what, uint64_t value)
{
	unsigned k = 0;

	for (size_t i = 0; i < n; i++)
		k += s[i].packets > 0 && measure(&s[i], what) >= value &&
		     nr_scope_shares(scope, s[i].sensor);
	return k;
}

/* The largest value that the quorum reaches. Bit by bit: no list has to be sorted, so no memory. */
static uint64_t reached(const struct nr_scope *scope, const struct nr_sighting *s, size_t n,
			enum measure what)
{
	uint64_t value = 0;

	for (unsigned bit = 64; bit-- > 0;) {
		uint64_t more = value | UINT64_C(1) << bit;

		if (reached_by(scope, s, n, what, more) >= scope->quorum)
			value = more;
	}
	return value;
}

static bool shared_figures(const struct nr_scope *scope, const struct nr_sighting *s, size_t n,
			   struct nr_copy_figures *ret)
{
	if (scope->quorum == 0 || reached_by(scope, s, n, PACKETS, 1) < scope->quorum)
		return false;
	struct nr_time first = { INT64_MAX - (int64_t)reached(scope, s, n, SINCE) },
		       last = { (int64_t)reached(scope, s, n, UNTIL) };

	/* they need not have seen it at one time: nothing is said of before the first of both */
	if (last.ns < first.ns)
		last = first;
	*ret = (struct nr_copy_figures){ .packets = reached(scope, s, n, PACKETS),
					 .sensors = (unsigned)scope->n_shared,
					 .first = minute_down(first),
					 .last = minute_up(last) };
	return true;
}

/* ---- warned ---- */

/* A prefix is his when all of it is, or when it is of his AS. 0.0.0.0/24 is nobody's, as 0.0.0.0 is. */
static bool holds_subject(const struct nr_scope *scope, const struct nr_copy_facts *facts)
{
	if (!facts->has_subject || nr_ip_kind(facts->subject.ip) == NR_IP_UNSPECIFIED)
		return false;
	if (facts->subject.len == 128)
		return nr_scope_holds(scope, facts->subject.ip, facts->asn, facts->first);
	for (size_t i = 0; i < scope->n_asns; i++)
		if (facts->asn != 0 && scope->asns[i].asn == facts->asn &&
		    scope->asns[i].since.ns <= facts->first.ns)
			return true;
	for (size_t i = 0; i < scope->n_prefixes; i++) {
		const struct nr_scope_prefix *p = &scope->prefixes[i];

		if (p->prefix.len <= facts->subject.len &&
		    nr_prefix_has(p->prefix, facts->subject.ip) && p->since.ns <= facts->first.ns)
			return true;
	}
	return false;
}

/* ---- all of it ---- */

void nr_copy_make(const struct nr_scope *scope, const struct nr_copy_facts *facts,
		  const struct nr_sighting *sightings, size_t n, struct nr_copy *ret_copy)
{
	struct nr_copy c = { 0 };

	if (scope != NULL && facts->detector.n > 0 && scope->viewer.active) {
		bool about_sensor = nr_str_eq(facts->detector, NR_STR("watch.v1"));
		uint64_t marked = own_sum(scope, sightings, n, about_sensor, &c.own_figures);

		if (!about_sensor) {
			c.shared = shared_figures(scope, sightings, n, &c.shared_figures);
			c.warned = holds_subject(scope, facts);
		}
		c.own = c.own_figures.sensors > 0 &&
			(about_sensor || c.shared || own_stands(facts, &c.own_figures, marked));
	}
	if (scope != NULL && scope->viewer.active && scope->viewer.role == NR_ROLE_OPERATOR)
		c.kind = NR_COPY_ALL;
	else if (c.own)
		c.kind = NR_COPY_OWN;
	else if (c.shared)
		c.kind = NR_COPY_SHARED;
	else if (c.warned)
		c.kind = NR_COPY_WARNED;
	if (!c.own)
		c.own_figures = (struct nr_copy_figures){ 0 };
	if (c.warned) {
		c.warned_first = minute_down(facts->first);
		c.warned_last = minute_up(facts->last);
	}
	*ret_copy = c;
}

void nr_copy_subject(struct nr_str text, struct nr_copy_facts *facts)
{
	facts->has_subject = nr_prefix_parse(text, &facts->subject) == 0;
}

/* ---- what follows from a copy ---- */

void nr_copy_span(const struct nr_copy *copy, struct nr_time *ret_first, struct nr_time *ret_last)
{
	const struct nr_copy_figures *f = copy->own ? &copy->own_figures : &copy->shared_figures;

	*ret_first = copy->own || copy->shared ? f->first : copy->warned_first;
	*ret_last = copy->own || copy->shared ? f->last : copy->warned_last;
}

struct nr_str nr_copy_state(const struct nr_copy *copy, const struct nr_copy_facts *facts,
			    struct nr_time now)
{
	/* silence after which the detector calls it over, and what the engine needs to say so */
	int64_t idle = nr_str_eq(facts->detector, NR_STR("rsdos.v1")) ? 7 * MINUTE
								      : 24 * 60 * MINUTE;
	struct nr_time first, last;

	if (copy->kind == NR_COPY_ALL || nr_str_eq(facts->state, NR_STR("withdrawn")) ||
	    nr_str_eq(facts->detector, NR_STR("watch.v1")))
		return facts->state;
	nr_copy_span(copy, &first, &last);
	return now.ns - last.ns > idle ? NR_STR("ended") : NR_STR("continuing");
}
