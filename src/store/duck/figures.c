/* SPDX-License-Identifier: Apache-2.0 */
/* Figures: the statements figures_*.sql in their two forms, on a connection that sees one state of
 * the sums. */
#include "store/figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "store/duck/columns.h"
#include "store/duck/query_table.h"
#include "store/duck/store_int.h"

_Static_assert((int)NR_FIGURE_PORT == (int)NR_ROLLUP_PORT &&
		       (int)NR_FIGURE_AS == (int)NR_ROLLUP_AS &&
		       (int)NR_FIGURE_ALL == (int)NR_ROLLUP_SENSOR &&
		       (int)NR_FIGURE_ECONOMY_PORT == (int)NR_ROLLUP_ECONOMY_PORT,
	       "kinds are those of the roll-ups");

enum { LIST_MAX = 4 << 20, NAME_MAX_N = 64 };

struct nr_store_session {
	struct nr_store *store;
	struct nr_store_asking asking;
	struct nr_time deadline;
	bool (*gone)(void *ctx);
	void *gone_ctx;
	uint32_t days_end; /* sums of whole days stand before this second */
};

/* ---- what the sums hold ---- */

uint64_t nr_store_sums_changes(struct nr_store *store)
{
	pthread_mutex_lock(&store->lock);
	uint64_t changes = store->sums_changes;

	pthread_mutex_unlock(&store->lock);
	return changes;
}

static int by_falling(const void *va, const void *vb)
{
	uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;

	return (a < b) - (a > b);
}

uint32_t nr_store_sums_newest(struct nr_store *store, const struct nr_figures *figures)
{
	size_t n = figures->n_sensors, at = figures->shared ? figures->quorum : 1;
	uint32_t *times = calloc(n + 1, sizeof(*times));

	if (times == NULL)
		return 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t number = nr_store_sensor_known(store, figures->sensors[i]);

		pthread_mutex_lock(&store->lock);
		times[i] = number != 0 ? store->sensors[number - 1].newest : 0;
		pthread_mutex_unlock(&store->lock);
	}
	qsort(times, n, sizeof(*times), by_falling);
	uint32_t newest = at >= 1 && at <= n ? times[at - 1] : 0;

	free(times);
	return newest;
}

/* ---- sessions ---- */

int nr_store_session_open(struct nr_store *store, uint32_t raw_since, uint32_t raw_until,
			  int timeout_ms, bool (*gone)(void *ctx), void *gone_ctx,
			  struct nr_store_session **ret_session, struct nr_err *reterr)
{
	struct nr_store_session *session = calloc(1, sizeof(*session));
	int ret = 0;

	if (session == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	session->store = store;
	session->gone = gone;
	session->gone_ctx = gone_ctx;
	session->deadline.ns = nr_mono_now().ns + (int64_t)timeout_ms * 1000000;
	pthread_mutex_lock(&store->lock);
	session->days_end = store->sums_days_end;
	pthread_mutex_unlock(&store->lock);
	if (raw_until > raw_since)
		ret = nr_store_ask_open(store, raw_since, raw_until, &session->asking, reterr);
	else
		ret = nr_duck_connect(store->duck, &session->asking.con, reterr);
	if (ret == 0)
		ret = nr_duck_run(session->asking.con, "BEGIN", reterr);
	if (ret < 0) {
		nr_store_session_close(session);
		return ret;
	}
	*ret_session = session;
	return 0;
}

struct nr_store_session *nr_store_session_close(struct nr_store_session *session)
{
	if (session == NULL)
		return NULL;
	nr_store_ask_close(session->store, &session->asking);
	free(session);
	return NULL;
}

/* ---- asking ---- */

static int bind_numbers(struct nr_duck_query *query, const char *name, const uint64_t *numbers,
			size_t n)
{
	struct nr_buf list;

	nr_buf_init(&list, LIST_MAX);
	nr_buf_addf(&list, "[");
	for (size_t i = 0; i < n; i++)
		nr_buf_addf(&list, "%s%" PRIu64, i > 0 ? "," : "", numbers[i]);
	nr_buf_addf(&list, "]");
	int ret = list.err < 0 ? list.err : nr_duck_bind_text(query, name, nr_buf_str(&list));

	nr_buf_done(&list);
	return ret;
}

/* Sensors the store does not know have sent nothing yet. */
static int bind_sensors(struct nr_store *store, struct nr_duck_query *query,
			const struct nr_figures *figures)
{
	uint64_t *numbers = calloc(figures->n_sensors + 1, sizeof(*numbers));
	size_t n = 0, n_sensors = figures->n_sensors;

	if (numbers == NULL)
		return -ENOMEM;
	if (figures->shared && figures->quorum == 0)
		n_sensors = 0; /* too few share: nobody sees anything */
	for (size_t i = 0; i < n_sensors; i++) {
		numbers[n] = nr_store_sensor_known(store, figures->sensors[i]);
		n += numbers[n] != 0;
	}
	int ret = bind_numbers(query, "sensors", numbers, n);

	free(numbers);
	return ret;
}

static int bind_optional(struct nr_duck_query *query, const char *name, int64_t value)
{
	return value == NR_FIGURE_ANY ? nr_duck_bind_null(query, name)
				      : nr_duck_bind_i64(query, name, value);
}

/* Whole days inside of [since, until), where the step allows for them. */
static void days_of(const struct nr_store_session *session, const struct nr_figures *figures,
		    int64_t ret_days[2])
{
	int64_t since = ((int64_t)figures->since + NR_STORE_DAY_S - 1) / NR_STORE_DAY_S *
			NR_STORE_DAY_S;
	int64_t until = figures->until < session->days_end ? figures->until : session->days_end;

	until -= until % NR_STORE_DAY_S;
	bool whole = (figures->step == 0 || figures->step % NR_STORE_DAY_S == 0) && until > since;

	ret_days[0] = whole ? since : 0;
	ret_days[1] = whole ? until : 0;
}

static int bind_all(const struct nr_store_session *session, struct nr_duck_query *query,
		    const struct nr_figures *figures)
{
	int64_t days[2];

	days_of(session, figures, days);
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {
		{ "since", figures->since },	    { "until", figures->until },
		{ "step", figures->step },	    { "kind", figures->kind },
		{ "n", (int64_t)figures->n },	    { "quorum", figures->quorum > 0 ? figures->quorum : 1 },
		{ "floors", (int64_t)figures->floors },
		{ "days_since", days[0] },	    { "days_until", days[1] },
		{ "by_port", figures->by_port },
	}, optional[] = {
		{ "port", figures->port },	    { "asn", figures->asn },
		{ "economy", figures->economy },    { "class", figures->traffic_class },
		{ "key", figures->key },
	};
	int ret = bind_sensors(session->store, query, figures);

	for (size_t i = 0; i < NR_COUNT(numbers) && ret == 0; i++)
		ret = nr_duck_bind_i64(query, numbers[i].name, numbers[i].value);
	for (size_t i = 0; i < NR_COUNT(optional) && ret == 0; i++)
		ret = bind_optional(query, optional[i].name, optional[i].value);
	if (ret == 0)
		ret = bind_numbers(query, "keys", figures->keys, figures->n_keys);
	return ret == 0 ? nr_store_bind_source(query, figures->has_src, figures->src) : ret;
}

int64_t nr_store_session_ask(struct nr_store_session *session, const char *name,
			     const struct nr_figures *figures, nr_figures_row *row, void *ctx,
			     struct nr_err *reterr)
{
	char full[NAME_MAX_N];
	struct nr_duck_query *query = NULL;
	int64_t given = 0;

