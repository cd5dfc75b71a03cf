/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http/cursor.h"

#include "base/cmocka.h"

static struct nr_cursor_keeper keeper_of(const char *epoch)
{
	struct nr_cursor_keeper keeper = { .key = { 1, 2, 3 } };

	keeper.epoch = nr_digest_of(epoch, strlen(epoch));
	return keeper;
}

static void text_reads_back(void **state)
{
	static const struct nr_cursor cursors[] = {
		{ NR_CURSOR_FINDINGS, 0, 0, 0 },
		{ NR_CURSOR_FINDINGS, UINT64_MAX, 0, UINT64_MAX },
		{ NR_CURSOR_OBSERVATIONS, 1234567890123, UINT32_MAX, 7 },
	};
	struct nr_cursor_keeper keeper = keeper_of("a");

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cursors); i++) {
		char text[NR_CURSOR_TEXT];
		struct nr_cursor back;

		nr_cursor_print(&keeper, &cursors[i], text);
		assert_int_equal(nr_cursor_parse(&keeper, nr_str_from(text),
						 (enum nr_cursor_kind)cursors[i].kind, &back, NULL),
				 0);
		assert_int_equal(back.at, cursors[i].at);
		assert_int_equal(back.row, cursors[i].row);
		assert_int_equal(back.other, cursors[i].other);
	}
}

static void a_change_anywhere_another_kind_another_epoch_are_refused(void **state)
{
	struct nr_cursor_keeper keeper = keeper_of("a"), restored = keeper_of("b");
	struct nr_cursor cursor = { NR_CURSOR_FINDINGS, 77, 0, 0 }, back;
	char text[NR_CURSOR_TEXT];

	(void)state;
	nr_cursor_print(&keeper, &cursor, text);
	assert_int_equal(nr_cursor_parse(&keeper, nr_str_from(text), NR_CURSOR_OBSERVATIONS, &back,
					 NULL),
			 NR_EUSAGE);
	assert_int_equal(nr_cursor_parse(&restored, nr_str_from(text), NR_CURSOR_FINDINGS, &back,
					 NULL),
			 NR_EUSAGE);
	for (size_t i = 0; text[i] != '\0'; i++) {
		char was = text[i];

		text[i] = was == '0' ? '1' : '0';
		assert_int_equal(nr_cursor_parse(&keeper, nr_str_from(text), NR_CURSOR_FINDINGS,
						 &back, NULL),
				 NR_EUSAGE);
		text[i] = was;
		assert_int_equal(nr_cursor_parse(&keeper, (struct nr_str){ text, i },
						 NR_CURSOR_FINDINGS, &back, NULL),
				 NR_EUSAGE);
	}
}

static void another_member_or_user_cannot_use_it(void **state)
{
	struct nr_cursor_keeper keeper = keeper_of("a"), bound, other;
	struct nr_viewer viewer = { .member = { { 1 } }, .user = { { 2 } } }, stranger = viewer;
	struct nr_cursor cursor = { NR_CURSOR_FINDINGS, 77, 0, 0 }, back;
	char text[NR_CURSOR_TEXT];

	(void)state;
	bound = nr_cursor_bound(&keeper, &viewer);
	nr_cursor_print(&bound, &cursor, text);
	assert_int_equal(nr_cursor_parse(&bound, nr_str_from(text), NR_CURSOR_FINDINGS, &back,
					 NULL),
			 0);
	stranger.member.b[0] = 9;
	other = nr_cursor_bound(&keeper, &stranger);
	assert_int_equal(nr_cursor_parse(&other, nr_str_from(text), NR_CURSOR_FINDINGS, &back,
					 NULL),
			 NR_EUSAGE);
	stranger = viewer;
	stranger.user.b[0] = 9;
	other = nr_cursor_bound(&keeper, &stranger);
	assert_int_equal(nr_cursor_parse(&other, nr_str_from(text), NR_CURSOR_FINDINGS, &back,
					 NULL),
			 NR_EUSAGE);
	assert_int_equal(nr_cursor_parse(&keeper, nr_str_from(text), NR_CURSOR_FINDINGS, &back,
					 NULL),
			 NR_EUSAGE);
}

/* Places one apart share no more bytes than chance has it. */
static void nothing_can_be_read_from_it(void **state)
{
	struct nr_cursor_keeper keeper = keeper_of("a");
	char a[NR_CURSOR_TEXT], b[NR_CURSOR_TEXT];
	size_t same = 0, all = 0;

	(void)state;
	for (uint64_t at = 0; at < 200; at++) {
		struct nr_cursor one = { NR_CURSOR_FINDINGS, at, 0, 0 }, next = one;

		next.at++;
		nr_cursor_print(&keeper, &one, a);
		nr_cursor_print(&keeper, &next, b);
		for (size_t i = 0; a[i] != '\0'; i++, all++)
			same += a[i] == b[i];
	}
	assert_true(same < all / 32); /* a 64th by chance */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_reads_back),
		cmocka_unit_test(a_change_anywhere_another_kind_another_epoch_are_refused),
		cmocka_unit_test(another_member_or_user_cannot_use_it),
		cmocka_unit_test(nothing_can_be_read_from_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
