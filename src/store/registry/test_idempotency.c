/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry/test_place.h"
#include "store/registry_idempotency.h"

static const int64_t day = 86400 * NR_NS_PER_S;

static struct nr_registry_request request_of(const char *actor, const char *key, const char *what,
					     int64_t now)
{
	return (struct nr_registry_request){ .actor = actor,
					     .key = key,
					     .digest = nr_digest_of(what, strlen(what)),
					     .now = { now } };
}

/* @return as begin(); the body that was kept is in @p text */
static int begin(struct place *place, const struct nr_registry_request *request,
		 struct nr_registry_answer *answer, char text[32])
{
	struct nr_buf body;

	nr_buf_init(&body, NR_IDEMPOTENCY_BODY);
	int ret = nr_registry_request_begin(place->registry, request, answer, &body, NULL);

	(void)snprintf(text, 32, "%.*s", (int)body.n, body.n > 0 ? (const char *)body.p : "");
	nr_buf_done(&body);
	return ret;
}

static void end(struct place *place, const struct nr_registry_request *request, bool kept,
		const char *body)
{
	struct nr_registry_answer answer = { .status = 201, .kept = kept, .location = "/x" };

	assert_int_equal(nr_registry_request_end(place->registry, request, &answer,
						 (struct nr_bytes){ (const uint8_t *)body,
								    strlen(body) },
						 NULL),
			 0);
}

static void the_same_again_gets_the_same_and_another_is_refused(void **state)
{
	struct place *place = *state;
	struct nr_registry_request one = request_of("a", "k", "POST /x", 1000);
	struct nr_registry_request other = request_of("a", "k", "POST /y", 1000);
	struct nr_registry_request stranger = request_of("b", "k", "POST /y", 1000);
	struct nr_registry_answer answer;
	char text[32];

	assert_int_equal(begin(place, &one, &answer, text), 1);
	assert_int_equal(begin(place, &one, &answer, text), 0); /* begun, and how it ends is open */
	assert_int_equal(answer.status, 0);
	end(place, &one, true, "{}");
	assert_int_equal(begin(place, &one, &answer, text), 0);
	assert_int_equal(answer.status, 201);
	assert_true(answer.kept);
	assert_string_equal(text, "{}");
	assert_string_equal(answer.location, "/x");
	assert_int_equal(begin(place, &other, &answer, text), -EEXIST);
	assert_int_equal(begin(place, &stranger, &answer, text), 1);
}

static void what_was_refused_may_be_tried_again(void **state)
{
	struct place *place = *state;
	struct nr_registry_request one = request_of("a", "k", "POST /x", 1000);
	struct nr_registry_answer answer;
	char text[32];

	assert_int_equal(begin(place, &one, &answer, text), 1);
	assert_int_equal(nr_registry_request_end(place->registry, &one, NULL,
						 (struct nr_bytes){ 0 }, NULL),
			 0);
	assert_int_equal(begin(place, &one, &answer, text), 1);
}

static void secrets_and_long_answers_are_not_kept(void **state)
{
	struct place *place = *state;
	struct nr_registry_request one = request_of("a", "k", "POST /x", 1000);
	struct nr_registry_request two = request_of("a", "l", "POST /x", 1000);
	struct nr_registry_answer answer;
	char text[32], *much = malloc(NR_IDEMPOTENCY_BODY + 2);

	assert_non_null(much);
	memset(much, 'x', NR_IDEMPOTENCY_BODY + 1);
	much[NR_IDEMPOTENCY_BODY + 1] = '\0';
	assert_int_equal(begin(place, &one, &answer, text), 1);
	end(place, &one, false, "secret");
	assert_int_equal(begin(place, &one, &answer, text), 0);
	assert_int_equal(answer.status, 201);
	assert_false(answer.kept);
	assert_string_equal(text, "");
	assert_int_equal(begin(place, &two, &answer, text), 1);
	end(place, &two, true, much);
	assert_int_equal(begin(place, &two, &answer, text), 0);
	assert_false(answer.kept);
	free(much);
}

static void keys_are_forgotten_after_a_day_and_beyond_the_newest(void **state)
{
	struct place *place = *state;
	struct nr_registry_request first = request_of("a", "first", "x", 1000);
	struct nr_registry_request other = request_of("b", "first", "x", 1000);
	struct nr_registry_answer answer;
	char text[32], key[16];

	place_run(place, "PRAGMA synchronous=OFF");
	assert_int_equal(begin(place, &first, &answer, text), 1);
	assert_int_equal(begin(place, &other, &answer, text), 1);
	for (int i = 0; i < NR_IDEMPOTENCY_KEYS - 1; i++) {
		(void)snprintf(key, sizeof(key), "k%d", i);
		struct nr_registry_request more = request_of("a", key, "x", 1001 + i);

		assert_int_equal(begin(place, &more, &answer, text), 1);
	}
	struct nr_registry_request last = request_of("a", "last", "x", 900000);

	assert_int_equal(begin(place, &last, &answer, text), 1);
	assert_int_equal(begin(place, &first, &answer, text), 1); /* it was forgotten */
	assert_int_equal(begin(place, &other, &answer, text), 0);
	other.now.ns = 1000 + day;
	assert_int_equal(begin(place, &other, &answer, text), 1);
	assert_true(nr_registry_requests_purge(place->registry, (struct nr_time){ 1000 + 2 * day },
					       NULL) >= NR_IDEMPOTENCY_KEYS);
	assert_int_equal(nr_registry_requests_purge(place->registry,
						    (struct nr_time){ 1000 + 2 * day }, NULL),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(the_same_again_gets_the_same_and_another_is_refused),
		WITH_PLACE(what_was_refused_may_be_tried_again),
		WITH_PLACE(secrets_and_long_answers_are_not_kept),
		WITH_PLACE(keys_are_forgotten_after_a_day_and_beyond_the_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
