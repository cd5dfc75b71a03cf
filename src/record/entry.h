/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * entry: what a hub's journal holds: every input that influences detection, and nothing else.
 *
 * The engine and the observation store read entries only, in order of `at`; so the same journal gives the same
 * findings, byte for byte. What a clock decided (a watermark, that a sensor is silent) is an entry too, and is never
 * decided again.
 * Shape    a body of little-endian fields for each type, version in the first byte; byte by byte:
 *          docs/internals/wire.md
 * Limits   NR_ENTRY_MAX bytes
 */
#include "record/message.h"

enum { NR_ENTRY_MAX = NR_MESSAGE_MAX + 256, NR_ENTRY_NAME = 64 };

enum nr_entry_type { /* a disk format: append only */
		     NR_ENTRY_LEDGER =
			     1, /* first of each segment: what was acknowledged of every sensor */
		     NR_ENTRY_BATCH,
		     NR_ENTRY_GAP,
		     NR_ENTRY_WATERMARK,
		     NR_ENTRY_SENSOR,
		     NR_ENTRY_DATA,   /* version of the prefix data and lists in use */
		     NR_ENTRY_CONFIG, /* settings that influence detection, as text */
		     NR_ENTRY_QUARANTINE, /* a batch that contradicts one already acknowledged: kept, never used */
};

/** What happened to a sensor, as the hub saw it. */
enum nr_sensor_event {
	NR_SENSOR_APPEARED = 1,
	NR_SENSOR_SILENT, /* nothing heard for 60 s */
	NR_SENSOR_RETURNED,
	NR_SENSOR_FROZEN, /* alive, but its parser is not */
	NR_SENSOR_THAWED,
	NR_SENSOR_CLOCK_OFF, /* more than 2 s */
	NR_SENSOR_CLOCK_GOOD,
	NR_SENSOR_MONITORED, /* the number of addresses it watches changed */
	NR_SENSOR_REVOKED,
	NR_SENSOR_CAUGHT_UP, /* of an import or a spool: no older data will follow */
	NR_SENSOR_EVENT_N,
};

struct nr_entry_batch {
	struct nr_uuid sensor;
	int64_t offset_ns; /* measured clock offset of the sensor: hub minus sensor; added to ticks when beyond 2 s */
	uint8_t imported; /* from `hub import`: in its own time */
	struct nr_message_batch batch;
};
struct nr_entry_gap {
	struct nr_uuid sensor;
	struct nr_message_gap gap;
};
/** Detection may go on through every second before `tick`. */
struct nr_entry_watermark {
	int64_t tick;
};
struct nr_entry_sensor {
	struct nr_uuid sensor;
	uint8_t event; /* enum nr_sensor_event */
	char name[NR_ENTRY_NAME];
	uint64_t monitored_v4;
	int64_t value; /* CLOCK_*: offset in ns; SILENT, FROZEN: since when, ns */
};
struct nr_entry_text { /* DATA, CONFIG, LEDGER, QUARANTINE: bytes whose form their owner knows */
	struct nr_uuid sensor; /* QUARANTINE */
	struct nr_bytes text;
};

struct nr_entry {
	uint64_t
		at; /* place in the journal, from 1; strictly growing; the hub's sequence for these */
	int64_t arrived_ns; /* the hub's clock */
	uint8_t type;	    /* enum nr_entry_type */
	bool erased; /* the payload is gone, its digest stands: only at, arrived_ns, type hold */
	union {
		struct nr_entry_batch batch;
		struct nr_entry_gap gap;
		struct nr_entry_watermark watermark;
		struct nr_entry_sensor sensor;
		struct nr_entry_text text;
	};
};

/** Append the body. @return 0; NR_ELIMIT; -ENOMEM */
NR_MUST_CHECK int nr_entry_write(const struct nr_entry *entry, struct nr_buf *out);
/** Byte strings point into @p body; at, arrived_ns and type are the caller's. @return 0; NR_EDAMAGED; NR_EVERSION */
NR_MUST_CHECK int nr_entry_read(uint8_t type, struct nr_bytes body, struct nr_entry *ret_entry,
				struct nr_err *reterr);
