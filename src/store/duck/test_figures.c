/* SPDX-License-Identifier: Apache-2.0 */
/* Figures against a count by hand of the same rows: every statement, exact and shared, for many quorums. */
#include "store/figures.h"

#include <math.h>

#include "store/duck/store_int.h"
#include "store/duck/test_store.h"

enum { ENTRIES = 140, ROWS = 40, SENSORS = 7, KEYS = 512, MANY = 2048 };

static struct nr_uuid sensor_uuid(size_t i)
{
	return (struct nr_uuid){ { (uint8_t)(0x10 + i) } };
}

static size_t sensor_of(uint64_t at)
{
	return nr_mix64(at) % SENSORS;
}

static void add_entry(struct nr_store *store, uint64_t at)
{
	struct nr_observation obs[ROWS];
	struct nr_err err = { 0 };
	struct nr_buf out;

	nr_buf_init(&out, 1 << 20);
	for (size_t i = 0; i < ROWS; i++)
		obs[i] = test_row(at, i);
	struct nr_entry entry = test_entry_of(obs, ROWS, at, &out);

	entry.batch.sensor = sensor_uuid(sensor_of(at));
	if (nr_store_add(store, &entry, &err) < 0)
		fail_msg("%s", err.msg);
	nr_buf_done(&out);
}

