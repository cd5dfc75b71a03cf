/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * detect: the interface of every detector, and the table of them.
 *
 * Shape    a detector keeps its state in NR_SHARDS logical shards that share nothing. A shard sees
 *          every observation whose subject (the source; for a quoted packet the victim) hashes to
 *          it by its
 *          /24 or /48, so that neighbours in a prefix meet in one shard. Shard choice is fixed
 *          (nr_shard_of), table hashing inside is keyed: results never depend on either key or
 *          threads.
 * Order    feed() gets observations in arrival order with `now` = newest tick of the whole input so
 *          far; a result must depend on the sequence of observations only, not on how feed() or
 *          advance() calls cut it. advance(now) is called before observations that arrived after
 *          `now` are fed and may be called at any other time and any number of times. What ends is
 *          handed over in order of its last packet.
 * Output   results go to a sink. finish() is called once, with all shards, at the end of the input;
 *          it is the only place where shards meet, and leaves the state as it was (so save works
 *          after).
 * State    save() writes a versioned snapshot, load() into a freshly opened shard restores it
 *          exactly: feed(a), save, load, feed(b) equals feed(a + b).
 * Limits   every table has a hard cap from the environment; at the cap new entries are refused and
 *          counted (never evicted by a keyed hash, which would make output depend on the key).
 * Live     with env.live a detector also tells what is still open: report() after each second,
 *          look() on demand. Both may be NULL. Who never sets env.live pays for none of it and sees
 *          none of it.
 */
#include "base/arena.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "observe/flow/flow4.h"
#include "observe/nets.h"
#include "orient/enrich/benign.h"
#include "orient/enrich/prefixes.h"
#include "record/field.h"
#include "record/finding.h"
#include "record/observation.h"
#include "record/shard.h"
#include "record/source.h"

struct nr_detect_env {
	uint64_t monitored_v4;		      /* N: IPv4 addresses alive; 0: none or unknown */
	bool monitored_v6;		      /* IPv6 prefixes are monitored */
	const struct nr_nets *nets;	      /* the monitored addresses; NULL: unknown */
	const struct nr_prefixes *prefixes;   /* may be NULL */
	const struct nr_benign_lists *benign; /* may be NULL */
	struct nr_hash_key key;		      /* for tables */
	size_t max_entries;		      /* per shard and table */
	bool live; /* report() will be called after each second; finish() never: nothing is kept for it */
};

struct nr_sink {
	void *ctx;
	void (*source)(void *ctx, const struct nr_source *source); /* may be NULL */
	void (*finding)(void *ctx,
			const struct nr_finding *finding); /* may be NULL; borrowed for the call */
	bool detail; /* false: nobody looks at rates, and probes need only address, times, packets, class */
	uint64_t *n_levels; /* sources that ended, by enum nr_level, are added here; may be NULL */
	/**
	 * In finish() of an input that is processed by several threads: call @p job for each part
	 * below @p n_parts, several at a time. A job may hand over sources of shard @p part and
	 * nothing else; their order over shards is then open. NULL: see nr_sink_each().
	 */
	void (*parallel)(void *ctx, void (*job)(void *job_ctx, unsigned part), void *job_ctx,
			 unsigned n_parts);
	/**
	 * Live: have the source record of @p ip as it stands now given to the source() of all
	 * detectors of the shard.
	 */
	void (*look)(void *ctx, struct nr_ip ip);
};

/** sink->parallel(), or one part after the other where there is none. */
static inline void nr_sink_each(const struct nr_sink *sink,
				void (*job)(void *job_ctx, unsigned part), void *job_ctx,
				unsigned n_parts)
{
	if (sink->parallel != NULL)
		sink->parallel(sink->ctx, job, job_ctx, n_parts);
	else
		for (unsigned part = 0; part < n_parts; part++)
			job(job_ctx, part);
}

struct nr_detector {
	const char *name, *summary;
	const struct nr_field *fields; /* of its evidence */
	size_t n_fields;
	int (*open)(const struct nr_detect_env *env, void **ret_shard); /* env outlives the shard */
	int (*feed)(void *shard, const struct nr_observation *obs, size_t n);
	/**
	 * feed() for IPv4 in the packed form, for who has it; NULL: feed() gets those of `classes`
	 * and `marks` alone.
	 */
	int (*feed_packed)(void *shard, const struct nr_flow4 *flows, size_t n);
	/**
	 * Without feed_packed: bits over enum nr_class and enum nr_mark of what feed() looks at at
	 * all.
	 */
	uint16_t classes, marks;
	/**
	 * Source records of scan.v1 as they end (final) or stand at the end of the input; NULL: not
	 * wanted.
	 */
	int (*source)(void *shard, const struct nr_source *source);
	int (*advance)(void *shard, int64_t now, const struct nr_sink *sink);
	int (*finish)(void *const *shards, size_t n_shards, int64_t now,
		      const struct nr_sink *sink);
	int (*save)(const void *shard, struct nr_buf *out);
	int (*load)(void *shard, struct nr_reader *in);
	void (*close)(void *shard);		/* accepts NULL */
	uint64_t (*refused)(const void *shard); /* entries refused at caps */
	/**
	 * Live: what changed since the last call and is worth saying, in an order that the
	 * observations alone decide: to sink->finding with state CONTINUING, or WITHDRAWN when what
	 * was said does not hold any more; of scan.v1 to sink->source those that rose to a level.
	 * The id of a finding stays that of its first report, although `first` may move with late
	 * data; what ends comes by advance() under that id.
	 */
	int (*report)(void *shard, int64_t now, const struct nr_sink *sink);
	/**
	 * scan.v1: the source record of an address as it stands, to sink->source; nothing when it
	 * is not open.
	 */
	int (*look)(void *shard, struct nr_ip ip, const struct nr_sink *sink);
	/**
	 * env->monitored_v4 has changed: judgements to come use it; what was worked out from it is
	 * worked out again.
	 */
	void (*monitored)(void *shard);
};

extern const struct nr_detector nr_detector_scan;   /* scan.v1 */
extern const struct nr_detector nr_detector_rsdos;  /* rsdos.v1 */
extern const struct nr_detector nr_detector_infect; /* infect.v1 */
/** All of them, NULL-terminated; scan.v1 stands first because others take its sources. */
extern const struct nr_detector *const nr_detectors[];
