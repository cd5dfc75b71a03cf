/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * figures_read: what is asked of figures, read from the parameters of a request.
 *
 * Scope    own (exact, over the caller's sensors) or shared (what a quorum of the sensors others share
 *          with him reach); own when he has any
 * Times    whole steps: since is rounded down, until up, and neither lies beyond tomorrow
 * Thing    one port, AS, economy, class, sensor, address or prefix, in any usual writing
 * Errors   NR_EUSAGE says which parameter and what it takes; a sensor he does not own is -ENOENT, as one
 *          that is not there
 */
#include "serve/hub/hub_int.h"
#include "store/figures.h"

enum {
	NR_FIGURES_ROWS = 10000,
	NR_FIGURES_N = 1000,
	NR_FIGURES_DAY = 86400,
	NR_FIGURES_HOUR = 3600
};

enum nr_thing_kind {
	NR_THING_ALL,
	NR_THING_PORT,
	NR_THING_AS,
	NR_THING_ECONOMY,
	NR_THING_CLASS,
	NR_THING_SENSOR,
	NR_THING_ADDRESS,
	NR_THING_PREFIX,
};
extern const char *const nr_thing_names[]; /* "all", "port", ... */

struct nr_thing {
	uint8_t kind; /* enum nr_thing_kind */
	uint64_t key; /* of a roll-up */
	struct nr_prefix prefix;
	struct nr_uuid sensor;
	char text[NR_REGISTRY_NAME]; /* as it is always written */
};

struct nr_figures_question {
	struct nr_figures
		ask; /* sensors, shared, quorum, since, until, step; the rest as the answer needs */
	struct nr_uuid one;	 /* the sensor asked about: ask.sensors then is this */
	const char *partial_why; /* NULL: it is whole */
};

/** scope, since, until; @p step is what times are rounded to, at least an hour without minutes. */
NR_MUST_CHECK int nr_figures_read(const struct nr_http_request *rq, uint32_t step,
				  struct nr_figures_question *ret_question, struct nr_err *reterr);
/** A time of the request; @p fallback when the parameter is absent. */
NR_MUST_CHECK int nr_figures_time(const struct nr_http_request *rq, const char *name,
				  int64_t fallback, int64_t *ret_second, struct nr_err *reterr);
/**
 * One thing, as `what` has it. @p kind: only that; NR_THING_ALL: whatever it is.
 * @return 0; NR_EUSAGE; -ENOENT
 */
NR_MUST_CHECK int nr_thing_read(struct nr_hub *hub, const struct nr_scope *scope,
				struct nr_str text, enum nr_thing_kind kind,
				struct nr_thing *ret_thing, struct nr_err *reterr);
/** Of one sensor the question is about that one alone, which only its owner asks. */
NR_MUST_CHECK int nr_figures_of_thing(struct nr_figures_question *question,
				      const struct nr_thing *thing, struct nr_err *reterr);
/** How a key of this kind is written: "23/tcp", "AS64500", "JP", "scan". */
void nr_figures_key(enum nr_figure_kind kind, uint64_t key, char out[NR_REGISTRY_NAME]);