static int make(void **state)
{
	static char dir[TEST_PATH];

	test_dir_make(dir);
	struct nr_store *store = test_open(dir, false);

	for (uint64_t at = 1; at <= ENTRIES; at++) {
		add_entry(store, at);
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

/* ---- the reference ---- */

struct question {
	const char *name;
	struct nr_figures ask;
	/* Does the row belong to it, and under which key? */
	bool (*key)(const struct nr_observation *obs, const struct nr_figures *ask,
		    char ret_key[NR_IP_TEXT]);
};

struct cell {
	uint64_t packets, bytes, flows;
	struct nr_ip sources[MANY];
	size_t n_sources;
};

struct group {
	char key[NR_IP_TEXT];
	struct cell *cells[SENSORS + 1]; /* the last one: all of them */
};

struct reference {
	struct group groups[KEYS];
	size_t n;
};

static struct cell *cell_of(struct reference *ref, const char *key, size_t sensor)
{
	size_t i = 0;

	while (i < ref->n && strcmp(ref->groups[i].key, key) != 0)
		i++;
	assert_true(i < KEYS);
	if (i == ref->n)
		(void)snprintf(ref->groups[ref->n++].key, NR_IP_TEXT, "%s", key);
	if (ref->groups[i].cells[sensor] == NULL)
		ref->groups[i].cells[sensor] = calloc(1, sizeof(struct cell));
	assert_non_null(ref->groups[i].cells[sensor]);
	return ref->groups[i].cells[sensor];
}

static void count(struct cell *cell, const struct nr_observation *obs)
{
	size_t i = 0;

	cell->packets += obs->packets;
	cell->bytes += obs->bytes;
	cell->flows++;
	while (i < cell->n_sources && !nr_ip_eq(cell->sources[i], obs->src))
		i++;
	if (i == cell->n_sources && i < MANY)
		cell->sources[cell->n_sources++] = obs->src;
}

static bool is_asked(const struct nr_figures *ask, struct nr_uuid sensor)
{
	for (size_t i = 0; i < ask->n_sensors; i++)
		if (nr_uuid_eq(ask->sensors[i], sensor))
			return true;
	return false;
}

static struct reference *reference_of(const struct question *q)
{
	struct reference *ref = calloc(1, sizeof(*ref));
	char key[NR_IP_TEXT];

	assert_non_null(ref);
	for (uint64_t at = 1; at <= ENTRIES; at++)
		for (uint64_t i = 0; i < ROWS; i++) {
			struct nr_observation obs = test_row(at, i);

			if (!is_asked(&q->ask, sensor_uuid(sensor_of(at))) ||
			    obs.tick < q->ask.since || obs.tick >= q->ask.until ||
			    !q->key(&obs, &q->ask, key))
				continue;
			count(cell_of(ref, key, sensor_of(at)), &obs);
			count(cell_of(ref, key, SENSORS), &obs);
		}
	return ref;
}

static void reference_free(struct reference *ref)
{
	for (size_t i = 0; i < ref->n; i++)
		for (size_t s = 0; s <= SENSORS; s++)
			free(ref->groups[i].cells[s]);
	free(ref);
}

static uint64_t value_of(const struct cell *cell, const char *column)
{
	if (cell == NULL)
		return 0;
	return strcmp(column, "packets") == 0 ? cell->packets
	       : strcmp(column, "bytes") == 0 ? cell->bytes
	       : strcmp(column, "flows") == 0 ? cell->flows
					      : cell->n_sources;
}

/* The m-th largest of the sensors' values, found the slow way: how many reach it? */
static uint64_t expected(const struct group *group, unsigned quorum, const char *column)
{
	uint64_t best = 0;

	if (quorum == 0)
		return value_of(group->cells[SENSORS], column);
	for (size_t s = 0; s < SENSORS; s++) {
		uint64_t v = value_of(group->cells[s], column);
		unsigned reach = 0;

		for (size_t k = 0; k < SENSORS; k++)
			reach += value_of(group->cells[k], column) >= v;
		if (reach >= quorum && v > best)
			best = v;
	}
	return best;
}

/* ---- the answer ---- */

struct table {
	char names[8][16];
	struct {
		char key[NR_IP_TEXT];
		int64_t value[8];
	} rows[KEYS];
	size_t n, n_columns;
};

static int take(void *ctx, uint64_t row, const struct nr_store_value *values, size_t n)
{
	struct table *table = ctx;

	assert_true(n <= 8 && row <= KEYS);
	table->n_columns = n;
	for (size_t i = 0; i < n; i++) {
		if (row == 0)
			(void)snprintf(table->names[i], 16, NR_STR_FMT, NR_STR_ARG(values[i].text));
		else if (values[i].kind == NR_CELL_TEXT)
			(void)snprintf(table->rows[row - 1].key, NR_IP_TEXT, NR_STR_FMT,
				       NR_STR_ARG(values[i].text));
		else
			table->rows[row - 1].value[i] = values[i].i64;
		if (row > 0 && i == 0 && values[i].kind != NR_CELL_TEXT)
			(void)snprintf(table->rows[row - 1].key, NR_IP_TEXT, "%lld",
				       (long long)values[i].i64);
	}
	table->n = row;
	return 0;
}

static struct table *ask(struct nr_store *store, const char *name, const struct nr_figures *figures)
{
	struct table *table = calloc(1, sizeof(*table));
	struct nr_store_session *session = NULL;
	struct nr_err err = { 0 };

	assert_non_null(table);
	if (nr_store_session_open(store, figures->since, figures->until, 20000, NULL, NULL,
				  &session, &err) < 0 ||
	    nr_store_session_ask(session, name, figures, take, table, &err) < 0)
		fail_msg("%s: %s", name, err.msg);
	nr_store_session_close(session);
	return table;
}

static void compare_row(const struct question *q, const struct group *group,
			const struct table *table, size_t row)
{
	for (size_t c = 1; c < table->n_columns; c++) {
		uint64_t want = expected(group, q->ask.quorum, table->names[c]);
		uint64_t got = (uint64_t)table->rows[row].value[c];

		if (strcmp(table->names[c], "sources") == 0)
			assert_true(fabs((double)got - (double)want) <= 0.15 * (double)want + 1);
		else if (got != want)
			fail_msg("%s quorum %u key %s: %s is %llu, not %llu", q->name,
				 q->ask.quorum, group->key, table->names[c],
				 (unsigned long long)got, (unsigned long long)want);
	}
}

static size_t compare(struct nr_store *store, const struct question *q)
{
	struct table *table = ask(store, q->name, &q->ask);
	struct reference *ref = reference_of(q);
	size_t n = 0;

	for (size_t i = 0; i < ref->n; i++) {
		bool there = expected(&ref->groups[i], q->ask.quorum, "flows") > 0;
		size_t row = 0;

		n += there;
		while (row < table->n && strcmp(table->rows[row].key, ref->groups[i].key) != 0)
			row++;
		if (there != (row < table->n))
			fail_msg("%s quorum %u: key %s is %s", q->name, q->ask.quorum,
				 ref->groups[i].key, there ? "not there" : "there");
		if (there)
			compare_row(q, &ref->groups[i], table, row);
	}
	assert_int_equal(table->n, n);
	reference_free(ref);
	free(table);
	return n;
}

/* ---- what keys are ---- */

static bool by_minute(const struct nr_observation *obs, const struct nr_figures *ask, char *key)
{
	if ((obs->proto << 16 | obs->dport) != ask->key)
		return false;
	(void)snprintf(key, NR_IP_TEXT, "%lld", (long long)(obs->tick - obs->tick % ask->step));
	return true;
}

static bool by_time(const struct nr_observation *obs, const struct nr_figures *ask, char *key)
{
	(void)snprintf(key, NR_IP_TEXT, "%lld", (long long)(obs->tick - obs->tick % ask->step));
	return true;
}

static bool by_port(const struct nr_observation *obs, const struct nr_figures *ask, char *key)
{
	(void)ask;
	(void)snprintf(key, NR_IP_TEXT, "%d", obs->proto << 16 | obs->dport);
	return true;
}

static uint32_t as_of(const struct nr_observation *obs)
{
	return 64500 + nr_ip_to_v4(obs->src) % 7;
}

static bool by_as(const struct nr_observation *obs, const struct nr_figures *ask, char *key)
{
	(void)ask;
	(void)snprintf(key, NR_IP_TEXT, "%u", as_of(obs));
	return true;
}

static bool by_economy_of_port(const struct nr_observation *obs, const struct nr_figures *ask,
			       char *key)
{
	if ((obs->proto << 16 | obs->dport) != ask->key)
		return false;
	(void)snprintf(key, NR_IP_TEXT, "%d",
		       nr_ip_to_v4(obs->src) % 2 != 0 ? 'J' << 8 | 'P' : 'D' << 8 | 'E');
	return true;
}

static bool by_class(const struct nr_observation *obs, const struct nr_figures *ask, char *key)
{
	(void)ask;
	(void)snprintf(key, NR_IP_TEXT, "%u", obs->traffic_class);
	return true;
}

static bool by_source(const struct nr_observation *obs, const struct nr_figures *ask, char *key)
{
	(void)ask;
	(void)nr_ip_print(obs->src, key);
	return true;
}

static bool by_hour_of_prefix(const struct nr_observation *obs, const struct nr_figures *ask,
			      char *key)
{
	return nr_prefix_has(ask->src, obs->src) && by_time(obs, ask, key);
}

static bool by_port_of_as(const struct nr_observation *obs, const struct nr_figures *ask, char *key)
{
	return as_of(obs) == ask->asn && by_port(obs, ask, key);
}

static bool all_of_port(const struct nr_observation *obs, const struct nr_figures *ask, char *key)
{
	(void)snprintf(key, NR_IP_TEXT, "0");
	return (obs->proto << 16 | obs->dport) == ask->port;
}

static struct nr_figures general(void)
{
	return (struct nr_figures){ .since = TEST_NOON - TEST_DAY / 2,
				    .until = TEST_NOON + TEST_DAY * 3 / 2,
				    .n = KEYS,
				    .port = NR_FIGURE_ANY,
				    .asn = NR_FIGURE_ANY,
				    .economy = NR_FIGURE_ANY,
				    .traffic_class = NR_FIGURE_ANY,
				    .key = NR_FIGURE_ANY };
}

enum { QUESTIONS = 17 };

static size_t questions(struct question out[QUESTIONS])
{
	static const uint64_t keys[] = { 6 << 16 | 23,	17 << 16 | 445, 6 << 16 | 22,
					 6 << 16 | 445, 6 << 16 | 8080, 17 << 16 | 23,
					 17 << 16 | 22, 17 << 16 | 8080 };
	const struct question list[QUESTIONS] = {
		{ "minutes",
		  { .step = 60, .kind = NR_FIGURE_PORT, .key = 6 << 16 | 23 },
		  by_minute },
		{ "minutes",
		  { .step = 900, .kind = NR_FIGURE_PORT, .key = 17 << 16 | 22 },
		  by_minute },
		{ "minutes", { .step = 60, .kind = NR_FIGURE_ALL, .key = 0 }, by_time },
		{ "series", { .step = 3600, .kind = NR_FIGURE_ALL, .key = 0 }, by_time },
		{ "series", { .step = TEST_DAY, .kind = NR_FIGURE_ALL, .key = 0 }, by_time },
		{ "rank", { .kind = NR_FIGURE_PORT, .key = NR_FIGURE_ANY }, by_port },
		{ "rank", { .kind = NR_FIGURE_AS, .key = NR_FIGURE_ANY }, by_as },
		{ "rank", { .kind = NR_FIGURE_CLASS, .key = NR_FIGURE_ANY }, by_class },
		{ "keys",
		  { .kind = NR_FIGURE_PORT, .keys = keys, .n_keys = 8, .key = NR_FIGURE_ANY },
		  by_port },
		{ "pairs",
		  { .kind = NR_FIGURE_ECONOMY_PORT, .key = 6 << 16 | 23 },
		  by_economy_of_port },
		{ "sources", { .key = NR_FIGURE_ANY }, by_source },
		{ "raw_series", { .step = 3600, .key = NR_FIGURE_ANY }, by_time },
		{ "raw_series",
		  { .step = 3600, .key = NR_FIGURE_ANY, .has_src = true },
		  by_hour_of_prefix },
		{ "raw_ports", { .key = NR_FIGURE_ANY }, by_port },
		{ "raw_ports", { .key = NR_FIGURE_ANY, .asn = 64503 }, by_port_of_as },
		{ "raw_sources", { .key = NR_FIGURE_ANY }, by_source },
		{ "raw_total", { .key = NR_FIGURE_ANY, .port = 6 << 16 | 8080 }, all_of_port },
	};

	for (size_t i = 0; i < QUESTIONS; i++) {
		struct nr_figures ask = general();

		out[i] = list[i];
		out[i].ask.since = ask.since;
		out[i].ask.until = ask.until;
		out[i].ask.n = ask.n;
		out[i].ask.economy = out[i].ask.traffic_class = NR_FIGURE_ANY;
		if (out[i].ask.port == 0)
			out[i].ask.port = NR_FIGURE_ANY;
		if (out[i].ask.asn == 0)
			out[i].ask.asn = NR_FIGURE_ANY;
		if (out[i].ask.has_src)
			assert_int_equal(nr_prefix_parse(NR_STR("203.0.113.64/26"),
							 &out[i].ask.src),
					 0);
	}
	return QUESTIONS;
}

static void figures_are_what_a_count_by_hand_says_for_every_quorum(void **state)
{
	static const unsigned quorums[] = { 0, 1, 3, 4, 7 };
	struct question list[QUESTIONS];
	struct nr_uuid sensors[SENSORS];
	size_t n = questions(list), rows[NR_COUNT(quorums)] = { 0 };

	for (size_t i = 0; i < SENSORS; i++)
		sensors[i] = sensor_uuid(i);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < NR_COUNT(quorums); k++) {
			list[i].ask.sensors = sensors;
			list[i].ask.n_sensors = SENSORS;
			list[i].ask.quorum = quorums[k];
			list[i].ask.shared = quorums[k] > 0;
			rows[k] += compare(*state, &list[i]);
		}
	for (size_t k = 2; k < NR_COUNT(quorums); k++) /* the test has quiet cells */
		assert_true(rows[k] < rows[k - 1] && rows[k] > 0);
}

static void only_the_sensors_that_are_named_count(void **state)
{
	const struct nr_uuid some[] = {
		sensor_uuid(1), sensor_uuid(2), sensor_uuid(5), { { 0xee } }
	};
	struct question list[QUESTIONS];
	size_t n = questions(list);

	for (size_t i = 0; i < n; i++)
		for (unsigned quorum = 0; quorum <= 3; quorum++) {
			list[i].ask.sensors = some;
			list[i].ask.n_sensors = NR_COUNT(some);
			list[i].ask.quorum = quorum;
			list[i].ask.shared = quorum > 0;
			(void)compare(*state, &list[i]);
		}
}

static void without_sensors_or_with_too_few_there_is_nothing(void **state)
{
	const struct nr_uuid two[] = { sensor_uuid(0), sensor_uuid(1) };
	struct question list[QUESTIONS];
	size_t n = questions(list);

	for (size_t i = 0; i < n; i++)
		for (size_t n_sensors = 0; n_sensors <= 2; n_sensors++) {
			list[i].ask.sensors = two;
			list[i].ask.n_sensors = n_sensors;
			list[i].ask.shared = n_sensors > 0;
			list[i].ask.quorum = n_sensors == 1
						     ? 0
						     : 3; /* too few share; more than there are */
			struct table *table = ask(*state, list[i].name, &list[i].ask);

			assert_int_equal(table->n, 0);
			free(table);
		}
}

static void the_newest_minute_is_what_the_quorum_reached(void **state)
{
	struct nr_uuid sensors[SENSORS];
	struct nr_figures ask = general();
	uint32_t newest[SENSORS], last = UINT32_MAX;

	for (size_t i = 0; i < SENSORS; i++) {
		sensors[i] = sensor_uuid(i);
		ask.sensors = &sensors[i];
		ask.n_sensors = 1;
		newest[i] = nr_store_sums_newest(*state, &ask);
		assert_true(newest[i] % 60 == 0 && newest[i] > 0);
	}
	ask.sensors = sensors;
	ask.n_sensors = SENSORS;
	ask.shared = true;
	for (ask.quorum = 1; ask.quorum <= SENSORS; ask.quorum++) {
		uint32_t at = nr_store_sums_newest(*state, &ask);
		unsigned reach = 0;

		for (size_t i = 0; i < SENSORS; i++)
			reach += newest[i] >= at;
		assert_true(reach >= ask.quorum && at <= last && at > 0);
		last = at;
	}
	for (ask.quorum = 0; ask.quorum <= SENSORS + 1; ask.quorum += SENSORS + 1)
		assert_int_equal(nr_store_sums_newest(*state, &ask), 0);
}

/* ---- heads ---- */

enum { H_SENSORS = 5, H_KEYS = 1500, H_ROWS = 4000, H_BATCHES = 24, H_START = TEST_NOON };

/* Ports of very unequal weight, more of them than a head holds; late batches for hours that are rolled up. */
static void add_many(struct nr_store *store, uint64_t at)
{
	struct nr_observation *obs = calloc(H_ROWS, sizeof(*obs));
	struct nr_err err = { 0 };
	struct nr_buf out;

	assert_non_null(obs);
	nr_buf_init(&out, 4 << 20);
	for (size_t i = 0; i < H_ROWS; i++) {
		uint64_t roll = nr_mix64(at * H_ROWS + i);

		obs[i] = test_row(at, i % 40);
		obs[i].tick = H_START + (int64_t)(at % 11 == 0 ? 0 : at / 4) * 3600 +
			      (int64_t)(roll % 3600);
		obs[i].proto = 6;
		obs[i].packets = 1;
		obs[i].dport = (uint16_t)(i % 3 == 0 ? roll >> 20 & 31 : (roll >> 20) % H_KEYS);
	}
	struct nr_entry entry = test_entry_of(obs, H_ROWS, at, &out);

	entry.batch.sensor = sensor_uuid(at % H_SENSORS);
	if (nr_store_add(store, &entry, &err) < 0)
		fail_msg("%s", err.msg);
	nr_buf_done(&out);
	free(obs);
}

struct first {
	uint64_t keys[MANY];
	size_t n;
};

static int take_first(void *ctx, uint64_t row, const struct nr_store_value *values, size_t n)
{
	struct first *first = ctx;

	(void)n;
	if (row > 0)
		first->keys[first->n++] = (uint64_t)values[0].i64;
	return 0;
}

static bool compare_ranks(struct nr_store *store, const struct nr_figures *figures)
{
	struct nr_store_session *session = NULL;
	struct first all = { .n = 0 };
	uint64_t keys[MANY];
	bool heads = false;

	assert_int_equal(nr_store_session_open(store, 0, 0, 20000, NULL, NULL, &session, NULL), 0);
	assert_true(nr_store_session_ask(session, "rank", figures, take_first, &all, NULL) >= 0);
	assert_int_equal(nr_store_session_rank(session, figures, keys, &heads, NULL), all.n);
	assert_memory_equal(keys, all.keys, all.n * sizeof(keys[0]));
	struct nr_figures its = *figures;
	static struct table a, b; /* large */

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));

	its.keys = keys;
	its.n_keys = all.n;
	if (all.n <= KEYS)
		assert_true(nr_store_session_ask(session, "keys", &its, take, &a, NULL) >= 0);
	if (heads && all.n <= KEYS) {
		assert_true(nr_store_session_ask(session, "keys_heads", &its, take, &b, NULL) >= 0);
		assert_memory_equal(&a, &b, sizeof(a));
	}
	nr_store_session_close(session);
	return heads;
}

