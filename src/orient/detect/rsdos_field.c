/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/detect/rsdos.h"
#include "record/proto.h"

#define EV(record) ((const struct nr_rsdos_evidence *)(record))
#define AT(member) offsetof(struct nr_rsdos_evidence, member)

static void ports_json(const void *record, struct nr_json *j)
{
	const struct nr_rsdos_evidence *ev = EV(record);

	nr_json_array(j);
	for (size_t i = 0; i < ev->n_ports; i++) {
		nr_json_object(j);
		nr_json_key(j, "proto");
		nr_json_str(j, nr_str_from(nr_proto_name(ev->ports[i].proto)));
		nr_json_key(j, "port");
		nr_json_u64(j, ev->ports[i].port);
		nr_json_key(j, "packets");
		nr_json_u64(j, ev->ports[i].packets);
		nr_json_object_end(j);
	}
	nr_json_array_end(j);
}

static void ports_cell(const void *record, struct nr_buf *out)
{
	const struct nr_rsdos_evidence *ev = EV(record);

	for (size_t i = 0; i < ev->n_ports; i++)
		nr_buf_addf(out, "%s%s/%u", i > 0 ? " " : "", nr_proto_name(ev->ports[i].proto),
			    ev->ports[i].port);
}

static void flag_json(struct nr_json *j, const void *record, enum nr_rsdos_flag flag)
{
	nr_json_bool(j, (EV(record)->flags & flag) != 0);
}
static void flag_cell(struct nr_buf *out, const void *record, enum nr_rsdos_flag flag)
{
	nr_buf_add_str(out, nr_str_from((EV(record)->flags & flag) ? "true" : "false"));
}

static void moore_json(const void *record, struct nr_json *j)
{
	flag_json(j, record, NR_RSDOS_MOORE);
}
static void moore_cell(const void *record, struct nr_buf *out)
{
	flag_cell(out, record, NR_RSDOS_MOORE);
}
static void uniform_json(const void *record, struct nr_json *j)
{
	flag_json(j, record, NR_RSDOS_UNIFORM);
}
static void uniform_cell(const void *record, struct nr_buf *out)
{
	flag_cell(out, record, NR_RSDOS_UNIFORM);
}
static void ext_json(const void *record, struct nr_json *j)
{
	flag_json(j, record, NR_RSDOS_UDP_EXT);
}
static void ext_cell(const void *record, struct nr_buf *out)
{
	flag_cell(out, record, NR_RSDOS_UDP_EXT);
}
static void quoted_json(const void *record, struct nr_json *j)
{
	flag_json(j, record, NR_RSDOS_QUOTED);
}
static void quoted_cell(const void *record, struct nr_buf *out)
{
	flag_cell(out, record, NR_RSDOS_QUOTED);
}

static void rule_json(const void *record, struct nr_json *j)
{
	(void)record;
	nr_json_str(j, NR_STR(NR_RSDOS_RULE));
}
static void rule_cell(const void *record, struct nr_buf *out)
{
	(void)record;
	nr_buf_add_str(out, NR_STR(NR_RSDOS_RULE));
}

static bool has_victims(const void *record)
{
	return EV(record)->victims > 0;
}
static bool has_rate(const void *record)
{
	return EV(record)->has_rate;
}
static bool has_monitored(const void *record)
{
	return EV(record)->monitored > 0;
}

#define BOOLEAN "{\"type\":\"boolean\"}"

