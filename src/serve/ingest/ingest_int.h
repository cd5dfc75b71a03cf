/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * ingest_int: what the ingest server (ingest.c), its sessions (ingest_session.c, ingest_talk.c) and what is known of
 * sensors (ingest_known.c) share.
 *
 * Locks   slots: state, address, sensor, thread of all slots. known: facts of sensors. Never both; neither is held over
 *         a call that waits.
 * Wake    a session sleeps on its socket and its eventfd; whoever changes what it looks at writes the eventfd
 */
#include <stdatomic.h>

#include "base/hash.h"
#include "base/table.h"
#include "serve/ingest/ingest.h"

enum { NR_CLOCK_BEATS = 4 };

/** The clock of a sensor as seen from here. */
struct nr_ingest_clock {
	int64_t behind_ns[NR_CLOCK_BEATS]; /* hub at arrival - sensor in the beat */
	unsigned n;
};
/** One more beat. @p rtt_us: smallest round trip known. @return the offset */
int64_t nr_ingest_clock_beat(struct nr_ingest_clock *clock, int64_t hub_ns, int64_t sensor_ns,
			     uint32_t rtt_us);

enum nr_slot_state { NR_SLOT_FREE, NR_SLOT_HANDSHAKE, NR_SLOT_SESSION, NR_SLOT_DONE };

struct nr_slot {
	struct nr_ingest *ingest;
	uint8_t state; /* enum nr_slot_state */
	pthread_t thread;
	int fd;	     /* of a session, until it closes it: -1, under the lock */
	int wake_fd; /* lives as long as the server */
	uint8_t address[16];
	char address_text[NR_INGEST_ADDRESS];
	struct nr_uuid sensor;	      /* in state SESSION */
	atomic_bool ask_revoked, end; /* what to look at when woken */
	atomic_bool leaving;	      /* it is about to end and has nothing more to say */
	atomic_bool contested;	      /* another one came with this identity */
	_Atomic int64_t heard_ns;     /* monotonic */
	_Atomic uint64_t wants;	      /* place it waits for; UINT64_MAX: none */
};

struct nr_ingest {
	struct nr_ingest_options options;
	struct nr_tls_context *tls;
	int listen_fd, stop_fd, spare_fd;
	uint16_t port;
	pthread_t acceptor;
	bool accepting;
	atomic_bool stopping, full;
	_Atomic uint64_t durable;
	_Atomic uint64_t counts[NR_INGEST_COUNT_N];
	_Atomic size_t large; /* bytes of large bodies in memory */

	pthread_mutex_t slots_lock;
	struct nr_slot slots[NR_INGEST_SESSIONS];

	pthread_mutex_t known_lock;
	struct nr_table known; /* struct nr_ingest_sensor */
	struct nr_hash_key key;

	pthread_mutex_t said_lock;
	struct {
		uint8_t address[16];
		int64_t minute;
	} said[64]; /* who was complained about, and when */
};

static inline void nr_ingest_count(struct nr_ingest *ingest, enum nr_ingest_count what, uint64_t n)
{
	(void)atomic_fetch_add_explicit(&ingest->counts[what], n, memory_order_relaxed);
}
int64_t nr_ingest_now(const struct nr_ingest *ingest);
int64_t nr_ingest_mono(const struct nr_ingest *ingest);
/** Log what a peer did wrong, unless it was done from its address within this minute. */
void nr_ingest_complain(struct nr_ingest *ingest, const struct nr_slot *slot, const char *words);

/** The life of one session, on its own thread. */
void nr_ingest_session(struct nr_slot *slot);
/**
 * Make @p slot the session of @p sensor.
 * @return 0; -EBUSY another one is alive and was heard lately
 */
NR_MUST_CHECK int nr_ingest_claim(struct nr_slot *slot, struct nr_uuid sensor);

/** Facts of a sensor; a new row when there is none. NULL: no room. Holds known_lock until nr_ingest_known_let(). */
struct nr_ingest_sensor *nr_ingest_known_hold(struct nr_ingest *ingest, struct nr_uuid sensor);
void nr_ingest_known_let(struct nr_ingest *ingest);
NR_MUST_CHECK int nr_ingest_known_init(struct nr_ingest *ingest);
void nr_ingest_known_done(struct nr_ingest *ingest);

/* ---- one session: only its own thread looks at it ---- */

enum { NR_SESSION_ENDS = -3000 }; /* refused, with words: an end in good order */

struct nr_session {
	struct nr_slot *slot;
	struct nr_ingest *ingest;
	struct nr_tls *tls;
	struct nr_uuid sensor;
	char name[NR_ENTRY_NAME];
	bool greeted;

	uint8_t head[NR_MESSAGE_HEAD]; /* of the message that is coming in */
	size_t n_head;
	uint8_t type;
	uint32_t length;
	struct nr_buf body, out;
	size_t large;					/* held of ingest->large */
	int64_t message_until, silent_until, read_from; /* monotonic */
	int64_t revoked_check, renew_from;

	unsigned unsure; /* times in a row that nobody could tell whether it is revoked */
	struct nr_ingest_clock clock;
	int64_t offset_ns;
	struct {
		uint64_t epoch, seq, at;
	} waiting[NR_MESSAGE_WINDOW]; /* to be acknowledged, in order */
	unsigned n_waiting;
	uint64_t refused_epoch, refused_seq; /* first batch refused as busy; 0: none */
};

/** A whole message came. @return 0: go on; NR_SESSION_ENDS; another error of the stream */
NR_MUST_CHECK int nr_session_handle(struct nr_session *s);
NR_MUST_CHECK int nr_session_send(struct nr_session *s, const struct nr_message *message);
/** @return NR_SESSION_ENDS, or what happened while saying so */
NR_MUST_CHECK int nr_session_refuse(struct nr_session *s, enum nr_refusal why, const char *words);
/** Sleep until the journal is durable up to @p at. @return 0; -ETIMEDOUT; -ECANCELED: the session shall end */
NR_MUST_CHECK int nr_session_await(struct nr_session *s, uint64_t at, int timeout_ms);
/** Is the certificate good still? @return 0; NR_SESSION_ENDS */
NR_MUST_CHECK int nr_session_check_revoked(struct nr_session *s);