static void what_leads_is_the_same_from_heads_as_from_all_sums(void **state)
{
	char dir[TEST_PATH];
	struct nr_uuid sensors[H_SENSORS];
	unsigned from_heads = 0, from_all = 0;

	(void)state;
	test_dir_make(dir);
	struct nr_store *store = test_open(dir, false);

	for (uint64_t at = 1; at <= H_BATCHES; at++) {
		add_many(store, at);
		if (at % 4 == 0)
			test_settle(store);
	}
	for (size_t i = 0; i < H_SENSORS; i++)
		sensors[i] = sensor_uuid(i);
	struct nr_figures ask = general();

	ask.sensors = sensors;
	ask.kind = NR_FIGURE_PORT;
	for (size_t n_sensors = 1; n_sensors <= H_SENSORS; n_sensors++)
		for (unsigned quorum = 0; quorum <= n_sensors; quorum++)
			for (uint64_t n = 1; n <= 64; n *= 4) {
				ask.n_sensors = n_sensors;
				ask.shared = quorum > 0;
				ask.quorum = quorum;
				ask.n = n;
				if (compare_ranks(store, &ask))
					from_heads++;
				else
					from_all++;
			}
	assert_true(from_heads > 5 && from_all > 5);
	ask.shared =
		false; /* of one hour all that the heads hold is whole: that is not all there is */
	ask.n_sensors = 1;
	ask.since = H_START + 3600;
	ask.until = ask.since + 3600;
	for (ask.n = 8; ask.n <= 1300; ask.n += 1292)
		assert_int_equal(compare_ranks(store, &ask), ask.n == 8);
	nr_store_close(store);
	test_dir_remove(dir);
}

