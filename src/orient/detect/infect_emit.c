/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "orient/detect/infect_int.h"
#include "record/proto.h"

#define EV(record) ((const struct nr_infect_evidence *)(record))
#define AT(member) offsetof(struct nr_infect_evidence, member)

/* --- names --- */

static const char *const family_names[] = {
	"none", "mirai", "conficker", "exploit", "hajime", NULL
};
static const char *const verdict_names[] = { "none", "watch", "probable", "confirmed", NULL };
static const char *const status_names[] = { "new", "continuing", "cleared", NULL };

static const char *label(const char *const *names, size_t n, uint8_t value)
{
	return value < n ? names[value] : "unknown";
}
static const char *family_label(uint8_t value)
{
	return label(family_names, NR_COUNT(family_names) - 1, value);
}
static const char *verdict_label(uint8_t value)
{
	return label(verdict_names, NR_COUNT(verdict_names) - 1, value);
}
static const char *status_label(uint8_t value)
{
	return label(status_names, NR_COUNT(status_names) - 1, value);
}
static const char *level_label(uint8_t value)
{
	return label(nr_level_names, NR_LEVEL_AGGRESSIVE + 1, value);
}
static const char *benign_label(uint8_t value)
{
	return label(nr_benign_names, NR_BENIGN_ACK + 1, value);
}

/* --- fields --- */

static void ports_json(const void *record, struct nr_json *j)
{
	nr_json_array(j);
	for (size_t i = 0; i < EV(record)->n_ports; i++) {
		nr_json_object(j);
		nr_json_key(j, "proto");
		nr_json_str(j, nr_str_from(nr_proto_name(EV(record)->ports[i].proto)));
		nr_json_key(j, "port");
		nr_json_u64(j, EV(record)->ports[i].port);
		nr_json_key(j, "packets");
		nr_json_u64(j, EV(record)->ports[i].packets);
		nr_json_object_end(j);
	}
	nr_json_array_end(j);
}

static void ports_cell(const void *record, struct nr_buf *out)
{
	for (size_t i = 0; i < EV(record)->n_ports; i++)
		nr_buf_addf(out, "%s%s/%u", i > 0 ? " " : "",
			    nr_proto_name(EV(record)->ports[i].proto), EV(record)->ports[i].port);
}

/* A term that does not apply is absent, so that what is printed is the sum. */
#define TERM(term)                                   \
	static bool has_##term(const void *record)   \
	{                                            \
		return EV(record)->terms[term] != 0; \
	}
#define TERM_FIELD(term, text, says)                                                               \
	{                                                                                          \
		.name = text, .type = NR_FIELD_F64, .offset = AT(terms) + (term) * sizeof(double), \
		.present = has_##term, .help = says                                                \
	}

TERM(NR_INFECT_MIRAI)
TERM(NR_INFECT_MIRAI_ONE)
TERM(NR_INFECT_CONFICKER)
TERM(NR_INFECT_EXPLOIT)
TERM(NR_INFECT_HAJIME)
TERM(NR_INFECT_SCANNER)
TERM(NR_INFECT_CONSISTENT)
TERM(NR_INFECT_BENIGN_ACK)
TERM(NR_INFECT_BENIGN_CLAIMED)
TERM(NR_INFECT_SPOOF)
TERM(NR_INFECT_HOSTING)
TERM(NR_INFECT_BACKSCATTER)

