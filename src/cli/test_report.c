/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include "base/cmocka.h"

static const char *const hostile[] = {
	"\033[2J\033]8;;http://evil/\007click\033]8;;\007",
	"\302\23331m C1 control",
	"a\r\nforged line",
	"\xe2\x80\xae right to left",
	"狼煙の会社",
	"{0} {1}",
	"\xff\xfe\xfd",
	"very long name that goes on and on without any end in sight so that it must be cut somewhere, surely",
};

struct input {
	struct nr_pipeline_counts counts;
	struct nr_capture_stats capture;
	struct nr_infer_result infer;
	struct nr_nets nets;
	struct nr_summary summary;
	struct nr_report_notes *notes;
	struct nr_tally *tally;
	struct nr_option_list paths;
	struct nr_str path;
	uint64_t levels[NR_LEVEL_N];
	struct nr_report report;
};

static void setup(struct input *in, const char *path)
{
	memset(in, 0, sizeof(*in));
	in->path = nr_str_from(path);
	in->paths = (struct nr_option_list){ .items = &in->path, .n = 1 };
	assert_int_equal(nr_report_notes_new(&in->notes), 0);
	assert_int_equal(nr_tally_new(NULL, &in->tally), 0);
	in->summary = (struct nr_summary){ .counts = &in->counts,
					   .capture = &in->capture,
					   .infer = &in->infer };
	in->report = (struct nr_report){ .summary = &in->summary,
					 .tally = in->tally,
					 .levels = in->levels,
					 .notes = in->notes,
					 .paths = &in->paths };
}

static void teardown(struct input *in)
{
	nr_report_notes_free(in->notes);
	nr_tally_free(in->tally);
}

/* Traffic of two hours, with findings whose names are hostile. */
static void fill(struct input *in)
{
	struct nr_engine_out out = nr_report_notes_out(in->notes);

	in->counts.received = in->summary.received = 7300;
	in->counts.classified = in->summary.classified = 7200;
	in->counts.classes[NR_CLASS_SCAN] = 7200;
	in->counts.dropped[NR_OUTCOME_NOT_IP] = 100;
	in->counts.anomalies[NR_ANOMALY_FRAGMENT] = 3;
	in->summary.last.ns = 7199 * NR_NS_PER_S;
	in->summary.seconds = 7199;
	for (uint32_t i = 0; i < 7200; i++) {
		struct nr_observation obs = { .src = nr_ip_v4(i),
					      .tick = i,
					      .packets = 1,
					      .bytes = 40,
					      .proto = 6,
					      .dport = 23 };

		nr_tally_feed(in->tally, &obs, 1);
	}
	for (size_t i = 0; i < NR_COUNT(hostile); i++) {
		struct nr_source source = { .src = nr_ip_v4(0xcb007100u + (uint32_t)i),
					    .level = NR_LEVEL_WIDE,
					    .packets = 10 + i,
					    .asn = 64500,
					    .as_name = hostile[i],
					    .benign = i % 2 != 0 ? NR_BENIGN_CLAIMED
								 : NR_BENIGN_NONE,
					    .benign_name = hostile[i] };
		struct nr_finding finding = { .detector = "rsdos.v1",
					      .kind = i % 2 != 0 ? "attack" : "infection",
					      .as_name = hostile[i],
					      .asn = 64500,
					      .confidence = 0.9 };

		memcpy(source.economy, "\033\r", 3);
		(void)nr_str_escape(nr_str_from("192.0.2.1"), finding.subject,
				    sizeof(finding.subject));
		memcpy(finding.subject, hostile[i], nr_min_size(strlen(hostile[i]) + 1, 20));
		assert_int_equal(out.source(out.ctx, &source), 0);
		assert_int_equal(out.finding(out.ctx, &finding), 0);
	}
}

/* Every line fits; no byte that a terminal would obey, unless it is a colour of ours. */
static void check(const struct nr_buf *out, const struct nr_term *term)
{
	struct nr_str rest = nr_buf_str(out);

	while (rest.n > 0) {
		struct nr_str line = nr_str_cut(&rest, '\n');
		struct nr_buf plain;

		nr_buf_init(&plain, 1 << 16);
		for (size_t i = 0; i < line.n; i++) {
			if (line.p[i] == '\033') {
				size_t stop = i;

				assert_true(term->color);
				while (stop < line.n && line.p[stop] != 'm')
					stop++;
				assert_true(stop < line.n && stop - i <= 4 && line.p[i + 1] == '[');
				i = stop;
				continue;
			}
			assert_true((uint8_t)line.p[i] >= 0x20 && line.p[i] != 0x7f);
			assert_false((uint8_t)line.p[i] == 0xc2 && i + 1 < line.n &&
				     (uint8_t)line.p[i + 1] < 0xa0);
			nr_buf_add(&plain, line.p + i, 1);
		}
		if (nr_term_columns(nr_buf_str(&plain)) > term->width)
			print_error("too wide: " NR_STR_FMT "\n", NR_STR_ARG(nr_buf_str(&plain)));
		assert_true(nr_term_columns(nr_buf_str(&plain)) <= term->width);
		nr_buf_done(&plain);
	}
}

