/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/summary.h"

#include "record/proto.h"

#define SUM(record) ((const struct nr_summary *)(record))

const char *const nr_infer_verdict_names[] = { "given",	    "inferred", "too_few",   "two_way",
					       "scattered", "sparse",	"not_tried", NULL };

static bool has_time(const void *record)
{
	return SUM(record)->classified > 0;
}

static bool has_monitored(const void *record)
{
	return SUM(record)->has_monitored;
}

static bool has_mdr(const void *record)
{
	return SUM(record)->has_mdr;
}

static bool has_nets(const void *record)
{
	return SUM(record)->nets != NULL;
}

/* {"name": count, ...} of the counts above zero. */
static void counts_json(struct nr_json *j, const char *const *names, const uint64_t *counts,
			size_t n)
{
	nr_json_object(j);
	for (size_t i = 0; i < n; i++) {
		if (counts[i] == 0)
			continue;
		nr_json_key(j, names[i]);
		nr_json_u64(j, counts[i]);
	}
	nr_json_object_end(j);
}

static void counts_cell(struct nr_buf *out, const char *const *names, const uint64_t *counts,
			size_t n)
{
	const char *gap = "";

	for (size_t i = 0; i < n; i++) {
		if (counts[i] == 0)
			continue;
		nr_buf_addf(out, "%s%s:%llu", gap, names[i], (unsigned long long)counts[i]);
		gap = " ";
	}
}

static void dropped_json(const void *record, struct nr_json *j)
{
	counts_json(j, nr_outcome_names, SUM(record)->counts->dropped, NR_OUTCOME_N);
}

static void dropped_cell(const void *record, struct nr_buf *out)
{
	counts_cell(out, nr_outcome_names, SUM(record)->counts->dropped, NR_OUTCOME_N);
}

static void classes_json(const void *record, struct nr_json *j)
{
	counts_json(j, nr_class_names, SUM(record)->counts->classes, NR_CLASS_N);
}

static void classes_cell(const void *record, struct nr_buf *out)
{
	counts_cell(out, nr_class_names, SUM(record)->counts->classes, NR_CLASS_N);
}

static void anomalies_json(const void *record, struct nr_json *j)
{
	counts_json(j, nr_anomaly_names, SUM(record)->counts->anomalies, NR_ANOMALY_N);
}

static void anomalies_cell(const void *record, struct nr_buf *out)
{
	counts_cell(out, nr_anomaly_names, SUM(record)->counts->anomalies, NR_ANOMALY_N);
}

static void tunnels_json(const void *record, struct nr_json *j)
{
	counts_json(j, nr_tunnel_names, SUM(record)->counts->tunnels, NR_TUNNEL_N);
}

static void tunnels_cell(const void *record, struct nr_buf *out)
{
	counts_cell(out, nr_tunnel_names, SUM(record)->counts->tunnels, NR_TUNNEL_N);
}

static void protocols_json(const void *record, struct nr_json *j)
{
	nr_json_object(j);
	for (unsigned i = 0; i < 256; i++) {
		if (SUM(record)->counts->protocols[i] == 0)
			continue;
		nr_json_key(j, nr_proto_name((uint8_t)i));
		nr_json_u64(j, SUM(record)->counts->protocols[i]);
	}
	nr_json_object_end(j);
}

static void protocols_cell(const void *record, struct nr_buf *out)
{
	const char *gap = "";

	for (unsigned i = 0; i < 256; i++) {
		if (SUM(record)->counts->protocols[i] == 0)
			continue;
		nr_buf_addf(out, "%s%s:%llu", gap, nr_proto_name((uint8_t)i),
			    (unsigned long long)SUM(record)->counts->protocols[i]);
		gap = " ";
	}
}

static void links_json(const void *record, struct nr_json *j)
{
	const struct nr_pipeline_counts *counts = SUM(record)->counts;
	char buf[32];

	nr_json_object(j);
	for (unsigned i = 0; i < NR_COUNT(counts->links); i++) {
		if (counts->links[i] == 0)
			continue;
		bool other = i + 1 == NR_COUNT(counts->links);

		nr_json_key(j, other ? "OTHER" : nr_link_name((uint16_t)i, buf, sizeof(buf)));
		nr_json_u64(j, counts->links[i]);
	}
	nr_json_object_end(j);
}

static void links_cell(const void *record, struct nr_buf *out)
{
	const struct nr_pipeline_counts *counts = SUM(record)->counts;
	const char *gap = "";
	char buf[32];

	for (unsigned i = 0; i < NR_COUNT(counts->links); i++) {
		if (counts->links[i] == 0)
			continue;
		bool other = i + 1 == NR_COUNT(counts->links);

		nr_buf_addf(out, "%s%s:%llu", gap,
			    other ? "OTHER" : nr_link_name((uint16_t)i, buf, sizeof(buf)),
			    (unsigned long long)counts->links[i]);
		gap = " ";
	}
}

