/* SPDX-License-Identifier: Apache-2.0 */
#include "record/observation.h"

#include "base/digits.h"
#include "record/field.h"
#include "record/proto.h"

#define OBS(record) ((const struct nr_observation *)(record))

static bool has_icmp(const void *record)
{
	return nr_proto_is_icmp(OBS(record)->proto);
}

static bool has_ports(const void *record)
{
	return nr_proto_has_ports(OBS(record)->proto) ||
	       (!has_icmp(record) && (OBS(record)->sport | OBS(record)->dport) != 0);
}

static bool has_tcp(const void *record)
{
	return OBS(record)->proto == NR_PROTO_TCP;
}

static bool has_options(const void *record)
{
	return OBS(record)->opt_hash != 0;
}

static bool has_payload(const void *record)
{
	return OBS(record)->payload != NR_PAYLOAD_NONE;
}

static bool has_payload_hash(const void *record)
{
	return OBS(record)->payload_hash != 0;
}

static bool has_marks(const void *record)
{
	for (size_t i = 0; i < NR_MARK_SLOTS; i++)
		if (OBS(record)->marks[i] != 0)
			return true;
	return false;
}

static bool has_quoted(const void *record)
{
	return (OBS(record)->flags & NR_OBS_QUOTED) != 0;
}

static bool has_flags(const void *record)
{
	return (OBS(record)->flags &
		(NR_OBS_LATE | NR_OBS_FRAGMENT | NR_OBS_ODD | NR_OBS_MINUTE)) != 0;
}

static void time_cell(struct nr_time t, struct nr_buf *out)
{
	char text[NR_TIME_TEXT];

	nr_buf_add(out, text, nr_time_print(t, text));
}

static void first_json(const void *record, struct nr_json *j)
{
	nr_json_time(j, nr_observation_time(record, OBS(record)->first));
}

static void first_cell(const void *record, struct nr_buf *out)
{
	time_cell(nr_observation_time(record, OBS(record)->first), out);
}

static void last_json(const void *record, struct nr_json *j)
{
	nr_json_time(j, nr_observation_time(record, OBS(record)->last));
}

static void last_cell(const void *record, struct nr_buf *out)
{
	time_cell(nr_observation_time(record, OBS(record)->last), out);
}

static void icmp_type_json(const void *record, struct nr_json *j)
{
	nr_json_u64(j, OBS(record)->dport >> 8);
}

static void icmp_code_json(const void *record, struct nr_json *j)
{
	nr_json_u64(j, OBS(record)->dport & 255);
}

static void number_cell(struct nr_buf *out, unsigned v)
{
	char text[NR_DIGITS_U64];

	nr_buf_add(out, text, (size_t)(nr_digits_u64(text, v) - text));
}

static void icmp_type_cell(const void *record, struct nr_buf *out)
{
	number_cell(out, OBS(record)->dport >> 8);
}

static void icmp_code_cell(const void *record, struct nr_buf *out)
{
	number_cell(out, OBS(record)->dport & 255);
}

/* One letter a flag, in the order of the bits: FSRPAUEC. */
static struct nr_str flag_letters(uint8_t flags, char text[8])
{
	size_t n = 0;

	for (unsigned bit = 0; bit < 8; bit++)
		if ((flags >> bit & 1) != 0)
			text[n++] = "FSRPAUEC"[bit];
	return (struct nr_str){ text, n };
}

static void tcp_flags_json(const void *record, struct nr_json *j)
{
	char text[8];

	nr_json_str(j, flag_letters(OBS(record)->tcp_flags, text));
}

static void tcp_flags_cell(const void *record, struct nr_buf *out)
{
	char text[8];

	nr_buf_add_str(out, flag_letters(OBS(record)->tcp_flags, text));
}

static void marks_json(const void *record, struct nr_json *j)
{
	nr_json_object(j);
	for (uint8_t i = 0; i < NR_MARK_SLOTS; i++) {
		if (OBS(record)->marks[i] == 0)
			continue;
		nr_json_key(j, nr_mark_name(i));
		nr_json_u64(j, OBS(record)->marks[i]);
	}
	nr_json_object_end(j);
}

