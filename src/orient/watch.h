/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * watch: the eye on the sensors: decides watermarks, silence, frozen parsers, wrong clocks; says
 * them as journal entries.
 *
 * It is the only place where a clock influences detection, so everything it decides is journalled
 * and never decided again. Pure: time is an argument. One thread at a time.
 * Watermark  W = the smallest "next second still open" over sensors that are live; a live sensor
 *            that lags is waited for until lateness_ns (default 3 s) behind the newest, then W goes
 *            on without it and what it sends later is late. A batch of second t opens t + 1; a beat
 *            whose newest_tick we already have opens the second of its parser_ns, and who sends no
 *            batches after it is taken to have nothing 1.3 s after each second: with a beat a
 *            second a quiet sensor holds nobody up, with one in ten it costs a second.
 *            Imported and backlogged data (older than NR_WATCH_BACKLOG_NS when it arrives) never
 *            holds W back: it has a lane of its own in orient/online.h.
 *            For 10 s after a restart it waits for all who were there before it.
 * Silence    no beat and no batch for silence_ns (default 60 s): SILENT; the addresses of that
 *            sensor leave N.
 * Frozen     beats come, but the parser's sign of life is older than silence_ns.
 * Clock      |offset| > 2 s over three beats: CLOCK_OFF, below 1 s: CLOCK_GOOD. orient/online.h
 *            corrects what CLOCK_OFF says and nothing else, so that one slow beat shifts no time.
 * The hub's  own clock may step: silence is measured in time that passed between calls, claims are
 *            judged by a clock without the steps (watch.c).
 */
#include "base/table.h"
#include "record/entry.h"

enum { NR_WATCH_SENSORS = 4096 };
#define NR_WATCH_BACKLOG_NS (600 * NR_NS_PER_S)

/** Whole seconds to be added to what a sensor claims whose clock is off by so much. */
static inline int64_t nr_watch_shift_s(int64_t offset_ns)
{
	int64_t s = offset_ns / NR_NS_PER_S, rest = offset_ns % NR_NS_PER_S;

	return s + (rest >= NR_NS_PER_S / 2) - (rest <= -NR_NS_PER_S / 2);
}

struct nr_watch;

struct nr_watch_options {
	int64_t lateness_ns, silence_ns; /* 0: defaults */
	/** Takes the entries to be journalled, in order. */
	int (*emit)(void *ctx, const struct nr_entry *entry);
	void *ctx;
};

NR_MUST_CHECK int nr_watch_new(const struct nr_watch_options *options, struct nr_watch **ret_watch);
/** While it runs; 0: defaults. */
void nr_watch_set(struct nr_watch *watch, int64_t lateness_ns, int64_t silence_ns);
struct nr_watch *nr_watch_free(struct nr_watch *watch);
/**
 * After a restart: entries of the journal from its last ledger on, so that nothing is said twice.
 */
NR_MUST_CHECK int nr_watch_replay(struct nr_watch *watch, const struct nr_entry *entry);

/**
 * A batch was journalled (not imported). @p last_tick as the sensor claims; one less for a batch of
 * NR_BATCH_ROWS rows: more of its last second may follow.
 */
NR_MUST_CHECK int nr_watch_batch(struct nr_watch *watch, struct nr_uuid sensor, int64_t last_tick,
				 int64_t now_ns);
NR_MUST_CHECK int nr_watch_beat(struct nr_watch *watch, struct nr_uuid sensor, const char *name,
				const struct nr_message_beat *beat, int64_t offset_ns,
				int64_t now_ns);
NR_MUST_CHECK int nr_watch_gone(struct nr_watch *watch, struct nr_uuid sensor,
				enum nr_sensor_event event, int64_t now_ns);
/**
 * After nr_watch_replay(): a sensor that was there before and of which the replayed entries may not
 * speak. It is taken for live, and said to be silent when it stays so; saying that again is
 * harmless. @return 0; NR_ELIMIT
 */
NR_MUST_CHECK int nr_watch_expect(struct nr_watch *watch, struct nr_uuid sensor, const char *name);
/** About twice a second. */
NR_MUST_CHECK int nr_watch_tick(struct nr_watch *watch, int64_t now_ns);
