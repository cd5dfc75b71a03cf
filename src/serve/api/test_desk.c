/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api/desk.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/time.h"

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

static bool always(void *ctx)
{
	(void)ctx;
	return true;
}

static struct nr_digest key_of(uint8_t n)
{
	return nr_digest_of(&n, 1);
}

static const struct nr_uuid alpha = { { 1 } }, bravo = { { 2 } }, charlie = { { 3 } };

static int enter(struct nr_desk *desk, uint8_t n, uint64_t changes, struct nr_uuid member,
		 char out[64])
{
	struct nr_digest key = key_of(n);
	struct nr_buf buf;

	nr_buf_init(&buf, 64);
	int ret = nr_desk_enter(desk, &key, changes, member, always, NULL, &buf);

	memset(out, 0, 64);
	if (buf.n > 0)
		memcpy(out, buf.p, buf.n);
	nr_buf_done(&buf);
	return ret;
}

static void leave(struct nr_desk *desk, uint8_t n, uint64_t changes, struct nr_uuid member,
		  const char *answer)
{
	struct nr_digest key = key_of(n);

	nr_desk_leave(desk, &key, changes, member,
		      (struct nr_bytes){ (const uint8_t *)answer, strlen(answer) });
}

static void an_answer_holds_until_the_sums_change(void **state)
{
	struct nr_desk *desk = NULL;
	char out[64];

	(void)state;
	assert_int_equal(nr_desk_new(&desk), 0);
	assert_int_equal(enter(desk, 1, 7, alpha, out), 0);
	leave(desk, 1, 7, alpha, "seven");
	assert_int_equal(enter(desk, 1, 7, bravo, out), 1);
	assert_string_equal(out, "seven");
	assert_int_equal(enter(desk, 1, 8, alpha, out), 0); /* works it out anew */
	assert_int_equal(enter(desk, 1, 8, bravo, out), 1); /* meanwhile */
	assert_string_equal(out, "seven");
	leave(desk, 1, 8, alpha, "eight");
	assert_int_equal(enter(desk, 1, 8, bravo, out), 1);
	assert_string_equal(out, "eight");
	assert_int_equal(enter(desk, 2, 8, bravo, out), 0); /* another question */
	leave(desk, 2, 8, bravo, "");
	assert_int_equal(enter(desk, 2, 8, bravo, out), 0); /* it failed: nothing is kept */
	leave(desk, 2, 8, bravo, "");
	nr_desk_free(desk);
}

static void one_member_does_not_take_all_turns(void **state)
{
	struct nr_desk *desk = NULL;
	char out[64];

	(void)state;
	assert_int_equal(nr_desk_new(&desk), 0);
	for (uint8_t i = 0; i < NR_DESK_VIEWER; i++)
		assert_int_equal(enter(desk, i, 1, alpha, out), 0);
	assert_int_equal(enter(desk, 9, 1, alpha, out),
			 -ECANCELED); /* he would wait, but is gone */
	assert_int_equal(enter(desk, 9, 1, bravo, out), 0);
	assert_int_equal(enter(desk, 10, 1, bravo, out), 0);
	assert_int_equal(nr_desk_counts(desk).working, NR_DESK_AT_ONCE);
	assert_int_equal(enter(desk, 11, 1, charlie, out), -ECANCELED); /* all turns are taken */
	assert_int_equal(enter(desk, 0, 1, charlie, out), -ECANCELED); /* and so is this question */
	leave(desk, 0, 1, alpha, "zero");
	assert_int_equal(enter(desk, 0, 1, charlie, out), 1);
	assert_int_equal(enter(desk, 11, 1, charlie, out), 0);
	nr_desk_free(desk);
}

struct waiter {
	struct nr_desk *desk;
	int ret;
	struct nr_buf out;
};

static void *wait_for_it(void *arg)
{
	struct waiter *waiter = arg;
	struct nr_digest key = key_of(1);

	waiter->ret = nr_desk_enter(waiter->desk, &key, 1, bravo, never, NULL, &waiter->out);
	return NULL;
}

static void who_waits_for_the_same_gets_what_the_first_made(void **state)
{
	struct waiter waiters[8];
	pthread_t threads[8];
	struct nr_desk *desk = NULL;
	char out[64];

	(void)state;
	assert_int_equal(nr_desk_new(&desk), 0);
	assert_int_equal(enter(desk, 1, 1, alpha, out), 0);
	for (size_t i = 0; i < NR_COUNT(waiters); i++) {
		waiters[i].desk = desk;
		nr_buf_init(&waiters[i].out, 64);
		assert_int_equal(pthread_create(&threads[i], NULL, wait_for_it, &waiters[i]), 0);
	}
	while (nr_desk_counts(desk).asked <= NR_COUNT(waiters))
		(void)usleep(1000);
	leave(desk, 1, 1, alpha, "one");
	for (size_t i = 0; i < NR_COUNT(waiters); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(waiters[i].ret, 1);
		assert_int_equal(waiters[i].out.n, 3);
		nr_buf_done(&waiters[i].out);
	}
	nr_desk_free(desk);
}

static void what_is_kept_has_a_limit(void **state)
{
	static char large[NR_DESK_BYTES / 8];
	struct nr_desk *desk = NULL;
	char out[64];

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(nr_desk_new(&desk), 0);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(enter(desk, (uint8_t)i, 1, alpha, out), 0);
		leave(desk, (uint8_t)i, 1, alpha, large);
		assert_true(nr_desk_counts(desk).bytes <= NR_DESK_BYTES);
	}
	assert_int_equal(enter(desk, 0, 1, alpha, out), 0); /* gone long ago */
	leave(desk, 0, 1, alpha, "");
	nr_desk_free(desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_holds_until_the_sums_change),
		cmocka_unit_test(one_member_does_not_take_all_turns),
		cmocka_unit_test(who_waits_for_the_same_gets_what_the_first_made),
		cmocka_unit_test(what_is_kept_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
