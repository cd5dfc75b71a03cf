/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * page: what the sensor's processes tell each other without words: a page of shared memory for each
 * writer.
 *
 * Shape    nr_page_map() before forks; each process calls nr_page_own(), after which it can write
 *          its own page alone (its sandbox has no way back). All values are single words: a reader
 *          sees an old or a new one.
 * Accounts frames = sum over generations of parsers of (classified + dropped + lost). What a parser
 * had taken and not
 *          handed over as batches when it died is lost; the supervisor works it out from the pages.
 * Units    *_ns with `alive`: monotonic clock; counts: frames unless named otherwise
 */
#include <stdatomic.h>

#include "base/err.h"
#include "observe/dissect/dissect.h"

enum nr_page_owner {
	NR_PAGE_SUPERVISOR,
	NR_PAGE_CAPTURE,
	NR_PAGE_PARSER,
	NR_PAGE_SPOOLER,
	NR_PAGE_SHIPPER,
	NR_PAGE_OWNERS
};

typedef _Atomic uint64_t nr_word;
typedef _Atomic int64_t nr_sword;

struct nr_page_supervisor { /* of all parsers that ended */
	nr_word generation, frames, classified, lost, dropped[NR_OUTCOME_N];
	nr_word parser_restarts, capture_restarts, spooler_restarts, shipper_restarts;
	nr_word unsafe, resident_kib; /* of all processes, what they share counted once at most */
};
struct nr_page_capture {
	nr_sword alive_ns;
	nr_word generation, generation_start; /* frames before the first one of this generation */
	nr_word frames;			      /* given, or tried to give, to a parser */
	nr_word unreadable; /* of a capture file: what the stream to the parser cannot carry */
	nr_word kernel_received, kernel_dropped;
	nr_word ended; /* the capture file */
};
struct nr_page_parser {
	nr_sword alive_ns, alive_wall_ns, newest_tick;
	nr_word generation, received, classified, dropped[NR_OUTCOME_N];
	nr_word waiting; /* for the spooler */
};
struct nr_page_spooler {
	nr_sword alive_ns;
	nr_word generation, generation_packets,
		generation_ended;	/* the last one whose pipe has ended */
	nr_word rows, packets, batches; /* taken since start */
	nr_word dropped_batches, damaged_records, bytes, limit, disk_free, waiting;
	nr_word epoch, next_seq, acked_seq;
	nr_word interval_ms; /* of batches */
	nr_word synced;	     /* 1: all that was taken is on the disk */
};
struct nr_page_shipper {
	nr_sword alive_ns;
	nr_word connected, sessions, sent_bytes;
	nr_sword connected_ns, offset_ns, valid_until_s; /* offset: hub's clock - ours */
	nr_word last_error;				 /* code, as positive number */
};

struct nr_pages {
	struct nr_page_supervisor *supervisor;
	struct nr_page_capture *capture;
	struct nr_page_parser *parser;
	struct nr_page_spooler *spooler;
	struct nr_page_shipper *shipper;
};

NR_MUST_CHECK int nr_page_map(struct nr_pages *ret_pages);
NR_MUST_CHECK int nr_page_own(const struct nr_pages *pages, enum nr_page_owner owner);

#define nr_get(word)	      atomic_load_explicit(&(word), memory_order_acquire)
#define nr_set(word, value)   atomic_store_explicit(&(word), (value), memory_order_release)
#define nr_bump(word, amount) nr_set(word, nr_get(word) + (amount))

struct nr_page_totals { /* received = classified + sum of dropped + lost */
	uint64_t received, classified, lost, dropped[NR_OUTCOME_N];
};
/** Over all parsers, as of now; the sum holds. */
void nr_page_totals(const struct nr_pages *pages, struct nr_page_totals *ret_totals);