static void the_report_fits_and_obeys_no_hostile_name(void **state)
{
	static const unsigned widths[] = { 80, 100, 200 };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(widths) * 8; i++) {
		struct nr_term term = { .width = widths[i / 8],
					.lang = i % 2 != 0 ? NR_TERM_JA : NR_TERM_EN,
					.color = i / 2 % 2 != 0,
					.unicode = i / 4 % 2 != 0 || i % 2 != 0 };
		struct input in;
		struct nr_buf out;

		setup(&in, "dir/\033[31mname\r\n.pcap");
		fill(&in);
		nr_buf_init(&out, 1 << 20);
		assert_int_equal(nr_report_print(&in.report, &term, &out), 0);
		check(&out, &term);
		for (size_t c = 0; c < out.n && !term.unicode; c++)
			assert_true(out.p[c] < 0x80);
		nr_buf_done(&out);
		teardown(&in);
	}
}

static void a_narrow_terminal_breaks_nothing(void **state)
{
	struct nr_term term = { .width = 40, .unicode = true };
	struct input in;
	struct nr_buf out;

	(void)state;
	setup(&in, "x.pcap");
	fill(&in);
	nr_buf_init(&out, 1 << 20);
	assert_int_equal(nr_report_print(&in.report, &term, &out), 0);
	check(&out, &term);
	nr_buf_done(&out);
	teardown(&in);
}

static void nothing_received_is_said_in_a_few_lines(void **state)
{
	struct nr_term term = { .width = 80, .unicode = true };
	struct input in;
	struct nr_buf out;

	(void)state;
	setup(&in, "empty.pcap");
	nr_buf_init(&out, 1 << 20);
	assert_int_equal(nr_report_print(&in.report, &term, &out), 0);
	assert_true(nr_str_count(nr_buf_str(&out), '\n') < 8);
	check(&out, &term);
	nr_buf_done(&out);
	teardown(&in);
}

static void take(const struct nr_engine_out *out, uint32_t ip, double rate, const char *kind)
{
	static const struct nr_field fields[] = {
		{ .name = "rate", .type = NR_FIELD_F64, .help = "." },
		{ .name = "rate_hi", .type = NR_FIELD_F64, .help = "." },
	};
	struct nr_finding finding = { .detector = "rsdos.v1",
				      .kind = kind,
				      .sort_ip = nr_ip_v4(ip) };

	(void)nr_ip_print(finding.sort_ip, finding.subject);
	finding.evidence_fields = fields;
	finding.n_evidence_fields = NR_COUNT(fields);
	finding.evidence = &rate;
	finding.evidence_size = sizeof(rate);
	assert_int_equal(out->finding(out->ctx, &finding), 0);
}

static void notes_keep_the_weightiest_and_few_of_a_prefix(void **state)
{
	struct nr_report_notes *notes;

	(void)state;
	assert_int_equal(nr_report_notes_new(&notes), 0);
	struct nr_engine_out out = nr_report_notes_out(notes);

	for (uint32_t i = 0; i < 256; i++)
		take(&out, 0xc0000200u + i, 1000 + i, "attack");
	for (uint32_t i = 0; i < 100; i++)
		take(&out, i << 8, i, "attack");
	const struct nr_note_list *list = &notes->findings[NR_NOTE_ATTACK];

	assert_int_equal(list->seen, 356);
	assert_int_equal(list->n, NR_NOTES_TOP);
	assert_string_equal(list->top[0].subject, "192.0.2.255");
	assert_string_equal(list->top[1].subject, "192.0.2.254");
	assert_string_equal(list->top[2].subject, "0.0.99.0");
	assert_true(list->top[2].weight == 99);
	for (uint32_t i = 0; i < 5; i++)
		take(&out, i, 1, i < 3 ? "carpet" : "something new");
	assert_int_equal(notes->findings[NR_NOTE_CARPET].seen, 3);
	assert_int_equal(notes->findings[NR_NOTE_OTHER].seen, 2);
	assert_null(nr_report_notes_free(notes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_report_fits_and_obeys_no_hostile_name),
		cmocka_unit_test(a_narrow_terminal_breaks_nothing),
		cmocka_unit_test(nothing_received_is_said_in_a_few_lines),
		cmocka_unit_test(notes_keep_the_weightiest_and_few_of_a_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
