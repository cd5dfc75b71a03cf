/* SPDX-License-Identifier: Apache-2.0 */
#include "record/message.h"

#include <stdlib.h>

#include "base/cmocka.h"

static const uint8_t payload[] = "a payload";
static const uint8_t pem[] = "-----BEGIN";

static struct nr_digest digest_of(uint8_t first)
{
	struct nr_digest digest;

	for (size_t i = 0; i < sizeof(digest.b); i++)
		digest.b[i] = (uint8_t)(first + i);
	return digest;
}

/* One of each, no field zero, no two alike. */
static size_t samples(struct nr_message out[NR_MESSAGE_RENEWED])
{
	struct nr_message all[] = {
		{ .type = NR_MESSAGE_HELLO, .hello = { "noroshi-sensor 0.1.0", 1, 2, -3 } },
		{ .type = NR_MESSAGE_WELCOME, .welcome = { 1, 2, digest_of(3), -4, 1000, 5000 } },
		{ .type = NR_MESSAGE_BATCH,
		  .batch = { 1, 2, digest_of(3), 4, { payload, sizeof(payload) } } },
		{ .type = NR_MESSAGE_GAP,
		  .gap = { 1, 2, 3, digest_of(4), 5, 6, -7, 8, NR_GAP_SPOOL_FULL } },
		{ .type = NR_MESSAGE_BEAT,
		  .beat = { 1, 2, INT64_MIN, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 1 } },
		{ .type = NR_MESSAGE_BEAT_BACK, .beat_back = { 1, -2, 3 } },
		{ .type = NR_MESSAGE_ACK, .ack = { 1, UINT64_MAX } },
		{ .type = NR_MESSAGE_REFUSE, .refuse = { NR_REFUSE_CONFLICT, 2, 3, 4, "words" } },
		{ .type = NR_MESSAGE_RENEW, .pem = { { pem, sizeof(pem) - 1 } } },
		{ .type = NR_MESSAGE_RENEWED, .pem = { { pem, sizeof(pem) - 1 } } },
	};

	memcpy(out, all, sizeof(all));
	return NR_COUNT(all);
}

static size_t write_one(const struct nr_message *message, struct nr_buf *out)
{
	nr_buf_reset(out);
	assert_int_equal(nr_message_write(message, out), 0);
	return out->n;
}

static void every_message_comes_back(void **state)
{
	struct nr_message all[NR_MESSAGE_RENEWED], back;
	struct nr_buf out, again;
	size_t n = samples(all);

	(void)state;
	nr_buf_init(&out, 1 << 20);
	nr_buf_init(&again, 1 << 20);
	for (size_t i = 0; i < n; i++) {
		uint8_t type = 0;
		uint32_t length = 0;

		write_one(&all[i], &out);
		assert_int_equal(nr_message_head(out.p, &type, &length, NULL), 0);
		assert_int_equal(type, all[i].type);
		assert_int_equal(length, out.n - NR_MESSAGE_HEAD);
		assert_int_equal(
			nr_message_read(type, (struct nr_bytes){ out.p + NR_MESSAGE_HEAD, length },
					&back, NULL),
			0);
		write_one(&back, &again);
		assert_int_equal(out.n, again.n);
		assert_memory_equal(out.p, again.p, out.n);
	}
	nr_buf_done(&out);
	nr_buf_done(&again);
}

static void a_message_cut_or_lengthened_is_damaged(void **state)
{
	struct nr_message all[NR_MESSAGE_RENEWED], back;
	size_t n = samples(all);
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 1 << 20);
	for (size_t i = 0; i < n; i++) {
		size_t size = write_one(&all[i], &out) - NR_MESSAGE_HEAD;
		bool text = all[i].type == NR_MESSAGE_HELLO || all[i].type == NR_MESSAGE_BATCH ||
			    all[i].type == NR_MESSAGE_REFUSE || all[i].type >= NR_MESSAGE_RENEW;
		uint8_t *exact = malloc(size + 1); /* ASan sees a read behind it */

		assert_non_null(exact);
		memcpy(exact, out.p + NR_MESSAGE_HEAD, size);
		for (size_t cut = 0; cut < size; cut++) {
			int ret = nr_message_read(all[i].type, (struct nr_bytes){ exact, cut },
						  &back, NULL);

			assert_true(ret == NR_EDAMAGED || (text && ret == 0));
		}
		exact[size] = 0;
		if (all[i].type != NR_MESSAGE_BATCH) /* its payload is anybody's */
			assert_int_equal(nr_message_read(all[i].type,
							 (struct nr_bytes){ exact, size + 1 },
							 &back, NULL),
					 NR_EDAMAGED);
		free(exact);
	}
	nr_buf_done(&out);
}