	(void)snprintf(full, sizeof(full), "figures_%s%s", name, figures->shared ? "_shared" : "");
	const struct nr_store_query_file *file = nr_store_query_find(full);

	if (file == NULL || (file->raw && session->asking.days == NULL))
		return nr_fail(reterr, NR_EUSAGE, "there are no figures '%s' to ask for here",
			       name);
	int ret = nr_duck_prepare(session->asking.con, file->sql, &query, reterr);

	if (ret == 0 && (ret = bind_all(session, query, figures)) < 0)
		(void)nr_fail(reterr, ret, "%s: parameters cannot be bound: %s", full,
			      nr_err_text(ret));
	if (ret == 0) {
		nr_duck_query_watch(query, session->gone, session->gone_ctx);
		ret = nr_duck_query_run(query, session->deadline, reterr);
	}
	if (ret == 0)
		given = nr_store_give(query, row, ctx);
	nr_duck_query_close(query);
	return ret < 0 ? ret : given;
}

/* ---- what leads ---- */

struct ranking {
	uint64_t *keys;
	uint64_t n, least, floors;
	bool sure;
};

static int take_floor(void *ctx, uint64_t row, const struct nr_store_value *values, size_t n)
{
	if (row == 1 && n >= 2)
		*(uint64_t *)ctx = (uint64_t)values[1].i64;
	return 0;
}

/* key, packets and, of the heads, the floors it stands above. */
static int take_key(void *ctx, uint64_t row, const struct nr_store_value *values, size_t n)
{
	struct ranking *ranking = ctx;

	if (row == 0)
		return 0;
	ranking->keys[row - 1] = (uint64_t)values[0].i64;
	ranking->least = (uint64_t)values[1].i64;
	ranking->n = row;
	if (n > 2 && (uint64_t)values[2].i64 != ranking->floors)
		ranking->sure = false;
	return 0;
}

/*
 * A key that is in the head of a cell is known there; of another the cell's floor is the most it may have.
 * So floors - floor is what may be missing of a key. In order of what keys may have at most, the first n
 * are the first n if nothing may be missing of any; a key that no head has reaches all floors at most. Of
 * shared figures the same bounds hold: none of a sensor's sums is larger than what is known and its floors.
 */
static int64_t rank_heads(struct nr_store_session *session, const struct nr_figures *figures,
			  struct ranking *ranking, struct nr_err *reterr)
{
	struct nr_figures its = *figures;

	its.shared = false; /* a bound over all of them; nobody is shown it */
	int64_t ret = nr_store_session_ask(session, "floors", &its, take_floor, &ranking->floors,
					   reterr);

	if (ret < 0)
		return ret;
	its = *figures;
	its.floors = ranking->floors;
	ranking->sure = true;
	ret = nr_store_session_ask(session, "rank_heads", &its, take_key, ranking, reterr);
	if (ret >= 0 && ranking->floors > 0 &&
	    (ranking->n < figures->n || ranking->floors >= ranking->least))
		ranking->sure = false;
	return ret;
}

int64_t nr_store_session_rank(struct nr_store_session *session, const struct nr_figures *figures,
			      uint64_t *keys, bool *ret_heads, struct nr_err *reterr)
{
	struct ranking ranking = { .keys = keys };
	int64_t ret = 0;

	if (figures->kind == NR_FIGURE_PORT || figures->kind == NR_FIGURE_AS)
		ret = rank_heads(session, figures, &ranking, reterr);
	*ret_heads = ranking.sure;
	if (ret >= 0 && !ranking.sure) {
		ranking.n = 0;
		ret = nr_store_session_ask(session, "rank", figures, take_key, &ranking, reterr);
	}
	return ret < 0 ? ret : (int64_t)ranking.n;
}
