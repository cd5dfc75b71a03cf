/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * message: what a sensor and its hub say to each other, over one TLS 1.3 stream (base/tls.h).
 *
 * Shape    a message is an 8-byte head (u32 length of the rest, u8 version, u8 type, u16 zero; little-endian) and
 *          a body of fixed fields, all little-endian, then at most one byte string. Byte by byte:
 *          docs/internals/wire.md
 * Talk     sensor: HELLO; hub: WELCOME or REFUSE. Then the sensor sends BATCH, GAP, BEAT and RENEW as it likes,
 *          at most NR_MESSAGE_WINDOW batches ahead of the last ACK; the hub answers ACK (cumulative), BEAT_BACK,
 *          RENEWED, REFUSE.
 * Promise  ACK(epoch, seq) is sent after everything up to seq is on the hub's disk, and never otherwise.
 * Numbers  seq counts from 1 in an epoch; an epoch is a spool's birth in seconds since 1970 and only grows.
 *          `previous` is the digest of the batch before (all zero for the first of an epoch).
 * Digest   of a batch: nr_digest_join(head of the batch as it travels: epoch, seq, previous, payload)
 * Limits   NR_MESSAGE_MAX bytes of body; strings have theirs below. A reader refuses before it waits for the
 *          rest.
 */
#include "base/crypt.h"
#include "base/cursor.h"
#include "base/time.h"
#include "record/batch.h"

enum {
	NR_MESSAGE_VERSION = 1,
	NR_MESSAGE_HEAD = 8,
	NR_MESSAGE_MAX = NR_BATCH_SIZE_MAX + 4096,
	NR_MESSAGE_WINDOW = 64,
	NR_MESSAGE_TEXT = 256, /* with its NUL: program versions, reasons */
	NR_MESSAGE_PEM = 32768,
};

enum nr_message_type { /* a wire format: append only */
		       NR_MESSAGE_HELLO = 1,
		       NR_MESSAGE_WELCOME,
		       NR_MESSAGE_BATCH,
		       NR_MESSAGE_GAP,
		       NR_MESSAGE_BEAT,
		       NR_MESSAGE_BEAT_BACK,
		       NR_MESSAGE_ACK,
		       NR_MESSAGE_REFUSE,
		       NR_MESSAGE_RENEW,
		       NR_MESSAGE_RENEWED,
};

enum nr_refusal { /* a wire format: append only */
		  NR_REFUSE_VERSION = 1,
		  NR_REFUSE_BUSY,    /* disk full, too many: try again after retry_ms */
		  NR_REFUSE_REVOKED, /* never again with this certificate */
		  NR_REFUSE_CONFLICT, /* this number has other content already; kept aside, with an alarm */
		  NR_REFUSE_OLD_EPOCH,
		  NR_REFUSE_DAMAGED, /* digest, chain or batch does not verify */
		  NR_REFUSE_STOPPING,
};

enum nr_gap_reason { NR_GAP_SPOOL_FULL = 1, NR_GAP_SPOOL_DAMAGED, NR_GAP_UNEXPLAINED };

struct nr_message_hello {
	char program[NR_MESSAGE_TEXT]; /* "noroshi-sensor 0.1.0" */
	uint64_t epoch, next_seq;
	int64_t clock_ns; /* the sensor's */
};
struct nr_message_welcome {
	uint64_t epoch, acked_seq; /* 0, 0: nothing known */
	struct nr_digest acked;	   /* digest of that batch */
	int64_t clock_ns;	   /* the hub's */
	uint32_t batch_interval_ms;
	uint32_t beat_interval_ms;
};
struct nr_message_batch {
	uint64_t epoch, seq;
	struct nr_digest previous;
	int64_t made_ns;	 /* the sensor's clock when it was closed */
	struct nr_bytes payload; /* record/batch.h; borrowed */
};
/** Batches from_seq..to_seq will never come. Numbered by what it stands for, so sending it twice is harmless. */
struct nr_message_gap {
	uint64_t epoch, from_seq, to_seq;
	struct nr_digest last; /* digest of batch to_seq, so that the chain goes on */
	uint64_t observations, packets;
	int64_t first_tick, last_tick;
	uint8_t reason; /* enum nr_gap_reason */
};
struct nr_message_beat {
	uint64_t beat;	     /* counts up in a session */
	int64_t clock_ns;    /* the sensor's, when sent */
	int64_t newest_tick; /* parser: second of the newest packet; INT64_MIN: none yet */
	int64_t parser_ns;   /* the sensor's clock when its parser last gave a sign of life */
	uint64_t received, classified, kernel_dropped,
		spool_dropped; /* packets, packets, packets, batches: since start */
	uint64_t spool_bytes, spool_limit, disk_free;
	uint64_t monitored_v4; /* addresses alive */
	uint32_t resident_kib;
	uint8_t unsafe; /* runs without its sandbox */
};
struct nr_message_beat_back {
	uint64_t beat;
	int64_t sensor_ns, hub_ns; /* the beat's clock, and the hub's when it answered */
};
struct nr_message_ack {
	uint64_t epoch, seq;
};
struct nr_message_refuse {
	uint8_t why; /* enum nr_refusal */
	uint32_t retry_ms;
	uint64_t epoch, seq; /* of what was refused; 0: the session */
	char words[NR_MESSAGE_TEXT];
};
struct nr_message_pem { /* RENEW: a request; RENEWED: certificate, then authority */
	struct nr_bytes pem;
};

struct nr_message {
	uint8_t type;
	union {
		struct nr_message_hello hello;
		struct nr_message_welcome welcome;
		struct nr_message_batch batch;
		struct nr_message_gap gap;
		struct nr_message_beat beat;
		struct nr_message_beat_back beat_back;
		struct nr_message_ack ack;
		struct nr_message_refuse refuse;
		struct nr_message_pem pem;
	};
};

/** Append head and body. @return 0; NR_ELIMIT; -ENOMEM */
NR_MUST_CHECK int nr_message_write(const struct nr_message *frame, struct nr_buf *out);
/** Of the NR_MESSAGE_HEAD bytes: how many follow. @return 0; NR_EVERSION; NR_EFORMAT; NR_ELIMIT */
NR_MUST_CHECK int nr_message_head(const uint8_t head[NR_MESSAGE_HEAD], uint8_t *ret_type,
				  uint32_t *ret_length, struct nr_err *reterr);
/** Byte strings of @p ret_frame point into @p body. @return 0; NR_EDAMAGED */
NR_MUST_CHECK int nr_message_read(uint8_t type, struct nr_bytes body, struct nr_message *ret_frame,
				  struct nr_err *reterr);
struct nr_digest nr_message_digest(const struct nr_message_batch *batch);