static void a_head_is_judged_before_anybody_waits(void **state)
{
	static const struct {
		uint8_t head[NR_MESSAGE_HEAD];
		int ret;
	} cases[] = {
		{ { 16, 0, 0, 0, 1, NR_MESSAGE_ACK, 0, 0 }, 0 },
		{ { 15, 0, 0, 0, 1, NR_MESSAGE_ACK, 0, 0 }, NR_EFORMAT },
		{ { 17, 0, 0, 0, 1, NR_MESSAGE_ACK, 0, 0 }, NR_ELIMIT },
		{ { 16, 0, 0, 0, 0, NR_MESSAGE_ACK, 0, 0 }, NR_EFORMAT },
		{ { 16, 0, 0, 0, 2, NR_MESSAGE_ACK, 0, 0 }, NR_EVERSION },
		{ { 16, 0, 0, 0, 1, 0, 0, 0 }, NR_EFORMAT },
		{ { 16, 0, 0, 0, 1, NR_MESSAGE_RENEWED + 1, 0, 0 }, NR_EFORMAT },
		{ { 16, 0, 0, 0, 1, 255, 0, 0 }, NR_EFORMAT },
		{ { 16, 0, 0, 0, 1, NR_MESSAGE_ACK, 1, 0 }, NR_EFORMAT },
		{ { 16, 0, 0, 0, 1, NR_MESSAGE_ACK, 0, 1 }, NR_EFORMAT },
		{ { 0, 0, 0, 0, 1, NR_MESSAGE_RENEW, 0, 0 }, NR_EFORMAT },
		{ { 0, 128, 0, 0, 1, NR_MESSAGE_RENEW, 0, 0 }, 0 },
		{ { 1, 128, 0, 0, 1, NR_MESSAGE_RENEW, 0, 0 }, NR_ELIMIT },
		{ { 56, 0, 0, 1, 1, NR_MESSAGE_BATCH, 0, 0 }, 0 },
		{ { 57, 0, 0, 1, 1, NR_MESSAGE_BATCH, 0, 0 }, NR_ELIMIT },
		{ { 255, 255, 255, 255, 1, NR_MESSAGE_BATCH, 0, 0 }, NR_ELIMIT },
	};
	struct nr_err err;
	uint32_t length;
	uint8_t type;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++)
		assert_int_equal(nr_message_head(cases[i].head, &type, &length, &err),
				 cases[i].ret);
}

static void values_that_cannot_be_are_refused(void **state)
{
	static const struct nr_message bad[] = {
		{ .type = NR_MESSAGE_BATCH, .batch = { .epoch = 0, .seq = 1 } },
		{ .type = NR_MESSAGE_BATCH, .batch = { .epoch = 1, .seq = 0 } },
		{ .type = NR_MESSAGE_BATCH, .batch = { .epoch = 1, .seq = UINT64_C(1) << 63 } },
		{ .type = NR_MESSAGE_GAP, .gap = { 0, 1, 1, .reason = 1 } },
		{ .type = NR_MESSAGE_GAP, .gap = { 1, 0, 1, .reason = 1 } },
		{ .type = NR_MESSAGE_GAP, .gap = { 1, 2, 1, .reason = 1 } },
		{ .type = NR_MESSAGE_GAP, .gap = { 1, 1, UINT64_MAX, .reason = 1 } },
		{ .type = NR_MESSAGE_GAP, .gap = { 1, 1, 1, .reason = 0 } },
		{ .type = NR_MESSAGE_GAP, .gap = { 1, 1, 1, .reason = 4 } },
		{ .type = NR_MESSAGE_BEAT, .beat = { .unsafe = 2 } },
		{ .type = NR_MESSAGE_REFUSE, .refuse = { .why = 0 } },
		{ .type = NR_MESSAGE_REFUSE, .refuse = { .why = NR_REFUSE_STOPPING + 1 } },
		{ .type = NR_MESSAGE_RENEW, .pem = { { (const uint8_t *)"a\0b", 3 } } },
	};
	struct nr_message back;
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 4096);
	for (size_t i = 0; i < NR_COUNT(bad); i++) {
		size_t n = write_one(&bad[i], &out) - NR_MESSAGE_HEAD;

		assert_int_equal(nr_message_read(bad[i].type,
						 (struct nr_bytes){ out.p + NR_MESSAGE_HEAD, n },
						 &back, NULL),
				 NR_EDAMAGED);
	}
	nr_buf_done(&out);
}

