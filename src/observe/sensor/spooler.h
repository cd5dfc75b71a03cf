/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * spooler: what the two halves of the spooler process share: batches in (spooler_role.c), messages
 * out (spooler_link.c).
 */
#include "base/buf.h"
#include "base/time.h"
#include "observe/sensor/role.h"
#include "record/batch.h"

struct nr_spooler_pipe { /* from the parser; fd -1: none */
	int fd;
	uint32_t generation;
	size_t have; /* bytes of the head */
	uint8_t head[NR_HANDOVER_HEAD];
	struct nr_spool_entry entry;
	struct nr_buf payload;
};

struct nr_spooler_link { /* to the shipper; fd -1: none */
	int fd;
	bool in_session;
	struct nr_buf out, payload; /* out: whole messages */
	size_t out_done;
	uint8_t in[NR_MESSAGE_HEAD + NR_MESSAGE_TEXT + 256]; /* the hub's messages are short */
	size_t in_n;
	int64_t renumbered_ns, hub_ns; /* hub_ns: its clock at WELCOME */
};

struct nr_spooler {
	const struct nr_role *role;
	struct nr_page_spooler *page;
	struct nr_spool *spool;
	struct nr_spooler_pipe pipe;
	struct nr_spooler_link link;
	bool has_next, stop;
	int next_fd;
	uint32_t next_generation;
	int64_t unsynced_ns; /* since when something is not synced; 0: nothing is */
	int64_t space_ns;
	uint32_t wished_interval_ms; /* by the hub */
};

void nr_spooler_link_init(struct nr_spooler *spooler);
/** A new shipper: forget the session of the old one. */
void nr_spooler_link_set(struct nr_spooler *spooler, int fd);
/** Whether there is something to write. */
bool nr_spooler_link_wants(const struct nr_spooler *spooler);
/** Read and write what goes without waiting. @return 0; -errno: the disk */
NR_MUST_CHECK int nr_spooler_link_turn(struct nr_spooler *spooler, struct nr_err *reterr);
