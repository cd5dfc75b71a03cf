/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * infect_int: what the files of infect.v1 share.
 *
 * Shape   one 256-byte entry an address that carried a mark of malware. Times come from
 *         observations, the rest from the source records of scan.v1: `cur` is the newest event of
 *         the address, replaced when the same event is handed over again, `done` the sum of those
 *         before it
 */
#include "base/table.h"
#include "orient/detect/detect.h"
#include "orient/detect/infect.h"

enum { INFECT_MIRAI, INFECT_CONFICKER, INFECT_EXPLOIT, INFECT_MARKS };

struct infect_port {
	uint32_t packets;
	uint16_t port;
	uint8_t proto, pad;
};

/** What scan.v1 knows of one event of an address, or of several. */
struct infect_context {
	int64_t first, last; /* ns */
	uint64_t packets, dst_n;
	uint32_t marks[INFECT_MARKS];
	uint16_t tools;
	uint8_t level, benign, certainty, traffic_class;
	uint8_t ttl_min, ttl_max;
	uint8_t spoof; /* score in 255ths */
	uint8_t is_set, n_ports, pad;
	struct infect_port ports[NR_INFECT_PORTS];
};
_Static_assert(sizeof(struct infect_context) == 88, "no padding: it is saved");

enum { INFECT_ACTIVE = 1, INFECT_ENDED };
enum infect_telling { INFECT_BY_TIME, INFECT_OPEN, INFECT_WITHDRAWN };

struct infect_entry {
	struct nr_ip ip;
	int64_t first, last; /* marked packets of this episode, ns */
	int64_t decided;     /* when the mark had said enough, ns; INT64_MAX: not yet */
	uint64_t marked;
	struct infect_context cur, done;
	/*
	 * on line: id under which it was told (0: not told); when, and with how many marked
	 * packets, it last was asked
	 */
	uint64_t said_id, said_marked;
	int64_t said_at; /* s */
	uint32_t episodes;
	uint8_t state, returned;
	uint8_t is_dirty; /* has something to tell */
	uint8_t telling;  /* of entries on their way out: enum infect_telling */
};
_Static_assert(sizeof(struct infect_entry) == 256, "no padding: it is saved");

struct infect_shard {
	const struct nr_detect_env *env;
	int64_t swept;			  /* watermark of the last sweep, s */
	struct nr_table entries, pending; /* both of struct infect_entry */
	struct nr_table dirty; /* on line: struct nr_ip of entries with something to tell */
};

/** done and cur together. */
struct infect_context infect_context_all(const struct infect_entry *e);
/** Silence after which an episode is over, ns. */
int64_t infect_clear_ns(const struct infect_entry *e);

/** Fill terms, score, family and verdict. */
void infect_score(const struct nr_detect_env *env, const struct infect_entry *e,
		  const struct infect_context *all, struct nr_infect_evidence *ev);
/**
 * An address that cannot be an infected machine: nobody's, or a service's that never starts
 * connections.
 */
bool infect_is_impossible(struct nr_ip ip);
bool infect_is_hosting(const char *as_name);

/* infect_live.c: what is told before it ends */

/** On line: @p e, which is in s->entries, has changed. */
void infect_live_touch(struct infect_shard *s, struct infect_entry *e);
int infect_report(void *shard, int64_t now, const struct nr_sink *sink);
struct infect_entry *infect_entry_find(const struct infect_shard *s, struct nr_ip ip);

/**
 * Emit the entries that are worth a finding, by (last, ip). @p now in s; @p list is sorted here,
 * said_id set
 */
void infect_emit_all(const struct nr_detect_env *env, struct infect_entry *list, size_t n,
		     int64_t now, const struct nr_sink *sink);
bool infect_is_finding(const struct nr_detect_env *env, const struct infect_entry *e);
