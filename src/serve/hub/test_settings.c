/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hub/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/io.h"

static char path[64];

static int open_file(void **state)
{
	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/nr_settings_XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	return close(fd);
}

static int close_file(void **state)
{
	(void)state;
	return unlink(path);
}

static int read_text(const char *text, struct nr_settings_file **ret_file, struct nr_err *reterr)
{
	assert_int_equal(nr_io_replace(path, text, strlen(text), NULL), 0);
	return nr_settings_read(path, ret_file, reterr);
}

static void the_example_and_an_empty_file_are_the_defaults(void **state)
{
	const char *const texts[] = { "", nr_settings_example, "# nothing\n\n" };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(texts); i++) {
		struct nr_settings_file *file;

		assert_int_equal(read_text(texts[i], &file, NULL), 0);
		const struct nr_settings *set = nr_settings_of(file);

		assert_string_equal(set->listen, "127.0.0.1:7443");
		assert_string_equal(set->ingest, "127.0.0.1:7444");
		assert_int_equal(set->segment_mib, 64);
		assert_int_equal(set->journal_days, 365);
		assert_int_equal(set->store, 1);
		assert_int_equal(set->silence_s, 60);
		assert_null(set->prefixes);
		nr_settings_free(file);
	}
}

/*
 * Every line of the example, its # taken away, is a setting that is known and has the value it
 * has anyway.
 */
static void the_example_names_every_key_with_its_default(void **state)
{
	struct nr_str rest = nr_str_from(nr_settings_example);
	struct nr_settings_file *file, *defaults;
	struct nr_buf text, a, b;

	(void)state;
	nr_buf_init(&text, 1 << 16);
	nr_buf_init(&a, 1 << 16);
	nr_buf_init(&b, 1 << 16);
	while (rest.n > 0) {
		struct nr_str line = nr_str_cut(&rest, '\n');

		if (line.n < 2 || line.p[0] != '#' || line.p[1] == ' ' ||
		    memmem(line.p, line.n, "/path/", 6) != NULL ||
		    memmem(line.p, line.n, "advertise", 9) != NULL)
			if (line.n < 3 || line.p[1] != ' ' || line.p[2] != ' ')
				continue;
		if (memmem(line.p, line.n, "/path/", 6) != NULL)
			continue;
		nr_buf_add(&text, line.p + 1, line.n - 1);
		nr_buf_add(&text, "\n", 1);
	}
	nr_buf_add(&text, "", 1);
	assert_int_equal(read_text((const char *)text.p, &file, NULL), 0);
	nr_settings_print(nr_settings_of(file), &a);
	assert_int_equal(read_text("", &defaults, NULL), 0);
	nr_settings_print(nr_settings_of(defaults), &b);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, a.n);
	nr_settings_free(file);
	nr_settings_free(defaults);
	nr_buf_done(&text);
	nr_buf_done(&a);
	nr_buf_done(&b);
}

static void what_is_printed_reads_back_the_same(void **state)
{
	struct nr_settings_file *file, *again;
	struct nr_buf first, second;

	(void)state;
	nr_buf_init(&first, 1 << 16);
	nr_buf_init(&second, 1 << 16);
	assert_int_equal(read_text("listen: 0.0.0.0:1\nadvertise: hub.example:2\njournal:\n"
				   "  keep_days: 0\nstore:\n  enabled: false\nengine:\n"
				   "  benign:\n    - /a\n    - /b\n  prefixes: /p\n",
				   &file, NULL),
			 0);
	assert_int_equal(nr_settings_of(file)->journal_days, 0);
	assert_int_equal(nr_settings_of(file)->store, 0);
	assert_int_equal(nr_settings_of(file)->n_benign, 2);
	nr_settings_print(nr_settings_of(file), &first);
	nr_buf_add(&first, "", 1);
	assert_int_equal(read_text((const char *)first.p, &again, NULL), 0);
	nr_settings_print(nr_settings_of(again), &second);
	nr_buf_add(&second, "", 1);
	assert_string_equal((const char *)first.p, (const char *)second.p);
	nr_settings_free(file);
	nr_settings_free(again);
	nr_buf_done(&first);
	nr_buf_done(&second);
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "lissten: x\n", "line 1: Unexpected key: lissten" },
		{ "# a\n\njournal:\n  keep_day: 3\n", "line 4: Unexpected key: keep_day" },
		{ "journal:\n  keep_days: many\n", "line 2: Invalid" },
		{ "journal:\n  keep_days: -1\n", "line 2: Invalid" },
		{ "engine:\n  workers: 65\n", "line 2: engine.workers is from 1 to 64" },
		{ "store:\n  enabled: maybe\n", "line 2: " },
		{ "listen: a:1\nlisten: b:2\n", "line " },
		{ "api:\n  rate: 1\n# x\napi:\n  burst: 1\n", "line 4: " },
		{ "tls: false\n", "line 1: Unexpected key: tls" },
		{ "- a\n", "line " },
		{ "journal: 3\n", "line 1: " },
		{ "a: [\n", "line " },
		{ "x: &a 1\ny: *a\n", "line " },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_settings_file *file = NULL;
		struct nr_err err = { 0 };

		assert_int_equal(read_text(cases[i].text, &file, &err), NR_EFORMAT);
		assert_null(file);
		assert_memory_equal(err.msg, path, strlen(path));
		if (strstr(err.msg, cases[i].words) == NULL)
			fail_msg("%s: %s", cases[i].words, err.msg);
	}
}

static void ten_megabytes_are_refused(void **state)
{
	size_t n = 10 << 20;
	char *text = malloc(n);
	struct nr_settings_file *file = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, '#', n);
	assert_int_equal(nr_io_replace(path, text, n, NULL), 0);
	assert_int_equal(nr_settings_read(path, &file, NULL), NR_ELIMIT);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_and_an_empty_file_are_the_defaults),
		cmocka_unit_test(the_example_names_every_key_with_its_default),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
		cmocka_unit_test(what_is_wrong_is_named_with_its_line),
		cmocka_unit_test(ten_megabytes_are_refused),
	};

	return cmocka_run_group_tests(tests, open_file, close_file);
}
