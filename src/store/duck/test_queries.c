/* SPDX-License-Identifier: Apache-2.0 */
/* The named queries against counts made by hand from the same rows. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/duck/test_store.h"

enum { ENTRIES = 90, ROWS = 40, CELLS = 12, MANY = 512 };

struct table {
	char names[CELLS][32];
	struct nr_store_value cell[MANY][CELLS];
	char text[MANY][CELLS][48];
	size_t n, n_columns;
};

static int take(void *ctx, uint64_t row, const struct nr_store_value *values, size_t n)
{
	struct table *table = ctx;

	assert_true(n <= CELLS && row <= MANY);
	table->n_columns = n;
	for (size_t i = 0; i < n; i++) {
		if (row == 0) {
			(void)snprintf(table->names[i], 32, NR_STR_FMT, NR_STR_ARG(values[i].text));
			continue;
		}
		table->cell[row - 1][i] = values[i];
		if (values[i].kind == NR_CELL_TEXT)
			(void)snprintf(table->text[row - 1][i], 48, NR_STR_FMT,
				       NR_STR_ARG(values[i].text));
	}
	table->n = row;
	return 0;
}

static struct table *ask(struct nr_store *store, const char *name,
			 const struct nr_store_param *params, size_t n)
{
	struct table *table = calloc(1, sizeof(*table));
	struct nr_err err = { 0 };

	assert_non_null(table);
	if (nr_store_query(store, name, params, n, 20000, take, table, &err) < 0)
		fail_msg("%s: %s", name, err.msg);
	return table;
}

static size_t column(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->n_columns; i++)
		if (strcmp(table->names[i], name) == 0)
			return i;
	fail_msg("no column %s", name);
	return 0;
}

static int64_t cell(const struct table *table, size_t row, const char *name)
{
	return table->cell[row][column(table, name)].i64;
}

/* A store over two days, of which part was committed late, so that all tables of sums take part. */
static int make(void **state)
{
	static char dir[TEST_PATH];

	test_dir_make(dir);
	struct nr_store *store = test_open(dir, false);

	for (uint64_t at = 1; at <= ENTRIES; at++) {
		test_add(store, at, ROWS);
		if (at % 7 == 0)
			test_settle(store);
		else if (at % 3 == 0)
			test_commit(store);
	}
	test_settle(store);
	*state = store;
	return 0;
}

static int drop(void **state)
{
	nr_store_close(*state);
	return 0;
}

struct truth {
	uint64_t packets, bytes, flows;
	struct nr_ip sources[ENTRIES * ROWS];
	size_t n_sources;
};

static void truth_add(struct truth *truth, const struct nr_observation *obs)
{
	size_t i = 0;

	truth->packets += obs->packets;
	truth->bytes += obs->bytes;
	truth->flows++;
	while (i < truth->n_sources && !nr_ip_eq(truth->sources[i], obs->src))
		i++;
	if (i == truth->n_sources)
		truth->sources[truth->n_sources++] = obs->src;
}

static struct truth *truth_of(bool (*is_in)(const struct nr_observation *obs, int64_t what),
			      int64_t what)
{
	struct truth *truth = calloc(1, sizeof(*truth));

	assert_non_null(truth);
	for (uint64_t at = 1; at <= ENTRIES; at++)
		for (uint64_t i = 0; i < ROWS; i++) {
			struct nr_observation obs = test_row(at, i);

			if (is_in(&obs, what))
				truth_add(truth, &obs);
		}
	return truth;
}

static void compare(const struct table *table, size_t row, const struct truth *truth)
{
	assert_int_equal(cell(table, row, "packets"), truth->packets);
	assert_int_equal(cell(table, row, "flows"), truth->flows);
	double sources = (double)cell(table, row, "sources");

	assert_true(fabs(sources - (double)truth->n_sources) <=
		    0.15 * (double)truth->n_sources + 1);
}

static bool of_port(const struct nr_observation *obs, int64_t what)
{
	return obs->proto == what >> 16 && obs->dport == (what & 0xffff);
}

static void top_ports_agree_with_a_count_by_hand(void **state)
{
	static const char *const names[] = { "top_ports", "top_ports_raw" };

	for (size_t i = 0; i < NR_COUNT(names); i++) {
		struct table *table = ask(*state, names[i], NULL, 0);

		assert_int_equal(table->n, 8);
		for (size_t row = 0; row < table->n; row++) {
			struct truth *truth = truth_of(of_port, cell(table, row, "proto") << 16 |
									cell(table, row, "port"));

			compare(table, row, truth);
			free(truth);
		}
		free(table);
	}
}

static bool of_as(const struct nr_observation *obs, int64_t what)
{
	return 64500 + nr_ip_to_v4(obs->src) % 7 == what;
}