const struct nr_field nr_infect_fields[NR_INFECT_N_FIELDS] = {
	{ .name = "family",
	  .type = NR_FIELD_LABEL,
	  .offset = AT(family),
	  .label = family_label,
	  .labels = family_names,
	  .help = "Lineage that the mark names; exploit: known by its payload only." },
	{ .name = "verdict",
	  .type = NR_FIELD_LABEL,
	  .offset = AT(verdict),
	  .label = verdict_label,
	  .labels = verdict_names,
	  .help = "confirmed from 9, probable from 5; never confirmed if spoofable." },
	{ .name = "status",
	  .type = NR_FIELD_LABEL,
	  .offset = AT(status),
	  .label = status_label,
	  .labels = status_names,
	  .help = "new within its first day and not returned, continuing, or cleared." },
	{ .name = "log_odds",
	  .type = NR_FIELD_F64,
	  .offset = AT(score),
	  .help = "Sum of the terms below." },
	TERM_FIELD(NR_INFECT_MIRAI, "term_mirai", "Log-odds: Mirai's mark decided."),
	TERM_FIELD(NR_INFECT_MIRAI_ONE, "term_mirai_one",
		   "Log-odds: one packet with Mirai's mark."),
	TERM_FIELD(NR_INFECT_CONFICKER, "term_conficker",
		   "Log-odds: Conficker's pattern of targets."),
	TERM_FIELD(NR_INFECT_EXPLOIT, "term_exploit",
		   "Log-odds: a payload that orders download and run."),
	TERM_FIELD(NR_INFECT_HAJIME, "term_hajime", "Log-odds: window and ports of Hajime."),
	TERM_FIELD(NR_INFECT_SCANNER, "term_scanner", "Log-odds: scans without a mark of malware."),
	TERM_FIELD(NR_INFECT_CONSISTENT, "term_consistent", "Log-odds: TTL as of one machine."),
	TERM_FIELD(NR_INFECT_BENIGN_ACK, "term_benign_ack", "Log-odds: known survey scanner."),
	TERM_FIELD(NR_INFECT_BENIGN_CLAIMED, "term_benign_claimed",
		   "Log-odds: listed as survey scanner."),
	TERM_FIELD(NR_INFECT_SPOOF, "term_spoof", "Log-odds: signs of a forged address."),
	TERM_FIELD(NR_INFECT_HOSTING, "term_hosting", "Log-odds: the AS rents servers."),
	TERM_FIELD(NR_INFECT_BACKSCATTER, "term_backscatter",
		   "Log-odds: most packets are answers."),
	{ .name = "marked",
	  .type = NR_FIELD_U64,
	  .unit = "packets",
	  .offset = AT(marked),
	  .help = "Packets with a mark of malware in this episode." },
	{ .name = "packets",
	  .type = NR_FIELD_U64,
	  .unit = "packets",
	  .offset = AT(packets),
	  .help = "All packets of the source." },
	{ .name = "destinations",
	  .type = NR_FIELD_U64,
	  .unit = "addresses",
	  .offset = AT(destinations),
	  .help = "Different monitored addresses it touched." },
	{ .name = "ports",
	  .type = NR_FIELD_CUSTOM,
	  .json = ports_json,
	  .cell = ports_cell,
	  .schema =
		  "{\"type\":\"array\",\"maxItems\":4,\"items\":{\"type\":\"object\",\"properties\":{"
		  "\"proto\":{\"type\":\"string\"},\"port\":{\"type\":\"integer\"},"
		  "\"packets\":{\"type\":\"integer\"}},\"required\":[\"proto\",\"port\",\"packets\"],"
		  "\"additionalProperties\":false}}",
	  .help = "Ports it tries, most packets first." },
	{ .name = "level",
	  .type = NR_FIELD_LABEL,
	  .offset = AT(level),
	  .label = level_label,
	  .labels = nr_level_names,
	  .help = "Highest level of scan.v1." },
	{ .name = "benign",
	  .type = NR_FIELD_LABEL,
	  .offset = AT(benign),
	  .label = benign_label,
	  .labels = nr_benign_names,
	  .help = "Whether lists of survey scanners name it." },
	{ .name = "rate_here",
	  .type = NR_FIELD_F64,
	  .unit = "packets/h",
	  .offset = AT(rate_here),
	  .help = "Marked packets an hour that reach the monitored addresses." },
	{ .name = "clear_after",
	  .type = NR_FIELD_F64,
	  .unit = "s",
	  .offset = AT(clear_after_s),
	  .help = "Silence after which it counts as cleared: ln(1000) / rate_here, at least a day." },
	{ .name = "returned",
	  .type = NR_FIELD_BOOL,
	  .offset = AT(returned),
	  .help = "It had been infected and cleared within the 7 days before." },
	{ .name = "episodes",
	  .type = NR_FIELD_U32,
	  .offset = AT(episodes),
	  .help = "Episodes with less than 7 days between them, this one included." },
};

/* --- findings --- */

static void evidence_fill(const struct nr_detect_env *env, const struct infect_entry *e,
			  struct nr_infect_evidence *ev, struct infect_context *all)
{
	*all = infect_context_all(e);
	*ev = (struct nr_infect_evidence){
		.marked = e->marked,
		.packets = all->packets,
		.destinations = all->dst_n,
		.clear_after_s = (double)infect_clear_ns(e) / 1e9,
		.n_ports = all->n_ports,
		.level = all->level,
		.benign = all->benign,
		.returned = e->returned != 0,
		.episodes = e->episodes,
	};
	double hours = ((double)e->last - (double)e->first) / 3600e9;

	ev->rate_here = hours > 0 && e->marked > 1 ? (double)(e->marked - 1) / hours : 0;
	for (size_t i = 0; i < all->n_ports; i++)
		ev->ports[i] = (struct nr_source_port){ .proto = all->ports[i].proto,
							.port = all->ports[i].port,
							.packets = all->ports[i].packets };
	infect_score(env, e, all, ev);
}

