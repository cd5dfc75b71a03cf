/* SPDX-License-Identifier: Apache-2.0 */
#include "store/observations.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "store/duck/test_store.h"

enum { MANY = 4096 };

struct rows {
	struct nr_store_row row[MANY];
	size_t n;
};

static int take_row(void *ctx, const struct nr_store_row *row)
{
	struct rows *rows = ctx;

	assert_true(rows->n < NR_COUNT(rows->row));
	rows->row[rows->n++] = *row;
	return 0;
}

static struct nr_store_filter whole(uint64_t limit)
{
	return (struct nr_store_filter){ .until = { INT64_MAX }, .limit = limit };
}

static struct rows *read_all(struct nr_store *store, struct nr_store_filter filter)
{
	struct rows *rows = calloc(1, sizeof(*rows));
	struct nr_err err = { 0 };

	assert_non_null(rows);
	if (nr_store_rows(store, &filter, take_row, rows, &err) < 0)
		fail_msg("%s", err.msg);
	return rows;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct nr_observation));
}

static void what_went_in_comes_out(void **state)
{
	char dir[TEST_PATH];
	struct nr_observation want[50], got[50];

	(void)state;
	test_dir_make(dir);
	struct nr_store *store = test_open(dir, false);

	test_add(store, 5, 50);
	test_settle(store);
	assert_int_equal(nr_store_at(store), 5);
	struct rows *rows = read_all(store, whole(1000));

	assert_int_equal(rows->n, 50);
	for (size_t i = 0; i < 50; i++) {
		want[i] = test_row(5, i);
		got[i] = rows->row[i].obs;
		assert_int_equal(rows->row[i].at, 5);
		assert_int_equal(rows->row[i].row, i);
	}
	qsort(want, 50, sizeof(want[0]), by_bytes);
	qsort(got, 50, sizeof(got[0]), by_bytes);
	assert_memory_equal(want, got, sizeof(want));
	struct nr_uuid sensor;

	assert_int_equal(nr_store_sensor_id(store, rows->row[0].sensor, &sensor), 0);
	assert_int_equal(sensor.b[0], 1 + 5 % 3);
	free(rows);
	nr_store_close(store);
	test_dir_remove(dir);
}

static void rows_are_filtered_and_paged_in_order(void **state)
{
	char dir[TEST_PATH];
	struct nr_uuid one = { { 2 } };
	struct nr_prefix v6 = { .ip = { { 0x20, 0x01, 0x0d, 0xb8 } }, .len = 32 }, v4;

	(void)state;
	test_dir_make(dir);
	struct nr_store *store = test_open(dir, false);

	for (uint64_t at = 1; at <= 60; at++)
		test_add(store, at, 20);
	test_settle(store);
	assert_int_equal(nr_prefix_parse(NR_STR("203.0.113.128/25"), &v4), 0);
	struct nr_store_filter cases[] = { whole(0), whole(0), whole(0), whole(0), whole(0) };

	cases[0].has_port = true;
	cases[0].port = 445;
	cases[1].has_src = true;
	cases[1].src = v6;
	cases[2].has_src = true;
	cases[2].src = v4;
	cases[3].sensors = one.b;
	cases[3].n_sensors = 1;
	cases[4].since.ns = (TEST_NOON + TEST_DAY / 2) * NR_NS_PER_S;
	struct rows *all = read_all(store, whole(0));

	assert_int_equal(all->n, 60 * 20);
	for (size_t c = 0; c < NR_COUNT(cases); c++) {
		struct rows *rows = read_all(store, cases[c]);
		size_t at = 0, wanted = 0;

		for (size_t i = 0; i < all->n; i++) {
			const struct nr_observation *obs = &all->row[i].obs;
			bool is_in[] = { obs->dport == 445, nr_prefix_has(v6, obs->src),
					 nr_prefix_has(v4, obs->src), all->row[i].at % 3 == 1,
					 obs->tick >= TEST_NOON + TEST_DAY / 2 };

			if (!is_in[c])
				continue;
			wanted++;
			assert_true(at < rows->n);
			assert_memory_equal(&rows->row[at++], &all->row[i], sizeof(all->row[i]));
		}
		assert_true(wanted > 0 && wanted < all->n);
		assert_int_equal(rows->n, wanted);
		free(rows);
	}
	struct nr_store_filter page = whole(77);

	for (size_t i = 0; i < all->n;) {
		struct rows *rows = read_all(store, page);

		assert_int_equal(rows->n, nr_min_size(77, all->n - i));
		assert_memory_equal(rows->row, all->row + i, rows->n * sizeof(rows->row[0]));
		i += rows->n;
		page.after_at = rows->row[rows->n - 1].at;
		page.after_row = rows->row[rows->n - 1].row;
		free(rows);
	}
	free(all);
	nr_store_close(store);
	test_dir_remove(dir);
}

