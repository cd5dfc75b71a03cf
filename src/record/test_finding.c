/* SPDX-License-Identifier: Apache-2.0 */
#include "record/finding.h"

#include "base/cmocka.h"

struct proof {
	uint64_t packets;
};

static const struct nr_field proof_fields[] = {
	{ .name = "packets",
	  .type = NR_FIELD_U64,
	  .offset = offsetof(struct proof, packets),
	  .help = "Count." },
};

static struct nr_finding sample(const struct proof *proof)
{
	return (struct nr_finding){
		.detector = "rsdos.v1",
		.kind = "attack",
		.subject = "192.0.2.1",
		.confidence = 0.5,
		.first = { INT64_C(1700000000) * NR_NS_PER_S },
		.economy = "JP",
		.summary = "A \"quoted\" sentence",
		.evidence_fields = proof_fields,
		.n_evidence_fields = 1,
		.evidence = proof,
	};
}

static void the_id_follows_from_detector_kind_subject_and_start_alone(void **state)
{
	struct nr_finding a = sample(NULL), b = a;

	(void)state;
	b.confidence = 0.9;
	b.last.ns++;
	assert_true(nr_finding_id(&a) == nr_finding_id(&b));
	assert_true(nr_finding_id(&a) == UINT64_C(0x9a468428f2796ef2)); /* frozen */
	b = a;
	b.first.ns++;
	assert_true(nr_finding_id(&a) != nr_finding_id(&b));
	b = a;
	b.kind = "carpet";
	assert_true(nr_finding_id(&a) != nr_finding_id(&b));
	b = a;
	b.detector = "rsdos.v2";
	assert_true(nr_finding_id(&a) != nr_finding_id(&b));
	b = a;
	b.subject[0] = '2';
	assert_true(nr_finding_id(&a) != nr_finding_id(&b));
}

static void json_is_exactly_this_and_unknown_members_are_absent(void **state)
{
	static const char want[] =
		"{\"record\":\"finding\",\"id\":\"9a468428f2796ef2\",\"detector\":\"rsdos.v1\",\"kind\":\"attack\","
		"\"subject\":\"192.0.2.1\",\"confidence\":0.5,\"certainty\":\"spoofable\",\"state\":\"ended\","
		"\"first\":\"2023-11-14T22:13:20Z\",\"last\":\"1970-01-01T00:00:00Z\","
		"\"detected\":\"1970-01-01T00:00:00Z\",\"economy\":\"JP\","
		"\"summary\":\"A \\\"quoted\\\" sentence\",\"evidence\":{\"packets\":7}}";
	struct proof proof = { .packets = 7 };
	struct nr_finding finding = sample(&proof);
	struct nr_buf out;

	(void)state;
	finding.id = nr_finding_id(&finding);
	nr_buf_init(&out, 1 << 16);
	nr_record_json(&nr_finding_type, &finding, &out);
	nr_buf_add(&out, "", 1);
	assert_int_equal(out.err, 0);
	assert_string_equal((const char *)out.p, want);
	nr_buf_done(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_id_follows_from_detector_kind_subject_and_start_alone),
		cmocka_unit_test(json_is_exactly_this_and_unknown_members_are_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
