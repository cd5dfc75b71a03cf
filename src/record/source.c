/* SPDX-License-Identifier: Apache-2.0 */
#include "record/source.h"

#include "record/field.h"
#include "record/proto.h"

#define SRC(record) ((const struct nr_source *)(record))

const char *const nr_level_names[] = { "probe", "scanner", "wide", "aggressive", NULL };
const char *const nr_certainty_names[] = { "spoofable", "relay", "confirmed", NULL };
const char *const nr_benign_names[] = { "none", "benign_claimed", "benign_ack", NULL };

static const struct {
	uint16_t bit;
	const char *name;
} compat_names[] = {
	{ NR_COMPAT_DURUMERIC, "durumeric" },
	{ NR_COMPAT_MERIT_SPREAD, "merit_spread" },
	{ NR_COMPAT_MERIT_VOLUME, "merit_volume" },
	{ NR_COMPAT_MERIT_PORTS, "merit_ports" },
};

static const char *level_name(uint8_t v)
{
	return v <= NR_LEVEL_AGGRESSIVE ? nr_level_names[v] : "unknown";
}

static const char *certainty_name(uint8_t v)
{
	return v <= NR_CERTAINTY_CONFIRMED ? nr_certainty_names[v] : "unknown";
}

static const char *benign_name(uint8_t v)
{
	return v <= NR_BENIGN_ACK ? nr_benign_names[v] : "unknown";
}

static bool has_benign(const void *record)
{
	return SRC(record)->benign != NR_BENIGN_NONE;
}

static bool has_rate(const void *record)
{
	return SRC(record)->has_rate;
}

static bool has_coverage(const void *record)
{
	return SRC(record)->has_coverage;
}

static bool has_asn(const void *record)
{
	return SRC(record)->asn != 0;
}

static bool has_economy(const void *record)
{
	return SRC(record)->economy[0] != '\0';
}

static bool has_marks(const void *record)
{
	for (size_t i = 0; i < NR_MARK_SLOTS; i++)
		if (SRC(record)->marks[i] != 0)
			return true;
	return false;
}

static void tools_json(const void *record, struct nr_json *j)
{
	nr_json_array(j);
	for (uint8_t i = 0; i < NR_MARK_N; i++)
		if ((SRC(record)->tools >> i & 1) != 0)
			nr_json_str(j, nr_str_from(nr_mark_name(i)));
	nr_json_array_end(j);
}

static void tools_cell(const void *record, struct nr_buf *out)
{
	const char *gap = "";

	for (uint8_t i = 0; i < NR_MARK_N; i++) {
		if ((SRC(record)->tools >> i & 1) == 0)
			continue;
		nr_buf_addf(out, "%s%s", gap, nr_mark_name(i));
		gap = " ";
	}
}

static void marks_json(const void *record, struct nr_json *j)
{
	nr_json_object(j);
	for (uint8_t i = 0; i < NR_MARK_SLOTS; i++) {
		if (SRC(record)->marks[i] == 0)
			continue;
		nr_json_key(j, nr_mark_name(i));
		nr_json_u64(j, SRC(record)->marks[i]);
	}
	nr_json_object_end(j);
}

static void marks_cell(const void *record, struct nr_buf *out)
{
	const char *gap = "";

	for (uint8_t i = 0; i < NR_MARK_SLOTS; i++) {
		if (SRC(record)->marks[i] == 0)
			continue;
		nr_buf_addf(out, "%s%s:%u", gap, nr_mark_name(i), SRC(record)->marks[i]);
		gap = " ";
	}
}

static size_t n_ports(const struct nr_source *source)
{
	return source->n_ports < NR_SOURCE_PORTS ? source->n_ports : NR_SOURCE_PORTS;
}