struct nr_prefix nr_summary_net(const struct nr_nets *nets, size_t i)
{
	if (i >= nets->n_v4)
		return nets->v6[i - nets->n_v4];
	unsigned bits = nets->v4[i].mask == 0 ? 0 : 32 - (unsigned)__builtin_ctz(nets->v4[i].mask);

	return (struct nr_prefix){ nr_ip_v4(nets->v4[i].net), (uint8_t)(96 + bits) };
}

static void nets_json(const void *record, struct nr_json *j)
{
	const struct nr_nets *nets = SUM(record)->nets;
	char text[NR_PREFIX_TEXT];

	nr_json_array(j);
	for (size_t i = 0; i < nets->n_v4 + nets->n_v6; i++)
		nr_json_str(j, (struct nr_str){ text,
						nr_prefix_print(nr_summary_net(nets, i), text) });
	nr_json_array_end(j);
}

static void nets_cell(const void *record, struct nr_buf *out)
{
	const struct nr_nets *nets = SUM(record)->nets;
	char text[NR_PREFIX_TEXT];

	for (size_t i = 0; i < nets->n_v4 + nets->n_v6; i++) {
		nr_buf_add(out, " ", i > 0);
		nr_buf_add(out, text, nr_prefix_print(nr_summary_net(nets, i), text));
	}
}

static const char *verdict_name(const void *record)
{
	return nr_infer_verdict_names[SUM(record)->infer->verdict];
}

static void verdict_json(const void *record, struct nr_json *j)
{
	nr_json_str(j, nr_str_from(verdict_name(record)));
}

static void verdict_cell(const void *record, struct nr_buf *out)
{
	nr_buf_add_str(out, nr_str_from(verdict_name(record)));
}

static const struct {
	const char *name;
	size_t offset;
} capture_names[] = {
	{ "files", offsetof(struct nr_capture_stats, files) },
	{ "files_damaged", offsetof(struct nr_capture_stats, files_damaged) },
	{ "files_skipped", offsetof(struct nr_capture_stats, files_skipped) },
	{ "blocks_skipped", offsetof(struct nr_capture_stats, blocks_skipped) },
	{ "records_refused", offsetof(struct nr_capture_stats, records_refused) },
	{ "frames_oversize", offsetof(struct nr_capture_stats, frames_oversize) },
	{ "kernel_received", offsetof(struct nr_capture_stats, kernel_received) },
	{ "kernel_dropped", offsetof(struct nr_capture_stats, kernel_dropped) },
};

static uint64_t capture_count(const void *record, size_t i)
{
	return *(const uint64_t *)((const char *)SUM(record)->capture + capture_names[i].offset);
}

static void capture_json(const void *record, struct nr_json *j)
{
	nr_json_object(j);
	for (size_t i = 0; i < NR_COUNT(capture_names); i++) {
		nr_json_key(j, capture_names[i].name);
		nr_json_u64(j, capture_count(record, i));
	}
	nr_json_object_end(j);
}

static void capture_cell(const void *record, struct nr_buf *out)
{
	for (size_t i = 0; i < NR_COUNT(capture_names); i++)
		nr_buf_addf(out, "%s%s:%llu", i > 0 ? " " : "", capture_names[i].name,
			    (unsigned long long)capture_count(record, i));
}

#define FIELD(member) offsetof(struct nr_summary, member)
#define COUNTS_SCHEMA \
	"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\",\"minimum\":1}}"

