/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Campaigns: wide and aggressive scanners that look like one effort. Malware spreads over networks, so its
 * members share mark and port; a scanning tool is anybody's, so members share tool, port and AS.
 */
#include <stdio.h>
#include <stdlib.h>

#include "orient/detect/scan_int.h"
#include "record/proto.h"

enum { MEMBERS_SHOWN = 16 };

struct campaign {
	uint64_t sources, wide, aggressive, packets, dst_max;
	uint64_t monitored;
	uint64_t confirmed;
	uint16_t tools;
	uint16_t port;
	uint8_t proto;
	struct nr_ip members[MEMBERS_SHOWN];
	uint32_t n_members;
};

#define C(record) ((const struct campaign *)(record))

static void tools_json(const void *record, struct nr_json *j)
{
	nr_json_array(j);
	for (uint8_t m = 0; m < NR_MARK_N; m++)
		if (C(record)->tools & 1u << m)
			nr_json_str(j, nr_str_from(nr_marks[m].name));
	nr_json_array_end(j);
}

static void tools_cell(const void *record, struct nr_buf *out)
{
	const char *gap = "";

	for (uint8_t m = 0; m < NR_MARK_N; m++) {
		if (!(C(record)->tools & 1u << m))
			continue;
		nr_buf_addf(out, "%s%s", gap, nr_marks[m].name);
		gap = " ";
	}
}

static void members_json(const void *record, struct nr_json *j)
{
	nr_json_array(j);
	for (uint32_t i = 0; i < C(record)->n_members; i++)
		nr_json_ip(j, C(record)->members[i]);
	nr_json_array_end(j);
}

static void members_cell(const void *record, struct nr_buf *out)
{
	char text[NR_IP_TEXT];

	for (uint32_t i = 0; i < C(record)->n_members; i++) {
		nr_ip_print(C(record)->members[i], text);
		nr_buf_addf(out, "%s%s", i > 0 ? " " : "", text);
	}
}

static void proto_json(const void *record, struct nr_json *j)
{
	nr_json_str(j, nr_str_from(nr_proto_name(C(record)->proto)));
}

static void proto_cell(const void *record, struct nr_buf *out)
{
	nr_buf_add_str(out, nr_str_from(nr_proto_name(C(record)->proto)));
}

#define FIELD(field, kind, of_unit, words)                                    \
	{                                                                     \
		.name = #field, .type = kind, .unit = of_unit, .help = words, \
		.offset = offsetof(struct campaign, field)                    \
	}

const struct nr_field nr_scan_campaign_fields[NR_SCAN_CAMPAIGN_FIELDS] = {
	FIELD(sources, NR_FIELD_U64, "addresses", "Source addresses in the campaign."),
	FIELD(wide, NR_FIELD_U64, "addresses", "Of them at level wide."),
	FIELD(aggressive, NR_FIELD_U64, "addresses", "Of them at level aggressive."),
	FIELD(confirmed, NR_FIELD_U64, "addresses",
	      "Of them with a mark strong enough to trust the address."),
	FIELD(packets, NR_FIELD_U64, "packets", "Packets of all of them to monitored addresses."),
	FIELD(dst_max, NR_FIELD_U64, "addresses",
	      "Most distinct monitored addresses that one of them touched."),
	FIELD(monitored, NR_FIELD_U64, "addresses",
	      "N, the monitored IPv4 addresses; 0 when unknown."),
	{ .name = "tools",
	  .type = NR_FIELD_CUSTOM,
	  .help = "Tool or malware marks they share.",
	  .json = tools_json,
	  .cell = tools_cell,
	  .schema = "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}" },
	{ .name = "proto",
	  .type = NR_FIELD_CUSTOM,
	  .help = "Protocol of the port most packets went to.",
	  .json = proto_json,
	  .cell = proto_cell,
	  .schema = "{\"type\":\"string\"}" },
	FIELD(port, NR_FIELD_U16, NULL, "Port most packets went to; ICMP: type << 8 | code."),
	{ .name = "members",
	  .type = NR_FIELD_CUSTOM,
	  .help = "The addresses with most packets, at most 16.",
	  .json = members_json,
	  .cell = members_cell,
	  .schema = "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"maxItems\":16}" },
};

static bool spreads(uint16_t tools)
{
	for (unsigned m = 0; m < NR_MARK_N; m++)
		if (tools & 1u << m && nr_marks[m].kind == NR_MARK_KIND_MALWARE)
			return true;
	return false;
}

static int group_cmp(const struct nr_scan_member *a, const struct nr_scan_member *b)
{
	uint32_t as_a = spreads(a->tools) ? 0 : a->asn, as_b = spreads(b->tools) ? 0 : b->asn;

	if (a->tools != b->tools)
		return a->tools > b->tools ? -1 : 1;
	if (a->proto != b->proto)
		return a->proto - b->proto;
	if (a->port != b->port)
		return a->port - b->port;
	return as_a < as_b ? -1 : as_a > as_b;
}

