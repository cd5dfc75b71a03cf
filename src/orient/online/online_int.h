/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * online_int: what the files of online share.
 *
 * Shape    sensors are numbered as they first appear and stay; the live lane and up to
 *          NR_ONLINE_LANES of backlog each have observations that wait and an engine
 *          (online/run.h); `said` remembers the number of revisions by finding id
 */
#include "orient/detect/scan_int.h"
#include "orient/online.h"
#include "orient/online/run.h"
#include "orient/watch.h"

enum {
	ONLINE_ENTRIES = 1 << 13,   /* default of max_entries */
	ONLINE_WAITING = 1 << 20,   /* default of max_waiting */
	ONLINE_SAID_OVER = 1 << 16, /* findings that are over whose numbers are remembered */
	ONLINE_MEMBERS = 1 << 16,   /* of campaigns */
	ONLINE_AHEAD_S = 60,	    /* further ahead of arrival no claim of time is believed */
	/* a watermark that goes back further ends the live lane and starts another */
	ONLINE_BACK_S = 86400,
};

/** What a sensor can be ill of; also the order of kinds. A disk format: append only. */
enum self_kind {
	SELF_SILENT,
	SELF_FROZEN,
	SELF_CLOCK,
	SELF_ADDRESSES,
	SELF_LOST,
	SELF_CONFLICT,
	SELF_N
};

struct self_issue {
	int64_t since, last, detected;		 /* ns */
	int64_t offset_ns;			 /* SELF_CLOCK */
	uint64_t before, now;			 /* SELF_ADDRESSES */
	uint64_t batches, observations, packets; /* SELF_LOST, SELF_CONFLICT */
	uint64_t said_batches;
	uint8_t is_open, reason, pad[6];
};
_Static_assert(sizeof(struct self_issue) == 88, "no padding: it is saved");

enum { SENSOR_STATED = 1, SENSOR_SILENT = 2, SENSOR_FROZEN = 4, SENSOR_REVOKED = 8 };

struct online_sensor {
	struct nr_uuid id;
	char name[NR_ENTRY_NAME];
	uint64_t monitored;	  /* alive now */
	uint64_t monitored_usual; /* the most since the last finding about it */
	uint64_t lane_monitored;
	int64_t lane_newest; /* s; of its backlog */
	uint8_t flags;	     /* SENSOR_* */
	uint8_t lane;	     /* of backlog, number + 1; 0: none */
	uint8_t pad[2];
	uint32_t number;
	struct self_issue issues[SELF_N];
};
_Static_assert(sizeof(struct online_sensor) == 120 + SELF_N * 88, "no padding: it is saved");

struct online_lane {
	struct nr_run *run; /* NULL: not in use */
	struct nr_wait wait;
	int64_t watermark; /* s; every second before it is closed */
	uint32_t n_sensors;
};

struct online_said {
	uint64_t id;
	uint32_t number;
	uint32_t is_open;
};

/** What was last said of a campaign; keyed by its subject. */
struct online_group {
	uint64_t subject, id;
	uint64_t packets, sources, aggressive;
	int64_t said; /* s */
};

struct online_campaigns {
	struct nr_table members; /* struct nr_scan_member by (address, first) */
	struct nr_table groups;	 /* struct online_group */
	int64_t minute;		 /* s; when members were last looked at */
	bool changed;
};

struct nr_online {
	struct nr_online_options opt;
	struct nr_hash_key key;
	struct nr_pool *pool;
	struct nr_batch_decoder *decoder;
	struct nr_table sensors, said;
	struct online_lane live, backlog[NR_ONLINE_LANES];
	struct online_campaigns campaigns;
	struct nr_online_counts counts;
	uint64_t n_over;  /* of said, those that are over */
	int64_t self_due; /* ns; no finding about ourselves is over by time before */
	/* the entry at work */
	bool late, ending; /* ending: the live lane is about to be replaced */
};

/* online.c */
/** Number, and emit. Findings whose withdrawal nobody missed are left out. */
int online_say(struct nr_online *online, const struct nr_finding *finding,
	       const struct nr_sightings *seen_by);

uint64_t online_said_hash(const void *entry, const void *ctx);
struct online_sensor *online_sensor_get(struct nr_online *online, struct nr_uuid id, bool create);
uint64_t online_sensor_hash(const void *entry, const void *ctx);
/** Addresses alive, now that something about a sensor changed. */
void online_count_addresses(struct nr_online *online);

/* lane.c */
NR_MUST_CHECK int online_lane_open(struct nr_online *online, struct online_lane *lane);
/** Close every second before @p tick. */
int online_lane_until(struct nr_online *online, struct online_lane *lane, int64_t tick);
/** All that waits, then what stands. */
int online_lane_end(struct nr_online *online, struct online_lane *lane);
/** The backlog of @p s is over. */
int online_lane_leave(struct nr_online *online, struct online_sensor *s);
int online_batch(struct nr_online *online, const struct nr_entry *entry, int64_t arrived_ns,
		 struct nr_err *reterr);

/* self.c: findings about ourselves */
int online_self_sensor(struct nr_online *online, const struct nr_entry *entry);
int online_self_gap(struct nr_online *online, const struct nr_entry *entry);
int online_self_conflict(struct nr_online *online, const struct nr_entry *entry);
/** What is over by time, at the arrival of an entry. */
int online_self_time(struct nr_online *online, int64_t now_ns);
bool online_self_ok(const struct online_sensor *sensor);

/* campaign.c */
NR_MUST_CHECK int online_campaigns_init(struct nr_online *online);
void online_campaigns_done(struct online_campaigns *campaigns);
int online_campaigns_source(struct nr_online *online, const struct nr_source *source, bool open);
/** Say what changed, after a second or minute of the live lane. */
int online_campaigns_tell(struct nr_online *online, int64_t now);
/** The live lane is over: so are all of them. */
int online_campaigns_end(struct nr_online *online);