static void ports_json(const void *record, struct nr_json *j)
{
	nr_json_array(j);
	for (size_t i = 0; i < n_ports(record); i++) {
		const struct nr_source_port *port = &SRC(record)->ports[i];
		bool icmp = nr_proto_is_icmp(port->proto);

		nr_json_object(j);
		nr_json_key(j, "proto");
		nr_json_str(j, nr_str_from(nr_proto_name(port->proto)));
		nr_json_key(j, icmp ? "icmp_type" : "port");
		nr_json_u64(j, icmp ? port->port >> 8 : port->port);
		nr_json_key(j, "packets");
		nr_json_u64(j, port->packets);
		nr_json_object_end(j);
	}
	nr_json_array_end(j);
}

static void ports_cell(const void *record, struct nr_buf *out)
{
	for (size_t i = 0; i < n_ports(record); i++) {
		const struct nr_source_port *port = &SRC(record)->ports[i];

		nr_buf_addf(out, "%s%s/%u:%u", i > 0 ? " " : "", nr_proto_name(port->proto),
			    nr_proto_is_icmp(port->proto) ? port->port >> 8 : port->port,
			    port->packets);
	}
}

static bool has_samples(const void *record)
{
	return SRC(record)->n_samples > 0;
}

static void samples_json(const void *record, struct nr_json *j)
{
	nr_json_array(j);
	for (size_t i = 0; i < SRC(record)->n_samples && i < NR_SOURCE_SAMPLES; i++) {
		const struct nr_sample *sample = SRC(record)->samples[i];

		nr_json_object(j);
		nr_json_key(j, "proto");
		nr_json_str(j, nr_str_from(nr_proto_name(sample->proto)));
		nr_json_key(j, "port");
		nr_json_u64(j, sample->port);
		nr_json_key(j, "payload");
		nr_json_str(j, nr_str_from(nr_payload_name(sample->payload)));
		nr_json_key(j, "bytes");
		nr_json_hex(j, (struct nr_bytes){ sample->bytes, sample->n });
		if (sample->n_name > 0) {
			nr_json_key(j, "name");
			nr_json_str(j, (struct nr_str){ sample->name, sample->n_name });
		}
		nr_json_object_end(j);
	}
	nr_json_array_end(j);
}

static void samples_cell(const void *record, struct nr_buf *out)
{
	for (size_t i = 0; i < SRC(record)->n_samples && i < NR_SOURCE_SAMPLES; i++) {
		const struct nr_sample *sample = SRC(record)->samples[i];

		nr_buf_addf(out, "%s%s/%u:%s", i > 0 ? " " : "", nr_proto_name(sample->proto),
			    sample->port, nr_payload_name(sample->payload));
	}
}

static void economy_json(const void *record, struct nr_json *j)
{
	nr_json_str(j, (struct nr_str){ SRC(record)->economy, strnlen(SRC(record)->economy, 2) });
}

static void economy_cell(const void *record, struct nr_buf *out)
{
	nr_buf_add(out, SRC(record)->economy, strnlen(SRC(record)->economy, 2));
}

static void compat_json(const void *record, struct nr_json *j)
{
	nr_json_array(j);
	for (size_t i = 0; i < NR_COUNT(compat_names); i++)
		if ((SRC(record)->compat & compat_names[i].bit) != 0)
			nr_json_str(j, nr_str_from(compat_names[i].name));
	nr_json_array_end(j);
}

static void compat_cell(const void *record, struct nr_buf *out)
{
	const char *gap = "";

	for (size_t i = 0; i < NR_COUNT(compat_names); i++) {
		if ((SRC(record)->compat & compat_names[i].bit) == 0)
			continue;
		nr_buf_addf(out, "%s%s", gap, compat_names[i].name);
		gap = " ";
	}
}

#define FIELD(member) offsetof(struct nr_source, member)