bool infect_is_finding(const struct nr_detect_env *env, const struct infect_entry *e)
{
	struct nr_infect_evidence ev;
	struct infect_context all;

	if (!e->cur.is_set)
		return false; /* scan.v1 has not spoken yet: nothing speaks against it, so nothing speaks for it */
	evidence_fill(env, e, &ev, &all);
	return ev.verdict >= NR_INFECT_PROBABLE;
}

static void ports_text(const struct nr_infect_evidence *ev, char *out, size_t cap)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ev->n_ports && n < cap; i++) {
		int wrote = snprintf(out + n, cap - n, "%s%s/%u", i > 0 ? ", " : " on ",
				     nr_proto_name(ev->ports[i].proto), ev->ports[i].port);

		n += wrote > 0 ? (size_t)wrote : 0;
	}
}

static void summary_text(const struct nr_infect_evidence *ev, struct nr_finding *finding)
{
	char ports[64], span[NR_SPAN_TEXT];
	const char *what = ev->family == NR_FAMILY_MIRAI
				   ? "packets with the mark of the Mirai lineage"
			   : ev->family == NR_FAMILY_CONFICKER
				   ? "packets in the pattern of Conficker"
				   : "packets with marks of malware";

	ports_text(ev, ports, sizeof(ports));
	nr_span_print_human(finding->last.ns - finding->first.ns, span);
	int n = snprintf(finding->summary, sizeof(finding->summary),
			 "%s looks infected (%s): %llu %s to %llu monitored addresses%s within %s",
			 finding->subject, verdict_label(ev->verdict),
			 (unsigned long long)ev->marked, what, (unsigned long long)ev->destinations,
			 ports, span);

	nr_require(n > 0 && n < NR_SUMMARY_TEXT);
}

static void emit(const struct nr_detect_env *env, struct infect_entry *e, int64_t now,
		 const struct nr_sink *sink)
{
	static const int64_t day_s = 86400;
	static const double prior =
		-3; /* log-odds that an address with some mark is infected, before terms */
	struct nr_origin origin =
		nr_prefixes_origin(env->prefixes,
				   env->prefixes ? nr_prefixes_find(env->prefixes, e->ip) : 0);
	struct nr_infect_evidence ev;
	struct infect_context all;

	evidence_fill(env, e, &ev, &all);
	bool ended = e->telling != INFECT_OPEN &&
		     (now > INT64_MAX / NR_NS_PER_S ||
		      e->last + infect_clear_ns(e) < now * NR_NS_PER_S);
	bool young = !ended && now * NR_NS_PER_S - e->first < day_s * NR_NS_PER_S;

	ev.status = ended		    ? NR_INFECT_CLEARED
		    : young && !e->returned ? NR_INFECT_NEW
					    : NR_INFECT_CONTINUING;
	struct nr_finding finding = {
		.detector = nr_detector_infect.name,
		.kind = "infection",
		.sort_ip = e->ip,
		.confidence = 1 / (1 + exp(-(ev.score + prior))),
		.certainty = infect_is_impossible(e->ip) ? NR_CERTAINTY_SPOOFABLE : all.certainty,
		.state = e->telling == INFECT_WITHDRAWN ? NR_FINDING_WITHDRAWN
			 : ended			? NR_FINDING_ENDED
							: NR_FINDING_CONTINUING,
		.first = { e->first },
		.last = { e->last },
		.detected = { e->decided < INT64_MAX ? e->decided : e->last },
		.asn = origin.asn,
		.as_name = origin.as_name,
		.evidence_fields = nr_infect_fields,
		.n_evidence_fields = NR_INFECT_N_FIELDS,
		.evidence = &ev,
		.evidence_size = sizeof(ev),
	};

	memcpy(finding.economy, origin.economy, sizeof(finding.economy));
	nr_ip_print(e->ip, finding.subject);
	summary_text(&ev, &finding);
	finding.id = e->said_id != 0 ? e->said_id : nr_finding_id(&finding);
	e->said_id = finding.id;
	sink->finding(sink->ctx, &finding);
}

static int entry_cmp(const void *va, const void *vb)
{
	const struct infect_entry *a = va, *b = vb;

	if (a->last != b->last)
		return a->last < b->last ? -1 : 1;
	int order = nr_ip_cmp(a->ip, b->ip);

	return order != 0 ? order : (a->first > b->first) - (a->first < b->first);
}

void infect_emit_all(const struct nr_detect_env *env, struct infect_entry *list, size_t n,
		     int64_t now, const struct nr_sink *sink)
{
	if (sink->finding == NULL || n == 0)
		return;
	qsort(list, n, sizeof(*list), entry_cmp);
	for (size_t i = 0; i < n; i++)
		emit(env, &list[i], now, sink);
}