static void top_as_agree_with_a_count_by_hand(void **state)
{
	static const char *const names[] = { "top_as", "top_as_raw" };

	for (size_t i = 0; i < NR_COUNT(names); i++) {
		struct table *table = ask(*state, names[i], NULL, 0);

		assert_int_equal(table->n, 7);
		for (size_t row = 0; row < table->n; row++) {
			struct truth *truth = truth_of(of_as, cell(table, row, "asn"));

			compare(table, row, truth);
			free(truth);
		}
		free(table);
	}
}

static bool of_economy_port(const struct nr_observation *obs, int64_t what)
{
	return (nr_ip_to_v4(obs->src) % 2 != 0) == (what >> 32) && of_port(obs, what & 0xffffff);
}

static void economy_ports_agree_with_a_count_by_hand(void **state)
{
	static const char *const names[] = { "economy_ports", "economy_ports_raw" };

	for (size_t i = 0; i < NR_COUNT(names); i++) {
		struct table *table = ask(*state, names[i], NULL, 0);

		assert_int_equal(table->n, 16);
		for (size_t row = 0; row < table->n; row++) {
			const char *economy = table->text[row][column(table, "economy")];
			int64_t is_jp = strcmp(economy, "JP") == 0;

			assert_true(is_jp || strcmp(economy, "DE") == 0);
			struct truth *truth = truth_of(of_economy_port,
						       is_jp << 32 |
							       cell(table, row, "proto") << 16 |
							       cell(table, row, "port"));

			compare(table, row, truth);
			free(truth);
		}
		free(table);
	}
}

static bool of_minute(const struct nr_observation *obs, int64_t what)
{
	return of_port(obs, 6 << 16 | 23) && obs->tick - obs->tick % 60 == what;
}

static void port_minutes_agree_with_a_count_by_hand(void **state)
{
	static const char *const names[] = { "port_minutes", "port_minutes_raw" };
	struct nr_store_param port = { "port", { .kind = NR_CELL_TEXT, .text = NR_STR("23") } };

	for (size_t i = 0; i < NR_COUNT(names); i++) {
		struct table *table = ask(*state, names[i], &port, 1);
		struct truth *all = truth_of(of_port, 6 << 16 | 23);
		uint64_t flows = 0;

		for (size_t row = 0; row < table->n; row++) {
			assert_int_equal(table->cell[row][0].kind, NR_CELL_TIME);
			struct truth *truth = truth_of(of_minute,
						       table->cell[row][0].i64 / NR_NS_PER_S);

			compare(table, row, truth);
			flows += truth->flows;
			free(truth);
		}
		assert_int_equal(flows, all->flows);
		free(all);
		free(table);
	}
}

static bool of_source(const struct nr_observation *obs, int64_t what)
{
	struct nr_observation one = test_row((uint64_t)what / ROWS, (uint64_t)what % ROWS);

	return nr_ip_eq(obs->src, one.src);
}

static void the_history_of_an_address_is_complete(void **state)
{
	for (int64_t what = 5 * ROWS; what < 7 * ROWS; what += 3) { /* IPv6 ones among them */
		struct nr_observation one = test_row((uint64_t)what / ROWS, (uint64_t)what % ROWS);
		char address[NR_IP_TEXT];
		size_t n = nr_ip_print(one.src, address);
		struct nr_store_param param = { "address",
						{ .kind = NR_CELL_TEXT, .text = { address, n } } };
		struct table *table = ask(*state, "source_history", &param, 1);
		struct truth *truth = truth_of(of_source, what);
		uint64_t flows = 0;

		for (size_t row = 0; row < table->n; row++)
			flows += (uint64_t)cell(table, row, "flows");
		assert_int_equal(flows, truth->flows);
		free(truth);
		free(table);
	}
}

static bool of_all(const struct nr_observation *obs, int64_t what)
{
	(void)obs;
	(void)what;
	return true;
}

static void top_sources_count_all_while_there_are_few(void **state)
{
	struct nr_store_param n = { "n", { .kind = NR_CELL_I64, .i64 = 500 } };
	struct table *table = ask(*state, "top_sources", &n, 1);
	struct truth *truth = truth_of(of_all, 0);
	uint64_t packets = 0;

	assert_int_equal(table->n, truth->n_sources);
	for (size_t row = 0; row < table->n; row++)
		packets += (uint64_t)cell(table, row, "packets");
	assert_int_equal(packets, truth->packets);
	free(truth);
	free(table);
}