static const struct nr_field fields[] = {
	{ .name = "src",
	  .type = NR_FIELD_IP,
	  .offset = FIELD(src),
	  .help = "The address. An address is never an actor." },
	{ .name = "level",
	  .type = NR_FIELD_LABEL,
	  .label = level_name,
	  .labels = nr_level_names,
	  .offset = FIELD(level),
	  .help = "How far it went: probe, scanner, wide (large share of the Internet), "
		  "aggressive." },
	{ .name = "tools",
	  .type = NR_FIELD_CUSTOM,
	  .json = tools_json,
	  .cell = tools_cell,
	  .schema = "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true}",
	  .help = "Tools and malware families whose marks decided." },
	{ .name = "class",
	  .type = NR_FIELD_LABEL,
	  .label = nr_class_name,
	  .labels = nr_class_names,
	  .offset = FIELD(traffic_class),
	  .help = "Class of most of its packets." },
	{ .name = "packets",
	  .type = NR_FIELD_U64,
	  .unit = "packets",
	  .offset = FIELD(packets),
	  .help = "Packets it sent to monitored addresses." },
	{ .name = "first",
	  .type = NR_FIELD_TIME,
	  .offset = FIELD(first),
	  .help = "Time of its first packet." },
	{ .name = "last",
	  .type = NR_FIELD_TIME,
	  .offset = FIELD(last),
	  .help = "Time of its last packet." },
	{ .name = "certainty",
	  .type = NR_FIELD_LABEL,
	  .label = certainty_name,
	  .labels = nr_certainty_names,
	  .offset = FIELD(certainty),
	  .help = "How sure it is that this address acted at all." },
	{ .name = "spoof_score",
	  .type = NR_FIELD_F64,
	  .offset = FIELD(spoof_score),
	  .help = "Signs that the address is forged: 0 none, 1 strong." },
	{ .name = "benign",
	  .type = NR_FIELD_LABEL,
	  .label = benign_name,
	  .labels = nr_benign_names,
	  .offset = FIELD(benign),
	  .present = has_benign,
	  .help = "benign_ack: a list of known surveys and its network agree; benign_claimed: the "
		  "list alone." },
	{ .name = "benign_name",
	  .type = NR_FIELD_CSTR,
	  .offset = FIELD(benign_name),
	  .help = "Name of that list." },
	{ .name = "destinations",
	  .type = NR_FIELD_U64,
	  .unit = "addresses",
	  .offset = FIELD(dst_n),
	  .help = "Distinct monitored addresses it touched; an estimate where lo and hi differ." },
	{ .name = "destinations_lo",
	  .type = NR_FIELD_U64,
	  .unit = "addresses",
	  .offset = FIELD(dst_lo),
	  .help = "Lower end of the 95 % interval." },
	{ .name = "destinations_hi",
	  .type = NR_FIELD_U64,
	  .unit = "addresses",
	  .offset = FIELD(dst_hi),
	  .help = "Upper end of the 95 % interval." },
	{ .name = "ports_n",
	  .type = NR_FIELD_U32,
	  .unit = "ports",
	  .offset = FIELD(ports_n),
	  .help = "Distinct pairs of protocol and destination port; an estimate above 8." },
	{ .name = "ports",
	  .type = NR_FIELD_CUSTOM,
	  .json = ports_json,
	  .cell = ports_cell,
	  .schema =
		  "{\"type\":\"array\",\"maxItems\":8,\"items\":{\"type\":\"object\",\"additionalProperties\":false,"
		  "\"required\":[\"proto\",\"packets\"],\"properties\":{\"proto\":{\"type\":\"string\"},"
		  "\"port\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":65535},"
		  "\"icmp_type\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":255},"
		  "\"packets\":{\"type\":\"integer\",\"minimum\":0}}}}",
	  .help = "The destination ports with most packets, at most 8." },
	{ .name = "marks",
	  .type = NR_FIELD_CUSTOM,
	  .json = marks_json,
	  .cell = marks_cell,
	  .present = has_marks,
	  .schema =
		  "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\",\"minimum\":1}}",
	  .help = "Packets that carried each tool mark." },
	{ .name = "payloads",
	  .type = NR_FIELD_CUSTOM,
	  .json = samples_json,
	  .cell = samples_cell,
	  .present = has_samples,
	  .schema =
		  "{\"type\":\"array\",\"maxItems\":4,\"items\":{\"type\":\"object\",\"additionalProperties\":false,"
		  "\"required\":[\"proto\",\"port\",\"payload\",\"bytes\"],\"properties\":{"
		  "\"proto\":{\"type\":\"string\"},\"port\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":65535},"
		  "\"payload\":{\"type\":\"string\"},\"bytes\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]*$\"},"
		  "\"name\":{\"type\":\"string\"}}}}",
	  .help = "First payload it sent to each of its ports, at most 4: what it is, its first 64 bytes in hex, and "
		  "the host name a TLS greeting asks for." },
	{ .name = "rate",
	  .type = NR_FIELD_F64,
	  .unit = "packets/s",
	  .offset = FIELD(rate),
	  .present = has_rate,
	  .help = "Packets it sent to the whole Internet a second, if it scans uniformly." },
	{ .name = "rate_lo",
	  .type = NR_FIELD_F64,
	  .unit = "packets/s",
	  .offset = FIELD(rate_lo),
	  .present = has_rate,
	  .help = "Lower end of the 95 % interval." },
	{ .name = "rate_hi",
	  .type = NR_FIELD_F64,
	  .unit = "packets/s",
	  .offset = FIELD(rate_hi),
	  .present = has_rate,
	  .help = "Upper end of the 95 % interval." },
	{ .name = "coverage",
	  .type = NR_FIELD_F64,
	  .offset = FIELD(coverage),
	  .present = has_coverage,
	  .help = "Share of the monitored addresses it meant to reach." },
	{ .name = "coverage_lo",
	  .type = NR_FIELD_F64,
	  .offset = FIELD(coverage_lo),
	  .present = has_coverage,
	  .help = "Lower end of the 95 % interval." },
	{ .name = "coverage_hi",
	  .type = NR_FIELD_F64,
	  .offset = FIELD(coverage_hi),
	  .present = has_coverage,
	  .help = "Upper end of the 95 % interval." },
	{ .name = "ttl_min",
	  .type = NR_FIELD_U8,
	  .offset = FIELD(ttl_min),
	  .help = "Smallest time to live or hop limit." },
	{ .name = "ttl_max",
	  .type = NR_FIELD_U8,
	  .offset = FIELD(ttl_max),
	  .help = "Largest time to live or hop limit." },
	{ .name = "asn",
	  .type = NR_FIELD_U32,
	  .offset = FIELD(asn),
	  .present = has_asn,
	  .help = "Autonomous system that announces the address." },
	{ .name = "as_name",
	  .type = NR_FIELD_CSTR,
	  .offset = FIELD(as_name),
	  .help = "Name of that system." },
	{ .name = "economy",
	  .type = NR_FIELD_CUSTOM,
	  .json = economy_json,
	  .cell = economy_cell,
	  .present = has_economy,
	  .schema = "{\"type\":\"string\",\"maxLength\":2}",
	  .help = "ISO 3166 alpha-2 code of its economy." },
	{ .name = "compat",
	  .type = NR_FIELD_CUSTOM,
	  .json = compat_json,
	  .cell = compat_cell,
	  .schema =
		  "{\"type\":\"array\",\"items\":{\"enum\":[\"durumeric\",\"merit_spread\",\"merit_volume\","
		  "\"merit_ports\"]}}",
	  .help = "Published definitions of a scan or an aggressive source that it meets." },
};

const struct nr_record_type nr_source_type = {
	.name = "source",
	.help = "What is known of one address that sent to monitored addresses, until it fell "
		"silent.",
	.fields = fields,
	.n_fields = NR_COUNT(fields),
};
