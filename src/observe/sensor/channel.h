/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * channel: what travels between the sensor's processes: descriptors, orders, and batches from
 * parser to spooler.
 *
 * Orders   one datagram each over a SEQPACKET socket from the supervisor, with at most one
 *          descriptor
 * Batches  a head of NR_HANDOVER_HEAD bytes (u32 magic, u32 length, u32 rows, u32 zero, u64
 *          packets, i64 first tick, i64 last tick, i64 made_ns; little-endian), then the batch. The
 *          receiver checks all of it.
 */
#include "observe/sensor/spool.h"

enum nr_order_kind {
	NR_ORDER_PIPE = 1, /* capture: write here from now on; spooler: read here next */
	NR_ORDER_SHIPPER,  /* to spooler: the socket of a new shipper */
	NR_ORDER_STOP,	   /* finish what is at hand and end */
};

struct nr_order {
	uint32_t kind, value; /* value: the generation, with PIPE */
};

NR_MUST_CHECK int nr_order_send(int channel, struct nr_order order, int fd);
/**
 * Without waiting. @return 1 with *ret_fd >= 0 when one came along; 0 none is there; -ECONNRESET;
 * -errno
 */
NR_MUST_CHECK int nr_order_receive(int channel, struct nr_order *ret_order, int *ret_fd);

enum { NR_HANDOVER_HEAD = 48 };

void nr_handover_write(const struct nr_spool_entry *entry, uint8_t out[NR_HANDOVER_HEAD]);
/** The payload's length is set, its place is not. @return 0; NR_EDAMAGED */
NR_MUST_CHECK int nr_handover_read(const uint8_t bytes[NR_HANDOVER_HEAD],
				   struct nr_spool_entry *ret_entry);