static const struct nr_field fields[] = {
	{ .name = "received",
	  .type = NR_FIELD_U64,
	  .unit = "packets",
	  .offset = FIELD(received),
	  .help = "Frames read. received = classified + the sum of dropped, always." },
	{ .name = "classified",
	  .type = NR_FIELD_U64,
	  .unit = "packets",
	  .offset = FIELD(classified),
	  .help = "Packets that were understood and counted." },
	{ .name = "dropped",
	  .type = NR_FIELD_CUSTOM,
	  .json = dropped_json,
	  .cell = dropped_cell,
	  .schema = COUNTS_SCHEMA,
	  .unit = "packets",
	  .help = "All others, by cause." },
	{ .name = "sources",
	  .type = NR_FIELD_U64,
	  .unit = "records",
	  .offset = FIELD(sources),
	  .help = "Source records; an address that returns after a long silence counts again." },
	{ .name = "flows",
	  .type = NR_FIELD_U64,
	  .unit = "records",
	  .offset = FIELD(flows),
	  .help = "Flow records." },
	{ .name = "findings",
	  .type = NR_FIELD_U64,
	  .unit = "records",
	  .offset = FIELD(findings),
	  .help = "Findings." },
	{ .name = "seconds",
	  .type = NR_FIELD_F64,
	  .unit = "s",
	  .offset = FIELD(seconds),
	  .help = "Time from the first to the last classified packet." },
	{ .name = "first",
	  .type = NR_FIELD_TIME,
	  .offset = FIELD(first),
	  .present = has_time,
	  .help = "Earliest time of a classified packet." },
	{ .name = "last",
	  .type = NR_FIELD_TIME,
	  .offset = FIELD(last),
	  .present = has_time,
	  .help = "Latest time of a classified packet." },
	{ .name = "received_bytes",
	  .type = NR_FIELD_U64,
	  .unit = "bytes",
	  .offset = FIELD(received_bytes),
	  .help = "Bytes of all frames on the wire." },
	{ .name = "classified_bytes",
	  .type = NR_FIELD_U64,
	  .unit = "bytes",
	  .offset = FIELD(classified_bytes),
	  .help = "Bytes of the frames of classified packets." },
	{ .name = "classes",
	  .type = NR_FIELD_CUSTOM,
	  .json = classes_json,
	  .cell = classes_cell,
	  .schema = COUNTS_SCHEMA,
	  .unit = "packets",
	  .help = "Classified packets by class." },
	{ .name = "protocols",
	  .type = NR_FIELD_CUSTOM,
	  .json = protocols_json,
	  .cell = protocols_cell,
	  .schema = COUNTS_SCHEMA,
	  .unit = "packets",
	  .help = "Classified packets by protocol." },
	{ .name = "anomalies",
	  .type = NR_FIELD_CUSTOM,
	  .json = anomalies_json,
	  .cell = anomalies_cell,
	  .schema = COUNTS_SCHEMA,
	  .unit = "packets",
	  .help = "What was odd without stopping dissection." },
	{ .name = "tunnels",
	  .type = NR_FIELD_CUSTOM,
	  .json = tunnels_json,
	  .cell = tunnels_cell,
	  .schema = COUNTS_SCHEMA,
	  .unit = "packets",
	  .help = "Tunnels: named and counted, never entered." },
	{ .name = "links",
	  .type = NR_FIELD_CUSTOM,
	  .json = links_json,
	  .cell = links_cell,
	  .schema = COUNTS_SCHEMA,
	  .unit = "packets",
	  .help = "Frames by link type." },
	{ .name = "capture",
	  .type = NR_FIELD_CUSTOM,
	  .json = capture_json,
	  .cell = capture_cell,
	  .schema =
		  "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\",\"minimum\":0}}",
	  .help = "What the reader met: files, damage, what the kernel dropped." },
	{ .name = "monitored_nets",
	  .type = NR_FIELD_CUSTOM,
	  .json = nets_json,
	  .cell = nets_cell,
	  .present = has_nets,
	  .schema = "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}",
	  .help = "Prefixes taken as monitored." },
	{ .name = "monitored_by",
	  .type = NR_FIELD_CUSTOM,
	  .json = verdict_json,
	  .cell = verdict_cell,
	  .schema =
		  "{\"enum\":[\"given\",\"inferred\",\"too_few\",\"two_way\",\"scattered\",\"sparse\",\"not_tried\"]}",
	  .help = "How they became known (given, inferred), or why they are not." },
	{ .name = "monitored_addresses",
	  .type = NR_FIELD_U64,
	  .unit = "addresses",
	  .offset = FIELD(monitored_v4),
	  .present = has_monitored,
	  .help = "Number N of monitored IPv4 addresses." },
	{ .name = "minimum_rate",
	  .type = NR_FIELD_F64,
	  .unit = "packets/s",
	  .offset = FIELD(mdr),
	  .present = has_mdr,
	  .help = "Least rate at which a victim must answer to be found in minimum_rate_window." },
	{ .name = "minimum_rate_window",
	  .type = NR_FIELD_F64,
	  .unit = "s",
	  .offset = FIELD(mdr_window_s),
	  .present = has_mdr,
	  .help = "Length of the attack that minimum_rate supposes." },
	{ .name = "refused",
	  .type = NR_FIELD_U64,
	  .unit = "entries",
	  .offset = FIELD(refused),
	  .help = "Entries that a full table turned away: above 0, counts of sources are too "
		  "small." },
	{ .name = "prefix_data",
	  .type = NR_FIELD_CSTR,
	  .offset = FIELD(prefix_data),
	  .help = "Version of the prefix data." },
};

const struct nr_record_type nr_summary_type = {
	.name = "summary",
	.help = "What was received and what became of it; the last record, the same whatever "
		"--only prints.",
	.fields = fields,
	.n_fields = NR_COUNT(fields),
};
