/* SPDX-License-Identifier: Apache-2.0 */
#include "record/finding.h"

#include "base/hash.h"
#include "record/source.h"

static uint64_t text_hash(const char *text, uint64_t seed)
{
	struct nr_hash_key fixed = { { seed, UINT64_C(0x6e6f726f73686921), 0, 0 } };

	return nr_siphash13(&fixed, text, strlen(text));
}

uint64_t nr_finding_id(const struct nr_finding *finding)
{
	uint64_t id = text_hash(finding->detector, 0);

	id = text_hash(finding->kind, id);
	id = text_hash(finding->subject, id);
	return nr_mix64(id ^ nr_mix64((uint64_t)finding->first.ns));
}

static const char *const state_names[] = { "ended", "continuing", "withdrawn", NULL };
static const char *const certainty_names[] = { "spoofable", "relay", "confirmed", NULL };

static const char *state_label(uint8_t value)
{
	return value <= NR_FINDING_WITHDRAWN ? state_names[value] : "unknown";
}

static const char *certainty_label(uint8_t value)
{
	return value <= NR_CERTAINTY_CONFIRMED ? certainty_names[value] : "unknown";
}

static void id_cell(const void *record, struct nr_buf *out)
{
	const struct nr_finding *finding = record;

	nr_buf_addf(out, "%016llx", (unsigned long long)finding->id);
}

static void id_json(const void *record, struct nr_json *j)
{
	static const char digits[] = "0123456789abcdef";
	const struct nr_finding *finding = record;
	char text[16];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = digits[finding->id >> (60 - 4 * i) & 15];
	nr_json_str(j, (struct nr_str){ text, sizeof(text) });
}

static void subject_json(const void *record, struct nr_json *j)
{
	nr_json_str(j, nr_str_from(((const struct nr_finding *)record)->subject));
}

static void subject_cell(const void *record, struct nr_buf *out)
{
	nr_buf_add_str(out, nr_str_from(((const struct nr_finding *)record)->subject));
}

static bool has_asn(const void *record)
{
	return ((const struct nr_finding *)record)->asn != 0;
}

static bool has_economy(const void *record)
{
	return ((const struct nr_finding *)record)->economy[0] != '\0';
}

static void economy_json(const void *record, struct nr_json *j)
{
	nr_json_str(j, nr_str_from(((const struct nr_finding *)record)->economy));
}

static void economy_cell(const void *record, struct nr_buf *out)
{
	nr_buf_add_str(out, nr_str_from(((const struct nr_finding *)record)->economy));
}

static void summary_json(const void *record, struct nr_json *j)
{
	nr_json_str(j, nr_str_from(((const struct nr_finding *)record)->summary));
}

static void summary_cell(const void *record, struct nr_buf *out)
{
	nr_buf_add_str(out, nr_str_from(((const struct nr_finding *)record)->summary));
}

static void evidence_json(const void *record, struct nr_json *j)
{
	const struct nr_finding *finding = record;

	nr_json_object(j);
	if (finding->evidence != NULL)
		nr_fields_json(finding->evidence_fields, finding->n_evidence_fields,
			       finding->evidence, j);
	nr_json_object_end(j);
}

/* A cell holds one value: the same object as text. */
static void evidence_cell(const void *record, struct nr_buf *out)
{
	struct nr_json j;

	nr_json_init(&j, out);
	evidence_json(record, &j);
}

#define AT(member) offsetof(struct nr_finding, member)

static const struct nr_field finding_fields[] = {
	{ .name = "id",
	  .type = NR_FIELD_CUSTOM,
	  .json = id_json,
	  .cell = id_cell,
	  .schema = "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{16}$\"}",
	  .help = "Hash of detector, kind, subject and first: the same input gives the same id anywhere." },
	{ .name = "detector",
	  .type = NR_FIELD_CSTR,
	  .offset = AT(detector),
	  .help = "Name and version of the detector, for example rsdos.v1." },
	{ .name = "kind",
	  .type = NR_FIELD_CSTR,
	  .offset = AT(kind),
	  .help = "What is stated: attack, carpet, infection or campaign." },
	{ .name = "subject",
	  .type = NR_FIELD_CUSTOM,
	  .json = subject_json,
	  .cell = subject_cell,
	  .schema = "{\"type\":\"string\"}",
	  .help = "Whom it is about: an address, a prefix, or the name of a campaign." },
	{ .name = "confidence",
	  .type = NR_FIELD_F64,
	  .offset = AT(confidence),
	  .help = "How sure the detector is of the statement, 0 to 1." },
	{ .name = "certainty",
	  .type = NR_FIELD_LABEL,
	  .offset = AT(certainty),
	  .label = certainty_label,
	  .labels = certainty_names,
	  .help = "How sure it is that the subject's address itself acted; an address is never an actor." },
	{ .name = "state",
	  .type = NR_FIELD_LABEL,
	  .offset = AT(state),
	  .label = state_label,
	  .labels = state_names,
	  .help = "Whether it was over at the end of the input; on line: or withdrawn." },
	{ .name = "first",
	  .type = NR_FIELD_TIME,
	  .offset = AT(first),
	  .help = "First packet of the evidence." },
	{ .name = "last",
	  .type = NR_FIELD_TIME,
	  .offset = AT(last),
	  .help = "Last packet of the evidence." },
	{ .name = "detected",
	  .type = NR_FIELD_TIME,
	  .offset = AT(detected),
	  .help = "Event time at which the rule was first met." },
	{ .name = "asn",
	  .type = NR_FIELD_U32,
	  .offset = AT(asn),
	  .present = has_asn,
	  .help = "Autonomous system that originates the subject's address." },
	{ .name = "as_name",
	  .type = NR_FIELD_CSTR,
	  .offset = AT(as_name),
	  .help = "Name of that system." },
	{ .name = "economy",
	  .type = NR_FIELD_CUSTOM,
	  .json = economy_json,
	  .cell = economy_cell,
	  .present = has_economy,
	  .schema = "{\"type\":\"string\"}",
	  .help = "Economy of the subject's address, ISO 3166 alpha-2." },
	{ .name = "summary",
	  .type = NR_FIELD_CUSTOM,
	  .json = summary_json,
	  .cell = summary_cell,
	  .schema = "{\"type\":\"string\"}",
	  .help = "One sentence for people." },
	{ .name = "evidence",
	  .type = NR_FIELD_CUSTOM,
	  .json = evidence_json,
	  .cell = evidence_cell,
	  .schema = "{\"type\":\"object\"}",
	  .help = "What made the statement; members are those of the detector's own table." },
};

const struct nr_record_type nr_finding_type = {
	.name = "finding",
	.help = "A bounded, actionable statement with the evidence that made it.",
	.fields = finding_fields,
	.n_fields = NR_COUNT(finding_fields),
};