static void wrong_words_are_named(void **state)
{
	static const struct {
		const char *query;
		struct nr_store_param param;
		size_t n;
		const char *words;
	} cases[] = {
		{ "nothing", { .name = "n" }, 0, "no query 'nothing'" },
		{ "rows", { .name = "n" }, 0, "no query 'rows'" },
		{ "port_minutes", { .name = "n" }, 0, "needs port" },
		{ "port_minutes", { "port", { .kind = NR_CELL_I64, .i64 = 65536 } }, 1, "port of" },
		{ "port_minutes",
		  { "port", { .kind = NR_CELL_TEXT, .text = NR_STR("1; DROP TABLE") } },
		  1,
		  "port of" },
		{ "top_ports",
		  { "nn", { .kind = NR_CELL_I64, .i64 = 1 } },
		  1,
		  "no parameter 'nn'" },
		{ "top_ports",
		  { "since", { .kind = NR_CELL_TEXT, .text = NR_STR("soon") } },
		  1,
		  "since of" },
		{ "source_history",
		  { "address", { .kind = NR_CELL_TEXT, .text = NR_STR("::g") } },
		  1,
		  "address of" },
	};

	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_err err = { 0 };

		assert_int_equal(nr_store_query(*state, cases[i].query, &cases[i].param, cases[i].n,
						1000, take, NULL, &err),
				 NR_EUSAGE);
		if (strstr(err.msg, cases[i].words) == NULL)
			fail_msg("case %zu: %s", i, err.msg);
	}
}

static int refuse(void *ctx, uint64_t row, const struct nr_store_value *values, size_t n)
{
	(void)ctx;
	(void)values;
	(void)n;
	return row == 2 ? -ECANCELED : 0;
}

static void who_takes_the_rows_may_end_it(void **state)
{
	assert_int_equal(nr_store_query(*state, "top_ports", NULL, 0, 1000, refuse, NULL, NULL),
			 -ECANCELED);
}

/* A millisecond passes while the statement is still being prepared. */
static void a_question_ends_at_its_deadline(void **state)
{
	struct nr_err err = { 0 };
	int64_t ret = 0;

	for (int i = 0; i < 20 && ret != -ETIMEDOUT; i++)
		ret = nr_store_query(*state, "economy_ports_raw", NULL, 0, 1, refuse, NULL, &err);
	assert_int_equal(ret, -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "deadline"));
	struct table *table = ask(*state, "sums", NULL, 0); /* the store goes on */

	assert_true(table->n > 0);
	free(table);
}

/* ---- asking while it is written ---- */

struct asker {
	struct nr_store *store;
	atomic_bool *done;
	uint64_t asked, most;
	int ret;
};

static int count_row(void *ctx, const struct nr_store_row *row)
{
	(void)row;
	++*(uint64_t *)ctx;
	return 0;
}

/* Every answer holds whole commits only, and no fewer rows than the one before. */
static void *ask_on(void *arg)
{
	struct asker *asker = arg;
	struct nr_store_filter filter = { .until = { INT64_MAX }, .limit = 100000 };

	while (!atomic_load(asker->done) && asker->ret >= 0) {
		uint64_t rows = 0, digest = 0;
		int64_t got = nr_store_rows(asker->store, &filter, count_row, &rows, NULL);

		if (got < 0 || rows < asker->most || rows % ROWS != 0)
			asker->ret = got < 0 ? (int)got : -EINVAL;
		asker->most = rows;
		got = nr_store_query(asker->store, "sums", NULL, 0, 20000, refuse, &digest, NULL);
		if (got < 0 && got != -ECANCELED)
			asker->ret = (int)got;
		asker->asked++;
	}
	return NULL;
}

static void it_can_be_asked_while_it_is_written(void **state)
{
	char dir[TEST_PATH];
	atomic_bool done = false;
	pthread_t threads[2];
	struct asker askers[2];

	(void)state;
	test_dir_make(dir);
	struct nr_store *store = test_open(dir, false);

	for (size_t i = 0; i < 2; i++) {
		askers[i] = (struct asker){ .store = store, .done = &done };
		assert_int_equal(pthread_create(&threads[i], NULL, ask_on, &askers[i]), 0);
	}
	for (uint64_t at = 1; at <= ENTRIES; at++) {
		test_add(store, at, ROWS);
		test_commit(store);
	}
	atomic_store(&done, true);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(askers[i].ret, 0);
		assert_true(askers[i].asked > 0);
	}
	nr_store_close(store);
	test_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(top_ports_agree_with_a_count_by_hand),
		cmocka_unit_test(top_as_agree_with_a_count_by_hand),
		cmocka_unit_test(economy_ports_agree_with_a_count_by_hand),
		cmocka_unit_test(port_minutes_agree_with_a_count_by_hand),
		cmocka_unit_test(the_history_of_an_address_is_complete),
		cmocka_unit_test(top_sources_count_all_while_there_are_few),
		cmocka_unit_test(wrong_words_are_named),
		cmocka_unit_test(who_takes_the_rows_may_end_it),
		cmocka_unit_test(a_question_ends_at_its_deadline),
		cmocka_unit_test(it_can_be_asked_while_it_is_written),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
