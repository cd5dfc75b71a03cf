/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * saw: which sensors saw an address, how much, from when until when: for every address of a shard
 * that a finding can be about.
 *
 * Of       an address answers (backscatter: what rsdos.v1 counts, quoted packets too) or sends
 *          (anything else): two kinds of subject, which findings never mix
 * Interval as an event of rsdos.v1: from the first packet until 300 s of silence at all sensors; of
 *          an address that sends, a day. While a finding about it is open (pinned) nothing begins
 *          anew and nothing is forgotten. What is collected for a finding is cut to its own first and
 *          last: a sensor that saw nothing in between is left out; packets are those of the
 *          whole interval, so of a finding that began later than its subject they are too many.
 * Few      an address that sends is kept from its 17th row of a day on, or from the first one with a
 *          mark of malware: most never come so far, and no finding is about them. So sightings of
 *          a campaign lack the first rows of each source.
 * Shape    an entry for each (address, sensor), chained to its subject. A row of a sensor that goes on
 *          seeing an address costs one look-up: its entry knows that the interval goes on.
 * Memory   about 40 bytes a subject and 80 a sensor that saw it; at the caps (max, and twice as many
 *          sensors that saw them) what is new is refused and
 *          counted: nobody but the operator may then know of a finding
 * Forgets  every ten minutes, by event time: who was silent for longer than the interval and an hour
 * Threads  one at a time
 */
#include "base/hash.h"
#include "base/table.h"
#include "orient/online/wait.h"
#include "record/sighting.h"

enum nr_saw_kind { NR_SAW_SENDS, NR_SAW_ANSWERS };
enum nr_saw_pin { NR_SAW_PIN_ALONE = 1, NR_SAW_PIN_CARPET = 2, NR_SAW_PIN_CAMPAIGN = 4 };
enum { NR_SAW_BATCH = 256, NR_SAW_FEW = 16 };

/** What one sensor saw of a subject. */
struct nr_saw_seen {
	uint32_t sensor; /* number */
	uint32_t episode;
	uint32_t next;	     /* the next of the subject, from 1; 0: none */
	uint32_t marked;     /* packets with a mark of malware; saturates */
	int64_t first, last; /* ns */
	uint64_t packets, bytes;
};

struct nr_saw {
	struct nr_table subjects, entries;
	const struct nr_hash_key *key;
	uint8_t *few;		/* packets of addresses that send, by a hash, up to NR_SAW_FEW */
	uint32_t few_mask;	/* counters - 1 */
	int64_t swept, thinned; /* s; INT64_MIN: never */
	/* of the sensor whose UUID a row points to */
	uint32_t (*number)(const struct nr_uuid *sensor);
};

NR_MUST_CHECK int nr_saw_init(struct nr_saw *saw, size_t max, const struct nr_hash_key *key,
			      uint32_t (*number)(const struct nr_uuid *sensor));
void nr_saw_done(struct nr_saw *saw);
/** In order. */
void nr_saw_rows(struct nr_saw *saw, const struct nr_wait_key *rows, uint32_t n);
/** Event time is @p now (s). */
void nr_saw_advance(struct nr_saw *saw, int64_t now);
uint64_t nr_saw_refused(const struct nr_saw *saw);

/** Sums by sensor, over any number of subjects. Zero-initialised; then nr_saw_sums_done(). */
struct nr_saw_sums {
	struct nr_saw_seen *list;
	size_t n, room, merged; /* the first `merged` are in order of sensor, each once */
};
/** Who saw @p ip in [from, to] (ns). @return 0; -ENOMEM */
NR_MUST_CHECK int nr_saw_collect(const struct nr_saw *saw, struct nr_ip ip, enum nr_saw_kind kind,
				 int64_t from, int64_t to, struct nr_saw_sums *sums);
/** The same of every address in @p prefix, which lies in the shard. */
NR_MUST_CHECK int nr_saw_collect_prefix(const struct nr_saw *saw, struct nr_prefix prefix,
					enum nr_saw_kind kind, int64_t from, int64_t to,
					struct nr_saw_sums *sums);
/** A finding about it is open (@p on), or is not any more. */
void nr_saw_pin(struct nr_saw *saw, struct nr_ip ip, enum nr_saw_kind kind, enum nr_saw_pin pin,
		bool on);
void nr_saw_pin_prefix(struct nr_saw *saw, struct nr_prefix prefix, enum nr_saw_kind kind,
		       enum nr_saw_pin pin, bool on);
/**
 * As sightings, ascending by UUID, cut to [from, to].
 * @param sensor    gives the UUID of a sensor's number
 * @param ret_list  to be freed; NULL when there are none
 * @return 0; -ENOMEM
 */
NR_MUST_CHECK int nr_saw_sums_out(struct nr_saw_sums *sums, int64_t from, int64_t to,
				  const struct nr_uuid *(*sensor)(const void *ctx, uint32_t number),
				  const void *ctx, struct nr_sighting **ret_list, size_t *ret_n);
void nr_saw_sums_done(struct nr_saw_sums *sums);

void nr_saw_save(const struct nr_saw *saw, struct nr_buf *out);
/** Rows of sensors from @p n_sensors on are damage. @return 0; NR_EDAMAGED; NR_ELIMIT; -ENOMEM */
NR_MUST_CHECK int nr_saw_load(struct nr_saw *saw, struct nr_reader *in, uint32_t n_sensors);
