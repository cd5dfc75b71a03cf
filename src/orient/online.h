/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * online: the engine fed by a journal: all sensors as one telescope, in event time, findings as
 * they live.
 *
 * In       entries (record/entry.h) in order of place; nothing else, no clock. The same entries
 *          give the same revisions, byte for byte. A place already fed is ignored.
 * Lanes    live: observations wait until a WATERMARK passes their second, then go to the engine in
 *          order of (time of the first packet, sensor, place, row); what comes later is marked
 *          NR_OBS_LATE and goes in at once. Backlog (a batch more than NR_WATCH_BACKLOG_NS behind
 *          the watermark, before the first one behind its arrival; or imported): a lane and an
 *          engine of its own for each such sensor, in its own time, at most NR_ONLINE_LANES, then
 *          sensors share them; its findings are told once, when they end or the lane does: with
 *          CAUGHT_UP or when live data of its sensors comes.
 * Time     the sensor's claim; corrected by whole seconds while CLOCK_OFF holds for it (what
 *          orient/watch said, not the offset of the batch: one slow beat shifts no time); never
 *          more than a minute ahead of arrival, then the second of arrival.
 * N        addresses monitored: sum over sensors that are live; a change is told to the detectors
 *          from the next second on.
 * Out      revisions of findings: new, continuing (grew enough to be worth saying: twice the
 *          packets, or a minute), ended, withdrawn. Each has the number of its revision, the place
 *          that made it, and whether late data did. The id is that of the first one. A finding that
 *          was over before it could be told has one revision, ended. In a revision finding->state
 *          is what the detector says; `state` is what the console should show. Findings about
 *          ourselves come the same way: detector "watch.v1", kinds sensor-silent, parser-frozen,
 *          clock-off, addresses-lost, data-lost, conflict; their times are the hub's.
 * State    save() at a place, load() and go on: equals never having stopped. A snapshot is of the
 *          build that wrote it; another build replays.
 * Threads  feed() from one; it uses n_workers inside
 */
#include "orient/engine.h"
#include "record/entry.h"
#include "record/sighting.h"

enum { NR_ONLINE_LANES = 4 };
enum nr_revision_state {
	NR_REVISION_NEW,
	NR_REVISION_CONTINUING,
	NR_REVISION_ENDED,
	/* said before, and what came since speaks against it: no more revisions unless it is found
	 * again */
	NR_REVISION_WITHDRAWN,
};

struct nr_revision {
	uint64_t at;	 /* journal place after which this is known */
	uint32_t number; /* of the finding's revisions, from 1 */
	uint8_t state;	 /* enum nr_revision_state */
	bool late;	 /* made by data that came after its second was closed, or by backlog */
	const struct nr_finding *finding; /* borrowed for the call */
	/*
	 * Which sensors saw its subject in its time (online/saw.h says how exactly); of a finding
	 * about a sensor that sensor. What others than the operator may know follows from it; it is
	 * not in the JSON.
	 */
	struct nr_sightings seen_by;
};

struct nr_online_options {
	const struct nr_prefixes *prefixes;   /* may be NULL */
	const struct nr_benign_lists *benign; /* may be NULL */
	unsigned n_workers;		      /* 0: 1 */
	size_t max_entries;		      /* per shard and table; 0: a size for a small hub */
	/* observations waiting for their watermark; 0: 1 << 20; beyond, the oldest second goes in
	 * early, counted */
	uint32_t max_waiting;
	int (*revision)(void *ctx, const struct nr_revision *revision);
	int (*source)(void *ctx, uint64_t at,
		      const struct nr_source
			      *source); /* that ended, level scanner or more; may be NULL */
	void *ctx;
};

struct nr_online_counts {
	uint64_t at; /* last entry fed */
	uint64_t observations, late, backlog, early,
		refused; /* rows that cannot be: of no class, before 1970, of a sensor too many */
	uint64_t findings, revisions;
	uint64_t monitored_v4;
	int64_t watermark;	 /* s */
	uint32_t sensors, lanes; /* lanes of backlog in use */
	uint64_t waiting;	 /* observations that wait for their watermark */
	uint64_t unusable;	 /* entries left out: NR_EDAMAGED */
	uint64_t
		/* entries refused at caps of tables, now: a small hub is too small */
		table_refused;
};

struct nr_online;

NR_MUST_CHECK int nr_online_new(const struct nr_online_options *options,
				struct nr_online **ret_online, struct nr_err *reterr);
struct nr_online *nr_online_free(struct nr_online *online);
/**
 * @return 0; what a callback returned when negative; NR_EDAMAGED: this entry cannot be used, it was
 * left out and counted
 */
NR_MUST_CHECK int nr_online_feed(struct nr_online *online, const struct nr_entry *entry,
				 struct nr_err *reterr);
void nr_online_counts(const struct nr_online *online, struct nr_online_counts *ret_counts);
NR_MUST_CHECK int nr_online_save(struct nr_online *online, struct nr_buf *out);
/** @return 0; NR_EVERSION: of another build, replay instead; NR_EDAMAGED */
NR_MUST_CHECK int nr_online_load(struct nr_online *online, struct nr_bytes state,
				 struct nr_err *reterr);
/**
 * One JSON object: the finding as `noroshi observe --json` prints it, and revision, state (new,
 * continuing, ended), late, at.
 */
void nr_revision_json(const struct nr_revision *revision, struct nr_buf *out);