static void what_is_added_again_is_left_out(void **state)
{
	char dir[TEST_PATH];

	(void)state;
	test_dir_make(dir);
	struct nr_store *store = test_open(dir, false);

	for (uint64_t at = 1; at <= 10; at++)
		test_add(store, at, 30);
	test_commit(store); /* days are written, sums are not */
	nr_store_close(store);
	store = test_open(dir, false);
	assert_int_equal(nr_store_at(store), 0);
	for (uint64_t at = 1; at <= 12; at++)
		test_add(store, at, 30);
	test_settle(store);
	for (uint64_t at = 1; at <= 12; at++)
		test_add(store, at, 30);
	test_settle(store);
	struct rows *rows = read_all(store, whole(0));

	assert_int_equal(rows->n, 12 * 30);
	free(rows);
	nr_store_close(store);
	struct nr_store_report report;
	struct nr_err err = { 0 };

	if (nr_store_check(dir, &report, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(report.rows, 12 * 30);
	assert_int_equal(report.days, 2);
	assert_int_equal(report.at, 12);
	test_dir_remove(dir);
}

/* ---- kill -9 ---- */

enum { ENTRIES = 120, ROWS = 24 };

/* Add what is missing, a byte down the pipe after each commit. */
static void write_on(const char *dir, int pipe_fd)
{
	struct nr_store *store = test_open(dir, false);

	for (uint64_t at = nr_store_at(store) + 1; at <= ENTRIES; at++) {
		test_add(store, at, ROWS);
		if (at % 5 == 0)
			test_settle(store);
		else if (at % 2 == 0)
			test_commit(store);
		if (write(pipe_fd, "", 1) != 1)
			_exit(3);
	}
	test_settle(store);
	_exit(0);
}

static bool run_and_kill(const char *dir, uint64_t chance)
{
	int fds[2], status = 0;
	char byte;

	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		(void)close(fds[0]);
		write_on(dir, fds[1]);
	}
	(void)close(fds[1]);
	for (uint64_t i = 0; i < chance % 13 && read(fds[0], &byte, 1) == 1; i++)
		continue;
	struct timespec moment = { .tv_nsec = (long)(nr_mix64(chance) % 15000000) };

	(void)nanosleep(&moment, NULL); /* anywhere in the next transactions */
	(void)kill(child, SIGKILL);
	(void)close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
	return WIFEXITED(status);
}

/* Whatever moment it was: what is there can be read, and days and sums agree. In a process of its own, as all here that
 * loads the library before the last fork. */
static void check_apart(const char *dir)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct nr_store_report report;
		struct nr_err err = { 0 };
		int ret = nr_store_check(dir, &report, &err);

		if (ret < 0 && ret != -ENOENT) /* killed before anything was made */
			print_error("%s\n", err.msg);
		_exit(ret < 0 && ret != -ENOENT ? 1 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static int add_up(void *ctx, uint64_t row, const struct nr_store_value *values, size_t n)
{
	uint64_t *digest = ctx;

	for (size_t i = 0; i < n && row > 0; i++)
		*digest = nr_mix64(*digest ^ (uint64_t)values[i].i64);
	return 0;
}

static uint64_t digest_of_queries(struct nr_store *store)
{
	static const char *const names[] = { "sums", "top_ports", "top_as", "economy_ports",
					     "top_ports_raw" };
	struct nr_store_param port = { "port", { .kind = NR_CELL_I64, .i64 = 23 } };
	uint64_t digest = 0;

	for (size_t i = 0; i < NR_COUNT(names); i++)
		assert_true(nr_store_query(store, names[i], NULL, 0, 20000, add_up, &digest, NULL) >
			    0);
	assert_true(nr_store_query(store, "port_minutes", &port, 1, 20000, add_up, &digest, NULL) >
		    0);
	return digest;
}

static void a_store_killed_at_any_moment_ends_the_same_as_one_that_was_not(void **state)
{
	char killed[TEST_PATH], spared[TEST_PATH];
	const char *wanted = getenv("NOROSHI_KILLS");
	uint64_t kills = 0, least = wanted != NULL ? strtoull(wanted, NULL, 10) : 12;
	struct nr_store_report report;
	struct nr_err err = { 0 };

	(void)state;
	test_dir_make(spared);
	test_dir_make(killed);
	for (uint64_t chance = 1;; chance++) {
		if (!run_and_kill(killed, chance)) {
			kills++;
			check_apart(killed);
			continue;
		}
		if (kills >= least)
			break;
		test_dir_remove(killed); /* it was done before it was killed often enough: again */
		assert_int_equal(mkdir(killed, 0700), 0);
	}
	struct nr_store *a = test_open(killed, false), *b = test_open(spared, false);

	for (uint64_t at = 1; at <= ENTRIES; at++)
		test_add(b, at, ROWS);
	test_settle(b);
	struct rows *in_a = read_all(a, whole(0)), *in_b = read_all(b, whole(0));

	assert_int_equal(in_a->n, (size_t)ENTRIES * ROWS);
	assert_int_equal(in_b->n, (size_t)ENTRIES * ROWS);
	assert_memory_equal(in_a->row, in_b->row, in_a->n * sizeof(in_a->row[0]));
	assert_int_equal(digest_of_queries(a), digest_of_queries(b));
	free(in_a);
	free(in_b);
	nr_store_close(a);
	nr_store_close(b);
	if (nr_store_check(killed, &report, &err) < 0)
		fail_msg("%s", err.msg);
	test_dir_remove(killed);
	test_dir_remove(spared);
}

/* ---- files that are not as they should be ---- */

static void write_file(const char *dir, const char *name, const char *bytes, size_t n)
{
	char path[2 * TEST_PATH];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(close(fd), 0);
}

static void cut_file(const char *dir, const char *name, off_t size)
{
	char path[2 * TEST_PATH];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(truncate(path, size), 0);
}

static void make_store(const char *dir)
{
	struct nr_store *store = test_open(dir, false);

	test_add(store, 1, 40);
	test_settle(store);
	nr_store_close(store);
}

/* @return what opening and reading all says; the words stand in @p err */
static int try_store(const char *dir, struct nr_err *err)
{
	struct nr_store_report report;

	return nr_store_check(dir, &report, err);
}

static void files_that_are_not_ours_are_refused_with_what_to_do(void **state)
{
	static const char day[] = "raw/2026-01-06.duckdb", sums[] = "rollup.duckdb";
	static const struct {
		const char *name, *bytes;
		off_t size; /* -1: @p bytes instead; -2: removed; -3: that of another store */
		int code;
		const char *words;
	} cases[] = {
		{ day, NULL, 0, NR_EDAMAGED, "empty" },
		{ day, "no database at all, but long enough", -1, NR_EFORMAT, "not a DuckDB file" },
		{ day, NULL, 4096, 0, "" },
		{ day, NULL, 9000, 0, "" },
		{ day, NULL, -3, NR_EFORMAT, "another store" },
		{ sums, NULL, 0, NR_EDAMAGED, "empty" },
		{ sums, "no database at all, but long enough", -1, NR_EFORMAT, "" },
		{ sums, NULL, 12288, 0, "" },
		{ sums, NULL, -2, NR_EDAMAGED, "is missing" },
	};
	char dir[TEST_PATH], other[TEST_PATH], from[2 * TEST_PATH], to[2 * TEST_PATH];

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_err err = { 0 };

		test_dir_make(dir);
		test_dir_make(other);
		make_store(dir);
		make_store(other);
		(void)snprintf(from, sizeof(from), "%s/%s", other, cases[i].name);
		(void)snprintf(to, sizeof(to), "%s/%s", dir, cases[i].name);
		if (cases[i].size == -1)
			write_file(dir, cases[i].name, cases[i].bytes, strlen(cases[i].bytes));
		else if (cases[i].size == -2)
			assert_int_equal(unlink(to), 0);
		else if (cases[i].size == -3)
			assert_int_equal(rename(from, to), 0);
		else
			cut_file(dir, cases[i].name, cases[i].size);
		int ret = try_store(dir, &err);

		assert_true(ret < 0);
		if (cases[i].code != 0 && ret != cases[i].code)
			fail_msg("case %zu: %d, %s", i, ret, err.msg);
		if (strstr(err.msg, cases[i].words) == NULL ||
		    (ret != -ENOENT && strstr(err.msg, "noroshi store rebuild") == NULL))
			fail_msg("case %zu: words are missing: %s", i, err.msg);
		test_dir_remove(dir);
		test_dir_remove(other);
	}
}

static void days_without_sums_are_not_taken_for_a_new_store(void **state)
{
	char dir[TEST_PATH], path[2 * TEST_PATH];
	struct nr_store_options options = { .dir = dir };
	struct nr_store *store = NULL;
	struct nr_err err = { 0 };

	(void)state;
	test_dir_make(dir);
	make_store(dir);
	(void)snprintf(path, sizeof(path), "%s/rollup.duckdb", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(nr_store_open(&options, &store, &err), NR_EDAMAGED);
	assert_non_null(strstr(err.msg, "noroshi store rebuild"));
	test_dir_remove(dir);
}

static void a_store_another_process_holds_is_busy(void **state)
{
	char dir[TEST_PATH];
	int ready[2], done[2], status = 0;
	struct nr_err err = { 0 };
	char byte;

	(void)state;
	test_dir_make(dir);
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(done), 0);
	pid_t child = fork();

	if (child == 0) {
		(void)test_open(dir, false);
		if (write(ready[1], "", 1) != 1 || read(done[0], &byte, 1) != 1)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(try_store(dir, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "another process"));
	assert_int_equal(write(done[1], "", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	for (int i = 0; i < 2; i++) {
		(void)close(ready[i]);
		(void)close(done[i]);
	}
	test_dir_remove(dir);
}

/* ---- time ---- */

static void impossible_times_are_refused_and_counted_and_clocks_corrected(void **state)
{
	static const struct {
		int64_t tick, offset_ns;
		uint64_t refused;
		int64_t stored;
	} cases[] = {
		{ -1, 0, 1, 0 },
		{ INT64_MAX - 5, 3 * NR_NS_PER_S, 1, 0 },
		{ INT64_C(5000000000), 0, 1, 0 },
		{ TEST_NOON + 3 * TEST_DAY + 1, 0, 1, 0 }, /* more than a day after it arrived */
		{ TEST_NOON, 2 * NR_NS_PER_S, 0, TEST_NOON },
		{ TEST_NOON, 2 * NR_NS_PER_S + 600000000, 0, TEST_NOON + 3 },
		{ TEST_NOON, -7 * NR_NS_PER_S, 0, TEST_NOON - 7 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_observation obs = test_row(1, 1);
		char dir[TEST_PATH];
		struct nr_buf out;

		test_dir_make(dir);
		nr_buf_init(&out, 1 << 20);
		struct nr_store *store = test_open(dir, false);

		obs.tick = cases[i].tick;
		struct nr_entry entry = test_entry_of(&obs, 1, 1, &out);

		entry.batch.offset_ns = cases[i].offset_ns;
		assert_int_equal(nr_store_add(store, &entry, NULL), 0);
		test_settle(store);
		struct rows *rows = read_all(store, whole(0));

		assert_int_equal(nr_store_refused(store), cases[i].refused);
		assert_int_equal(rows->n, 1 - cases[i].refused);
		if (rows->n == 1)
			assert_int_equal(rows->row[0].obs.tick, cases[i].stored);
		free(rows);
		nr_buf_done(&out);
		nr_store_close(store);
		test_dir_remove(dir);
	}
}

static void a_retired_day_is_gone_and_stays_gone(void **state)
{
	char dir[TEST_PATH], path[2 * TEST_PATH];
	uint64_t days = 0;
	struct nr_err err = { 0 };

	(void)state;
	test_dir_make(dir);
	struct nr_store *store = test_open(dir, false);

	for (uint64_t at = 1; at <= 60; at++)
		test_add(store, at, 20);
	test_settle(store);
	nr_store_close(store);
	store = test_open(dir, false);
	struct nr_time second_day = { (TEST_NOON + TEST_DAY) * NR_NS_PER_S };

	assert_int_equal(nr_store_retain(store, second_day, &days, &err), 0);
	assert_int_equal(days, 1);
	(void)snprintf(path, sizeof(path), "%s/raw/2026-01-05.duckdb", dir);
	assert_int_equal(access(path, F_OK), -1);
	test_add(store, 61, 20); /* of both days */
	test_settle(store);
	struct rows *rows = read_all(store, whole(0));

	for (size_t i = 0; i < rows->n; i++)
		assert_true(rows->row[i].obs.tick >= TEST_NOON + TEST_DAY / 2);
	free(rows);
	nr_store_close(store);
	assert_int_equal(try_store(dir, &err), 0);
	test_dir_remove(dir);
}

static void damaged_batches_are_counted_and_passed_over(void **state)
{
	char dir[TEST_PATH];
	struct nr_entry entry = { .at = 7,
				  .arrived_ns = TEST_NOON * NR_NS_PER_S,
				  .type = NR_ENTRY_BATCH,
				  .batch.batch.payload = { (const uint8_t *)"nonsense", 8 } };

	(void)state;
	test_dir_make(dir);
	struct nr_store *store = test_open(dir, false);

	assert_int_equal(nr_store_add(store, &entry, NULL), 0);
	test_settle(store);
	assert_int_equal(nr_store_refused(store), 1);
	assert_int_equal(nr_store_at(store), 7);
	nr_store_close(store);
	test_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* first, while this process has loaded no library with threads of its own */
		cmocka_unit_test(a_store_killed_at_any_moment_ends_the_same_as_one_that_was_not),
		cmocka_unit_test(a_store_another_process_holds_is_busy),
		cmocka_unit_test(what_went_in_comes_out),
		cmocka_unit_test(rows_are_filtered_and_paged_in_order),
		cmocka_unit_test(what_is_added_again_is_left_out),
		cmocka_unit_test(files_that_are_not_ours_are_refused_with_what_to_do),
		cmocka_unit_test(days_without_sums_are_not_taken_for_a_new_store),
		cmocka_unit_test(impossible_times_are_refused_and_counted_and_clocks_corrected),
		cmocka_unit_test(a_retired_day_is_gone_and_stays_gone),
		cmocka_unit_test(damaged_batches_are_counted_and_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