static void marks_cell(const void *record, struct nr_buf *out)
{
	const char *gap = "";

	for (uint8_t i = 0; i < NR_MARK_SLOTS; i++) {
		if (OBS(record)->marks[i] == 0)
			continue;
		nr_buf_addf(out, "%s%s:%u", gap, nr_mark_name(i), OBS(record)->marks[i]);
		gap = " ";
	}
}

static void quoted_json(const void *record, struct nr_json *j)
{
	nr_json_object(j);
	nr_json_key(j, "dst");
	nr_json_ip(j, OBS(record)->quoted_dst);
	nr_json_key(j, "proto");
	nr_json_str(j, nr_str_from(nr_proto_name(OBS(record)->quoted_proto)));
	if (nr_proto_has_ports(OBS(record)->quoted_proto)) {
		nr_json_key(j, "dport");
		nr_json_u64(j, OBS(record)->quoted_dport);
	}
	nr_json_object_end(j);
}

static void quoted_cell(const void *record, struct nr_buf *out)
{
	char text[NR_IP_TEXT];

	nr_buf_add(out, text, nr_ip_print(OBS(record)->quoted_dst, text));
	nr_buf_addf(out, " %s", nr_proto_name(OBS(record)->quoted_proto));
	if (nr_proto_has_ports(OBS(record)->quoted_proto))
		nr_buf_addf(out, "/%u", OBS(record)->quoted_dport);
}

static const struct {
	uint8_t bit;
	const char *name;
} flag_names[] = { { NR_OBS_LATE, "late" },
		   { NR_OBS_FRAGMENT, "fragment" },
		   { NR_OBS_ODD, "odd" },
		   { NR_OBS_MINUTE, "minute" } };

static void flags_json(const void *record, struct nr_json *j)
{
	nr_json_array(j);
	for (size_t i = 0; i < NR_COUNT(flag_names); i++)
		if ((OBS(record)->flags & flag_names[i].bit) != 0)
			nr_json_str(j, nr_str_from(flag_names[i].name));
	nr_json_array_end(j);
}

static void flags_cell(const void *record, struct nr_buf *out)
{
	const char *gap = "";

	for (size_t i = 0; i < NR_COUNT(flag_names); i++) {
		if ((OBS(record)->flags & flag_names[i].bit) == 0)
			continue;
		nr_buf_addf(out, "%s%s", gap, flag_names[i].name);
		gap = " ";
	}
}

#define FIELD(member) offsetof(struct nr_observation, member)
#define PORT_SCHEMA   "{\"type\":\"integer\",\"minimum\":0,\"maximum\":65535}"

