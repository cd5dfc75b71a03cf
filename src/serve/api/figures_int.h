/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * figures_int: what the answers about figures share: a request on its way from parameters to JSON.
 *
 * A handler reads its parameters into a job, and nr_job_answer() finds the answer at the desk or has it
 * made: by the job's `make`, with a session of the store, on whose state of the sums all of it rests.
 */
#include "serve/api/desk.h"
#include "serve/api/figures_table.h"

enum { NR_JOB_MS = 10000 };
#define NR_JOB_ROWS_MAX UINT64_C(30000000) /* observations read for one answer */

struct nr_job {
	struct nr_hub *hub;
	const struct nr_http_request *rq;
	const char *name; /* of the statement that answers */
	struct nr_figures_question q;
	struct nr_thing thing;
	uint8_t only; /* measures wanted */
	uint8_t by;   /* enum nr_by */
	uint64_t n;
	uint32_t before_since, before_until;
	bool raw; /* it reads observations */
	int (*make)(struct nr_job *job, struct nr_err *reterr);
	struct nr_store_session *session;
	struct nr_json json;
};

enum nr_by { /* what tops are of */
	     NR_BY_PORTS,
	     NR_BY_ASNS,
	     NR_BY_ECONOMIES,
	     NR_BY_CLASSES,
	     NR_BY_SENSORS,
	     NR_BY_SOURCES,
	     NR_BY_TOOLS,
	     NR_N_BY,
};
extern const char *const nr_by_names[]; /* NULL-terminated */
enum nr_figure_kind nr_by_kind(enum nr_by by);

/** The answer of a job into the reply, from the desk or made now. */
NR_MUST_CHECK int nr_job_answer(struct nr_job *job, struct nr_http_reply *reply);
/** Open the object of the answer: scope, sensors, quorum, times, newest, query, partial. */
void nr_job_head(struct nr_job *job);
/** A member that holds a row's key as people write it. */
void nr_job_key(struct nr_job *job, enum nr_by by, const struct nr_figures_row_of *row);
/** Objects of an open array: key and measures. */
void nr_job_rows(struct nr_job *job, enum nr_by by, const struct nr_figures_table *table);
/** Objects of an open array: time and measures. */
void nr_job_times(struct nr_job *job, const struct nr_figures_table *table);
/** The first n of a top, whatever it is of. */
NR_MUST_CHECK int nr_job_top(struct nr_job *job, const struct nr_figures *ask, enum nr_by by,
			     struct nr_figures_table *table, struct nr_err *reterr);
NR_MUST_CHECK int nr_job_show(struct nr_job *job, struct nr_err *reterr);