static void texts_carry_nothing_that_moves_a_cursor(void **state)
{
	struct nr_message hello = { .type = NR_MESSAGE_HELLO,
				    .hello = { .program = "a\x1b[2J\r\nb\x7f" } },
			  back;
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 4096);
	write_one(&hello, &out);
	assert_int_equal(nr_message_read(NR_MESSAGE_HELLO,
					 (struct nr_bytes){ out.p + NR_MESSAGE_HEAD,
							    out.n - NR_MESSAGE_HEAD },
					 &back, NULL),
			 0);
	assert_string_equal(back.hello.program, "a?[2J??b?");
	out.p[out.n - 1] = '\x1b'; /* from one who does not replace */
	assert_int_equal(nr_message_read(NR_MESSAGE_HELLO,
					 (struct nr_bytes){ out.p + NR_MESSAGE_HEAD,
							    out.n - NR_MESSAGE_HEAD },
					 &back, NULL),
			 NR_EDAMAGED);
	memset(hello.hello.program, 'x', sizeof(hello.hello.program)); /* and no NUL */
	write_one(&hello, &out);
	assert_int_equal(out.n, NR_MESSAGE_HEAD + 24 + NR_MESSAGE_TEXT - 1);
	nr_buf_done(&out);
}

static void what_is_too_large_is_not_written(void **state)
{
	static uint8_t large[NR_MESSAGE_PEM + 1];
	struct nr_message renew = { .type = NR_MESSAGE_RENEW, .pem = { { large, sizeof(large) } } };
	struct nr_buf out, small;

	(void)state;
	nr_buf_init(&out, 1 << 20);
	assert_int_equal(nr_message_write(&renew, &out), NR_ELIMIT);
	assert_int_equal(out.n, 0);
	renew.pem.pem.n--;
	assert_int_equal(nr_message_write(&renew, &out), 0);
	nr_buf_init(&small, 10);
	assert_int_equal(nr_message_write(&renew, &small), NR_ELIMIT);
	nr_buf_done(&out);
	nr_buf_done(&small);
}

/* docs/internals/wire.md says so; other programs may rely on it. */
static void a_batch_travels_as_the_page_says(void **state)
{
	static const uint8_t body[] = {
		0x01, 0x02, 0, 0, 0, 0, 0, 0, /* epoch */
		0x03, 0x04, 0, 0, 0, 0, 0, 0, /* seq */
	};
	struct nr_message_batch batch = { 0x201, 0x403, digest_of(9), 5, { payload, 3 } };
	struct nr_message message = { .type = NR_MESSAGE_BATCH, .batch = batch };
	struct nr_digest want, got = nr_message_digest(&batch);
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 4096);
	write_one(&message, &out);
	assert_int_equal(out.n, 8 + 56 + 3);
	assert_memory_equal(out.p, "\x3b\0\0\0\x01\x03\0\0", 8);
	assert_memory_equal(out.p + 8, body, sizeof(body));
	assert_memory_equal(out.p + 24, batch.previous.b, 32);
	assert_memory_equal(out.p + 56, "\x05\0\0\0\0\0\0\0", 8);
	assert_memory_equal(out.p + 64, payload, 3);
	want = nr_digest_join(out.p + 8, 48, payload, 3); /* without the time it was closed */
	assert_true(nr_digest_eq(&want, &got));
	nr_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_comes_back),
		cmocka_unit_test(a_message_cut_or_lengthened_is_damaged),
		cmocka_unit_test(a_head_is_judged_before_anybody_waits),
		cmocka_unit_test(values_that_cannot_be_are_refused),
		cmocka_unit_test(texts_carry_nothing_that_moves_a_cursor),
		cmocka_unit_test(what_is_too_large_is_not_written),
		cmocka_unit_test(a_batch_travels_as_the_page_says),
	};

	if (nr_crypt_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