static int member_cmp(const void *va, const void *vb)
{
	const struct nr_scan_member *a = va, *b = vb;
	int r = group_cmp(a, b);

	if (r != 0)
		return r;
	if (a->packets != b->packets)
		return a->packets > b->packets ? -1 : 1;
	r = nr_ip_cmp(a->ip, b->ip);
	return r != 0 ? r : (a->first > b->first) - (a->first < b->first);
}

static void name_campaign(const struct nr_scan_member *m, const struct nr_origin *origin,
			  struct nr_finding *f)
{
	char tools[64] = "unmarked", place[40] = "", proto[16];
	struct campaign of = { .tools = m->tools };
	struct nr_buf buf;

	nr_buf_init(&buf, sizeof(tools));
	tools_cell(&of, &buf);
	if (buf.n > 0 && buf.err == 0)
		snprintf(tools, sizeof(tools), NR_STR_FMT, NR_STR_ARG(nr_buf_str(&buf)));
	nr_buf_done(&buf);
	if (!spreads(m->tools) && origin->asn != 0)
		snprintf(place, sizeof(place), " AS%u", origin->asn);
	snprintf(proto, sizeof(proto), "%s", nr_proto_name(m->proto));
	if (nr_proto_is_icmp(m->proto))
		snprintf(f->subject, sizeof(f->subject), "%s %s type %u%s", tools, proto,
			 m->port >> 8, place);
	else
		snprintf(f->subject, sizeof(f->subject), "%s %u/%s%s", tools, m->port, proto,
			 place);
}

static void emit_group(const struct nr_scan_member *m, size_t n, const struct nr_detect_env *env,
		       const struct nr_sink *sink)
{
	struct campaign c = { .tools = m->tools,
			      .port = m->port,
			      .proto = m->proto,
			      .monitored = env->monitored_v4 };
	struct nr_origin origin = nr_prefixes_origin(
		env->prefixes, env->prefixes != NULL ? nr_prefixes_find(env->prefixes, m->ip) : 0);
	struct nr_finding f = {
		.detector = "scan.v1",
		.kind = "campaign",
		.sort_ip = m->ip,
		.first = { m->first },
		.last = { m->last },
		.detected = { m->detected },
		.state = NR_FINDING_ENDED,
		.evidence_fields = nr_scan_campaign_fields,
		.n_evidence_fields = NR_SCAN_CAMPAIGN_FIELDS,
		.evidence = &c,
		.evidence_size = sizeof(c),
		.parts = m,
		.n_parts = n,
		.part_size = sizeof(m[0]),
	};

	for (size_t i = 0; i < n; i++) {
		c.sources++;
		c.wide += m[i].level == NR_LEVEL_WIDE;
		c.aggressive += m[i].level == NR_LEVEL_AGGRESSIVE;
		c.confirmed += m[i].certainty == NR_CERTAINTY_CONFIRMED;
		c.packets += m[i].packets;
		c.dst_max = m[i].dst > c.dst_max ? m[i].dst : c.dst_max;
		if (c.n_members < MEMBERS_SHOWN)
			c.members[c.n_members++] = m[i].ip;
		f.first.ns = m[i].first < f.first.ns ? m[i].first : f.first.ns;
		f.last.ns = m[i].last > f.last.ns ? m[i].last : f.last.ns;
		f.detected.ns = m[i].detected < f.detected.ns ? m[i].detected : f.detected.ns;
		if (!m[i].ended)
			f.state = NR_FINDING_CONTINUING;
	}
	name_campaign(m, &origin, &f);
	if (!spreads(m->tools)) {
		f.asn = origin.asn;
		f.as_name = origin.as_name;
		memcpy(f.economy, origin.economy, sizeof(f.economy));
	}
	/* a mark that decides leaves chance out; without one, a wide source may be many things */
	f.confidence = m->tools != 0 ? 0.99 : 0.8;
	f.certainty = c.confirmed == c.sources ? NR_CERTAINTY_CONFIRMED : NR_CERTAINTY_SPOOFABLE;
	snprintf(f.summary, sizeof(f.summary),
		 "%llu source%s (%llu aggressive) scan as %s; one touched %llu addresses.",
		 (unsigned long long)c.sources, c.sources == 1 ? "" : "s",
		 (unsigned long long)c.aggressive, f.subject, (unsigned long long)c.dst_max);
	f.id = nr_finding_id(&f);
	sink->finding(sink->ctx, &f);
}

int nr_scan_campaigns(struct nr_scan_member *members, size_t n, const struct nr_detect_env *env,
		      const struct nr_sink *sink)
{
	if (n == 0 || sink->finding == NULL)
		return 0;
	qsort(members, n, sizeof(members[0]), member_cmp);
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && group_cmp(&members[i], &members[k]) == 0;)
			k++;
		emit_group(&members[i], k - i, env, sink);
	}
	return 0;
}