static bool always(void *ctx)
{
	++*(unsigned *)ctx;
	return true;
}

static void a_question_of_somebody_who_left_ends(void **state)
{
	struct nr_uuid sensor = sensor_uuid(0);
	struct nr_figures figures = general();
	struct nr_store_session *session = NULL;
	unsigned asked = 0;

	figures.sensors = &sensor;
	figures.n_sensors = 1;
	for (int i = 0; i < 1000; i++) {
		struct table table = { .n = 0 };

		assert_int_equal(nr_store_session_open(*state, figures.since, figures.until, 20000,
						       always, &asked, &session, NULL),
				 0);
		assert_int_equal(nr_store_session_ask(session, "raw_ports", &figures, take, &table,
						      NULL),
				 -ECANCELED);
		nr_store_session_close(session);
	}
	assert_int_equal(asked, 1000);
	free(ask(*state, "raw_ports", &figures)); /* the store goes on */
}

/* ---- files ---- */

struct page {
	uint64_t rows, packets, last_at;
	uint32_t last_row;
};

static int add_up(void *ctx, const struct nr_store_row *row)
{
	struct page *page = ctx;

	page->rows++;
	page->packets += row->obs.packets;
	page->last_at = row->at;
	page->last_row = row->row;
	return 0;
}

/* Read again by DuckDB itself, on a connection of the store: nothing else may read there. */
static uint64_t number_in(struct nr_store *store, const char *path, const char *what)
{
	struct nr_duck_con *con = NULL;
	uint64_t number = 0;
	char sql[1024];

	(void)snprintf(sql, sizeof(sql), "SELECT (%s)::UBIGINT FROM '%s'", what, path);
	assert_int_equal(nr_duck_connect(store->duck, &con, NULL), 0);
	assert_int_equal(nr_duck_number(con, sql, &number, NULL), 0);
	nr_duck_disconnect(con);
	return number;
}