const struct nr_field nr_rsdos_fields[] = {
	{ .name = "packets",
	  .type = NR_FIELD_U64,
	  .unit = "packets",
	  .offset = AT(packets),
	  .help = "Answers of the victim that reached monitored addresses." },
	{ .name = "flows",
	  .type = NR_FIELD_U64,
	  .offset = AT(flows),
	  .help = "Different (address, ports) answered; retransmissions count once; an estimate above 64." },
	{ .name = "destinations",
	  .type = NR_FIELD_U64,
	  .unit = "addresses",
	  .offset = AT(destinations),
	  .help = "Different monitored addresses answered; an estimate above 64." },
	{ .name = "victims",
	  .type = NR_FIELD_U32,
	  .unit = "addresses",
	  .offset = AT(victims),
	  .present = has_victims,
	  .help = "Carpet: victims that answered at least two addresses, at once." },
	{ .name = "ports",
	  .type = NR_FIELD_CUSTOM,
	  .json = ports_json,
	  .cell = ports_cell,
	  .schema =
		  "{\"type\":\"array\",\"maxItems\":4,\"items\":{\"type\":\"object\",\"properties\":{"
		  "\"proto\":{\"type\":\"string\"},\"port\":{\"type\":\"integer\"},"
		  "\"packets\":{\"type\":\"integer\"}},\"required\":[\"proto\",\"port\",\"packets\"],"
		  "\"additionalProperties\":false}}",
	  .help = "Attacked protocols and ports of the victim, most packets first; port 0 for ICMP." },
	{ .name = "more_ports",
	  .type = NR_FIELD_BOOL,
	  .offset = AT(more_ports),
	  .help = "More ports than those named were attacked." },
	{ .name = "duration",
	  .type = NR_FIELD_F64,
	  .unit = "s",
	  .offset = AT(duration_s),
	  .help = "From the first answer to the last." },
	{ .name = "ppm_max",
	  .type = NR_FIELD_U32,
	  .unit = "packets/min",
	  .offset = AT(ppm_max),
	  .help = "Most answers within 60 s, the window moving by 10 s." },
	{ .name = "rate_lo",
	  .type = NR_FIELD_F64,
	  .unit = "packets/s",
	  .offset = AT(rate_lo),
	  .present = has_rate,
	  .help = "Lower 95 % bound of the victim's answers to all of IPv4." },
	{ .name = "rate",
	  .type = NR_FIELD_F64,
	  .unit = "packets/s",
	  .offset = AT(rate),
	  .present = has_rate,
	  .help = "The victim's answers to all of IPv4: a lower bound of the attack." },
	{ .name = "rate_hi",
	  .type = NR_FIELD_F64,
	  .unit = "packets/s",
	  .offset = AT(rate_hi),
	  .present = has_rate,
	  .help = "Upper 95 % bound of the victim's answers to all of IPv4." },
	{ .name = "p_log10",
	  .type = NR_FIELD_F64,
	  .offset = AT(p_log10),
	  .help = "log10 of the chance of so many answers from the background." },
	{ .name = "background",
	  .type = NR_FIELD_F64,
	  .unit = "packets/s",
	  .offset = AT(background),
	  .help = "Repeated answers expected of such an address (port class, AS) without an attack." },
	{ .name = "uniform_p",
	  .type = NR_FIELD_F64,
	  .offset = AT(uniform_p),
	  .help = "Chi square p-value of the places of the destinations among the monitored addresses." },
	{ .name = "port_entropy",
	  .type = NR_FIELD_F64,
	  .unit = "bits",
	  .offset = AT(entropy),
	  .help = "Entropy of the answered ports in the sample of at most 64 flows." },
	{ .name = "spoof_uniform",
	  .type = NR_FIELD_CUSTOM,
	  .json = uniform_json,
	  .cell = uniform_cell,
	  .schema = BOOLEAN,
	  .help = "Destinations are as many and as spread as uniform forging makes them." },
	{ .name = "moore_compat",
	  .type = NR_FIELD_CUSTOM,
	  .json = moore_json,
	  .cell = moore_cell,
	  .schema = BOOLEAN,
	  .help = "The rule of Moore et al. (Corsaro: 25 packets, 60 s, 30 in 60 s) is met too." },
	{ .name = "udp_ext",
	  .type = NR_FIELD_CUSTOM,
	  .json = ext_json,
	  .cell = ext_cell,
	  .schema = BOOLEAN,
	  .help = "Answers of UDP services other than DNS are counted, which published rules leave out." },
	{ .name = "quoted",
	  .type = NR_FIELD_CUSTOM,
	  .json = quoted_json,
	  .cell = quoted_cell,
	  .schema = BOOLEAN,
	  .help = "ICMP errors quoted the forged packets: protocol and port of the attack are exact." },
	{ .name = "monitored",
	  .type = NR_FIELD_U64,
	  .unit = "addresses",
	  .offset = AT(monitored),
	  .present = has_monitored,
	  .help = "N, the IPv4 addresses monitored." },
	{ .name = "window",
	  .type = NR_FIELD_F64,
	  .unit = "s",
	  .offset = AT(window_s),
	  .help = "w of the minimum detectable rate: the duration within 60 to 300 s." },
	{ .name = "mdr",
	  .type = NR_FIELD_F64,
	  .unit = "packets/s",
	  .offset = AT(mdr),
	  .present = has_monitored,
	  .help = "Minimum detectable rate of a victim for attacks of length w here." },
	{ .name = "rule",
	  .type = NR_FIELD_CUSTOM,
	  .json = rule_json,
	  .cell = rule_cell,
	  .schema = "{\"type\":\"string\"}",
	  .help = "Version of the rule and its constants." },
};

_Static_assert(NR_COUNT(nr_rsdos_fields) == NR_RSDOS_N_FIELDS, "rsdos.h counts the rows");
