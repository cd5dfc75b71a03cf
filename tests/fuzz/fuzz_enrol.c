/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of enrolment, from the network and from a person: what is taken prints to the same text again. */
#include "record/enrol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_token(struct nr_str text)
{
	struct nr_enrol_token token;
	char out[NR_ENROL_TOKEN];

	if (nr_enrol_token_parse(text, &token) < 0)
		return;
	nr_enrol_token_print(&token, out);
	nr_require(nr_str_eq(text, nr_str_from(out)));
}

static void check_request(struct nr_str text, struct nr_buf *out)
{
	struct nr_enrol_request request;

	if (nr_enrol_request_parse(text, &request) < 0)
		return;
	nr_enrol_request_print(&request, out);
	nr_require(nr_str_eq(text, nr_buf_str(out)));
}

static void check_answer(struct nr_str text, struct nr_buf *out)
{
	struct nr_enrol_answer answer, again;

	if (nr_enrol_answer_parse(text, &answer) < 0)
		return;
	nr_enrol_answer_print(&answer, out); /* a UUID may have been in upper case */
	nr_require(out->n == text.n && nr_enrol_answer_parse(nr_buf_str(out), &again) == 0);
	nr_require(nr_str_eq(answer.ingest, again.ingest) &&
		   nr_uuid_eq(answer.sensor, again.sensor) &&
		   nr_str_eq(answer.certificate, again.certificate) &&
		   nr_str_eq(answer.authority, again.authority));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nr_str text = { (const char *)data, size };
	struct nr_buf out;

	nr_buf_init(&out, 2 * NR_ENROL_TEXT);
	check_token(text);
	check_request(text, &out);
	nr_buf_reset(&out);
	check_answer(text, &out);
	nr_buf_done(&out);
	return 0;
}
