/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * ingest: the port on which sensors deliver: TLS 1.3 with certificates, record/message.h inside.
 *
 * Shape     one thread accepts, one thread a session; a session is one sensor, named by its certificate alone
 * Promise   ACK leaves after nr_ingest_durable() said that the place of that batch is on the disk, and never otherwise;
 *           WELCOME too names only what is on the disk
 * Refusals  what is wrong with the content (conflict, old epoch, damaged) ends the session; "busy" does not: each batch
 *           is refused until the first refused one comes again, so that no hole arises
 * Twins     a second session of one identity waits outside while the first was heard within 30 s; when the first is
 *           then heard again, two machines have one certificate: alarm
 * Limits    256 sessions, 64 of them in the handshake, 32 an address (IPv6: a /64); handshake and HELLO 5 s each;
 *           a message 10 s and 1 s more for each 16 KiB; 120 s of silence; 50 MB/s a sensor; bodies over 1 MiB
 *           share 128 MiB
 * Clock     offset = smallest (hub's clock at arrival - sensor's clock in the beat) of the last 4 beats, less half of
 *           the round trip that the kernel measured: waiting only ever adds
 * Threads   all functions: any thread
 * Errors    what goes wrong with one peer is counted and logged, once a minute an address
 */
#include "base/tls.h"
#include "serve/ingest/intake.h"

enum {
	NR_INGEST_SESSIONS = 256,
	NR_INGEST_HANDSHAKES = 64,
	NR_INGEST_PER_ADDRESS = 32,
	NR_INGEST_ADDRESS = 64, /* text, with its NUL */
};

enum nr_ingest_alarm {
	NR_INGEST_CONFLICT = 1, /* a number with other content */
	NR_INGEST_TWINS,	/* two machines with one certificate */
};

struct nr_ingest_options {
	const char *listen; /* HOST:PORT; port 0 chooses */
	const struct nr_pki_pair *hub;
	struct nr_str authority;
	struct nr_intake *intake;
	uint32_t batch_interval_ms, beat_interval_ms; /* told to sensors; 0: 1,000 both */
	uint64_t bytes_per_s;			      /* of one sensor; 0: 50 MB/s */
	int64_t (*now_ns)(void *ctx);		      /* NULL: the clock */
	int64_t (*mono_ns)(void *ctx); /* to tell whether a session is alive; NULL: the clock */
	/** Asked at HELLO and every 10 s. @return 1; 0; negative: cannot tell now (the sensor is told to come again) */
	int (*is_revoked)(void *ctx, struct nr_uuid sensor);
	/** What people call it. */
	void (*name)(void *ctx, struct nr_uuid sensor, char out[NR_ENTRY_NAME]);
	/** Certificate and authority for a request: serve/enrol.h; at most one a minute a session. */
	int (*renew)(void *ctx, struct nr_uuid sensor, struct nr_str request, struct nr_buf *out,
		     struct nr_err *reterr);
	void (*alarm)(void *ctx, enum nr_ingest_alarm what, struct nr_uuid sensor,
		      const char *words);
	void *ctx; /* of all six; each may be NULL */
};

enum nr_ingest_count {
	NR_INGEST_ACCEPTED,
	NR_INGEST_REFUSED_FULL,
	NR_INGEST_REFUSED_ADDRESS,
	NR_INGEST_REFUSED_RESOURCES, /* descriptors, memory, threads */
	NR_INGEST_REFUSED_IDENTITY,
	NR_INGEST_REFUSED_PROTOCOL,
	NR_INGEST_REFUSED_SLOW,
	NR_INGEST_REFUSED_REVOKED,
	NR_INGEST_REFUSED_TWIN,
	NR_INGEST_REFUSED_VERSION,
	NR_INGEST_REFUSED_STOPPING,
	NR_INGEST_SESSIONS_BEGUN,
	NR_INGEST_BATCHES, /* journalled; the next three counts are of these */
	NR_INGEST_OBSERVATIONS,
	NR_INGEST_BYTES,
	NR_INGEST_HOLES,
	NR_INGEST_REPEATS,
	NR_INGEST_OLD,
	NR_INGEST_GAPS,
	NR_INGEST_CONFLICTS,
	NR_INGEST_OLD_EPOCHS,
	NR_INGEST_FUTURE_EPOCHS,
	NR_INGEST_DAMAGED,
	NR_INGEST_BUSY,
	NR_INGEST_ACKS,
	NR_INGEST_BEATS,
	NR_INGEST_RENEWALS,
	NR_INGEST_TWIN_ALARMS,
	NR_INGEST_COUNT_N,
};
extern const char *const nr_ingest_count_names[]; /* NR_INGEST_COUNT_N of them: a-z and '_' */

/** What is known of a sensor that was heard since this hub started. */
struct nr_ingest_sensor {
	struct nr_uuid sensor;
	bool connected;
	char address[NR_INGEST_ADDRESS];
	char program[NR_MESSAGE_TEXT];
	int64_t since_ns, heard_ns; /* of the newest session */
	int64_t beat_ns;	    /* hub's clock at the newest beat; 0: none */
	int64_t offset_ns;
	struct nr_message_beat beat;
	uint64_t epoch, seq; /* acknowledged */
	uint64_t batches, observations;
};

struct nr_ingest;

NR_MUST_CHECK int nr_ingest_new(const struct nr_ingest_options *options,
				struct nr_ingest **ret_ingest, struct nr_err *reterr);
/** Tell all sensors that the hub stops, end their sessions, wait for their threads. */
struct nr_ingest *nr_ingest_free(struct nr_ingest *ingest);
uint16_t nr_ingest_port(const struct nr_ingest *ingest);

/** The journal is on the disk up to here: after each commit. */
void nr_ingest_durable(struct nr_ingest *ingest, uint64_t at);
/** A commit returned -ENOSPC (true) or worked again (false): batches are refused meanwhile. */
void nr_ingest_full(struct nr_ingest *ingest, bool full);
/** The journal failed for good, or the hub is about to stop: nothing is acknowledged any more, all are refused. */
void nr_ingest_stop(struct nr_ingest *ingest);
/** Somebody was revoked: ask is_revoked() for all sessions at once. */
void nr_ingest_revoked(struct nr_ingest *ingest);

void nr_ingest_counts(const struct nr_ingest *ingest, uint64_t ret_counts[NR_INGEST_COUNT_N]);
/** @return false: not heard since the start */
bool nr_ingest_find(struct nr_ingest *ingest, struct nr_uuid sensor,
		    struct nr_ingest_sensor *ret_sensor);
unsigned nr_ingest_sessions(struct nr_ingest *ingest);