static void a_parquet_file_holds_the_rows_of_its_page(void **state)
{
	struct nr_uuid some[] = { sensor_uuid(1), sensor_uuid(2) };
	struct nr_store_filter filter = {
		.until = { INT64_MAX }, .limit = 500, .sensors = some[0].b, .n_sensors = 2
	};
	struct nr_store_file file;
	struct page page = { .rows = 0 };

	assert_int_equal(nr_store_parquet(*state, &filter, &file, NULL), 0);
	assert_int_equal(nr_store_rows(*state, &filter, add_up, &page, NULL), 500);
	assert_int_equal(file.rows, page.rows);
	assert_true(file.at == page.last_at && file.row == page.last_row);
	assert_int_equal(number_in(*state, file.path, "count(*)"), page.rows);
	assert_int_equal(number_in(*state, file.path, "sum(packets)"), page.packets);
	assert_int_equal(number_in(*state, file.path, "count(DISTINCT sensor)"), 2);
	assert_int_equal(number_in(*state, file.path,
				   "count(*) FILTER (sensor LIKE '11000000-%' OR sensor LIKE "
				   "'12000000-%')"),
			 page.rows);
	assert_int_equal(unlink(file.path), 0);
	filter.n_sensors = 0; /* of none: a file without rows */
	assert_int_equal(nr_store_parquet(*state, &filter, &file, NULL), 0);
	assert_int_equal(file.rows, 0);
	assert_int_equal(unlink(file.path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_what_a_count_by_hand_says_for_every_quorum),
		cmocka_unit_test(only_the_sensors_that_are_named_count),
		cmocka_unit_test(without_sensors_or_with_too_few_there_is_nothing),
		cmocka_unit_test(the_newest_minute_is_what_the_quorum_reached),
		cmocka_unit_test(what_leads_is_the_same_from_heads_as_from_all_sums),
		cmocka_unit_test(a_parquet_file_holds_the_rows_of_its_page),
		cmocka_unit_test(a_question_of_somebody_who_left_ends),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