static const struct nr_field fields[] = {
	{ .name = "src", .type = NR_FIELD_IP, .offset = FIELD(src), .help = "Address that sent." },
	{ .name = "dst",
	  .type = NR_FIELD_IP,
	  .offset = FIELD(dst),
	  .help = "Address it was sent to." },
	{ .name = "proto",
	  .type = NR_FIELD_LABEL,
	  .label = nr_proto_name,
	  .offset = FIELD(proto),
	  .help = "Protocol by its short name (tcp, udp, icmp, icmp6, ...), or its number in "
		  "digits." },
	{ .name = "sport",
	  .type = NR_FIELD_U16,
	  .offset = FIELD(sport),
	  .present = has_ports,
	  .help = "Source port." },
	{ .name = "dport",
	  .type = NR_FIELD_U16,
	  .offset = FIELD(dport),
	  .present = has_ports,
	  .help = "Destination port." },
	{ .name = "icmp_type",
	  .type = NR_FIELD_CUSTOM,
	  .present = has_icmp,
	  .json = icmp_type_json,
	  .cell = icmp_type_cell,
	  .schema = "{\"type\":\"integer\",\"minimum\":0,\"maximum\":255}",
	  .help = "ICMP or ICMPv6 type." },
	{ .name = "icmp_code",
	  .type = NR_FIELD_CUSTOM,
	  .present = has_icmp,
	  .json = icmp_code_json,
	  .cell = icmp_code_cell,
	  .schema = "{\"type\":\"integer\",\"minimum\":0,\"maximum\":255}",
	  .help = "ICMP or ICMPv6 code." },
	{ .name = "packets",
	  .type = NR_FIELD_U32,
	  .unit = "packets",
	  .offset = FIELD(packets),
	  .help = "Packets of this flow in this second (or minute)." },
	{ .name = "bytes",
	  .type = NR_FIELD_U64,
	  .unit = "bytes",
	  .offset = FIELD(bytes),
	  .help = "Sum of their IP total lengths." },
	{ .name = "first",
	  .type = NR_FIELD_CUSTOM,
	  .json = first_json,
	  .cell = first_cell,
	  .schema = "{\"type\":\"string\",\"format\":\"date-time\"}",
	  .help = "Time of the first packet." },
	{ .name = "last",
	  .type = NR_FIELD_CUSTOM,
	  .json = last_json,
	  .cell = last_cell,
	  .schema = "{\"type\":\"string\",\"format\":\"date-time\"}",
	  .help = "Time of the last packet." },
	{ .name = "class",
	  .type = NR_FIELD_LABEL,
	  .label = nr_class_name,
	  .labels = nr_class_names,
	  .offset = FIELD(traffic_class),
	  .help = "What the packets mean to an unused address." },
	{ .name = "tcp_flags",
	  .type = NR_FIELD_CUSTOM,
	  .present = has_tcp,
	  .json = tcp_flags_json,
	  .cell = tcp_flags_cell,
	  .schema = "{\"type\":\"string\",\"pattern\":\"^F?S?R?P?A?U?E?C?$\"}",
	  .help = "Flags seen in any packet: F fin, S syn, R rst, P psh, A ack, U urg, E ece, C "
		  "cwr." },
	{ .name = "ttl_min",
	  .type = NR_FIELD_U8,
	  .offset = FIELD(ttl_min),
	  .help = "Smallest time to live or hop limit." },
	{ .name = "ttl_max",
	  .type = NR_FIELD_U8,
	  .offset = FIELD(ttl_max),
	  .help = "Largest time to live or hop limit." },
	{ .name = "window",
	  .type = NR_FIELD_U16,
	  .offset = FIELD(window),
	  .present = has_tcp,
	  .help = "TCP window of the first packet, not scaled." },
	{ .name = "opt_hash",
	  .type = NR_FIELD_HEX32,
	  .offset = FIELD(opt_hash),
	  .present = has_options,
	  .help = "Hash of the TCP option kinds and lengths of the first packet." },
	{ .name = "payload",
	  .type = NR_FIELD_LABEL,
	  .label = nr_payload_name,
	  .labels = nr_payload_names,
	  .offset = FIELD(payload),
	  .present = has_payload,
	  .help = "What the payload is by its content, never by its port." },
	{ .name = "payload_hash",
	  .type = NR_FIELD_HEX32,
	  .offset = FIELD(payload_hash),
	  .present = has_payload_hash,
	  .help = "Hash of the first payload bytes." },
	{ .name = "marks",
	  .type = NR_FIELD_CUSTOM,
	  .present = has_marks,
	  .json = marks_json,
	  .cell = marks_cell,
	  .schema = "{\"type\":\"object\",\"minProperties\":1,\"additionalProperties\":"
		    "{\"type\":\"integer\",\"minimum\":1,\"maximum\":255}}",
	  .help = "Packets that carried each tool mark; 255 means 255 or more." },
	{ .name = "quoted",
	  .type = NR_FIELD_CUSTOM,
	  .present = has_quoted,
	  .json = quoted_json,
	  .cell = quoted_cell,
	  .schema =
		  "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"dst\",\"proto\"],"
		  "\"properties\":{\"dst\":{\"type\":\"string\"},\"proto\":{\"type\":\"string\"},"
		  "\"dport\":" PORT_SCHEMA "}}",
	  .help = "The packet an ICMP error quotes: whom a forged packet in our name was sent "
		  "to." },
	{ .name = "flags",
	  .type = NR_FIELD_CUSTOM,
	  .present = has_flags,
	  .json = flags_json,
	  .cell = flags_cell,
	  .schema =
		  "{\"type\":\"array\",\"items\":{\"enum\":[\"late\",\"fragment\",\"odd\",\"minute\"]}}",
	  .help = "late: came after its second was closed; fragment, odd: at least one packet "
		  "was; minute: the sum of a minute, not of a second." },
};

const struct nr_record_type nr_observation_type = {
	.name = "flow",
	.help = "What one source sent to one address, port and class in one second of event time, "
		"or in one minute.",
	.fields = fields,
	.n_fields = NR_COUNT(fields),
};
