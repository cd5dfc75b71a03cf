/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * figures: sums, series and tops over some sensors, for who owns them or for who may only know what
 * enough of them saw.
 *
 * Rule     not shared: exact sums, sketches merged. Shared: of the sums of each sensor by itself the
 *          m-th largest, m being the quorum; what fewer than m sensors saw is not there, and without a
 *          quorum nothing is. It stands once, in
 *          tools/embed-queries; each statement queries/figures_NAME.sql has both forms.
 * Times    whole minutes at least; sums of hours and days by whole hours, so round before asking
 * One view a session's statements see the same state of the sums
 * Limits   100,000 rows a statement; a deadline; `gone` is asked every few milliseconds
 * Errors   -ETIMEDOUT; -ECANCELED `gone` said so; NR_ELIMIT; NR_EUSAGE no such figures
 * Threads  a session: one; sessions: any number
 */
#include "store/observations.h"

enum nr_figure_kind {			  /* what keys are; the same numbers as in the roll-ups */
		      NR_FIGURE_PORT = 1, /* protocol << 16 | destination port */
		      NR_FIGURE_ECONOMY =
			      2,	   /* two letters, the first in the high byte; 0: unknown */
		      NR_FIGURE_AS = 3,	   /* 0: unknown */
		      NR_FIGURE_CLASS = 4, /* enum nr_class */
		      NR_FIGURE_ALL = 5,   /* key 0 */
		      NR_FIGURE_ECONOMY_PORT = 6, /* economy << 24 | port; by the hour */
};
#define NR_FIGURE_ANY INT64_C(-1)

struct nr_figures {
	const struct nr_uuid *sensors;
	size_t n_sensors;
	bool shared;		     /* by the rule for who does not own the sensors */
	unsigned quorum;	     /* of shared; 0: too few share */
	uint32_t since, until, step; /* seconds; step only where there is a time */
	uint8_t kind;		     /* enum nr_figure_kind; of roll-ups */
	const uint64_t *keys;	     /* figures_keys */
	size_t n_keys;
	uint64_t floors; /* figures_rank_heads: of all sensors together */
	uint64_t n;	 /* rows at most */
	/* Roll-ups of one key and rows of observations: NR_FIGURE_ANY or what they have to be. */
	int64_t port, asn, economy, traffic_class, key;
	bool has_src;
	struct nr_prefix src;
	bool by_port; /* figures_pairs: ports, not economies */
};

struct nr_store_session;
typedef int nr_figures_row(void *ctx, uint64_t row, const struct nr_store_value *values, size_t n);

/**
 * @p raw_since, @p raw_until: the observations of these seconds can be asked for too; both 0: none.
 * @p gone may be NULL.
 */
NR_MUST_CHECK int nr_store_session_open(struct nr_store *store, uint32_t raw_since,
					uint32_t raw_until, int timeout_ms, bool (*gone)(void *ctx),
					void *gone_ctx, struct nr_store_session **ret_session,
					struct nr_err *reterr);
struct nr_store_session *nr_store_session_close(struct nr_store_session *session);

/**
 * The statement figures_NAME: names of columns in row 0, then the rows.
 * @return rows; what @p row returned when negative
 */
NR_MUST_CHECK int64_t nr_store_session_ask(struct nr_store_session *session, const char *name,
					   const struct nr_figures *figures, nr_figures_row *row,
					   void *ctx, struct nr_err *reterr);

/**
 * The first figures->n keys by packets, into @p keys, which holds so many: from the heads of hours and
 * days where these are sure of them, else from all sums. @p ret_heads: `keys_heads` has all about these
 * keys, else `keys`. @return how many
 */
NR_MUST_CHECK int64_t nr_store_session_rank(struct nr_store_session *session,
					    const struct nr_figures *figures, uint64_t *keys,
					    bool *ret_heads, struct nr_err *reterr);

/** Grows each time sums were written: what was read at one number holds while it stands. */
uint64_t nr_store_sums_changes(struct nr_store *store);
/**
 * Whole minute of the newest observation in the sums: of any of the sensors; shared: which the quorum
 * has reached. 0: none
 */
uint32_t nr_store_sums_newest(struct nr_store *store, const struct nr_figures *figures);
