/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * out: where the lab's packets and truth go: a pcap file and a file of JSON lines.
 *
 * Limits  memory: one buffer of 1 MiB for each file
 * Source  draft-ietf-opsawg-pcap
 */
#include "base/buf.h"
#include "learn/lab/world.h"

enum nr_lab_link { NR_LAB_ETHERNET, NR_LAB_RAW_IP };

struct nr_lab_out;

/**
 * @param fd  borrowed; @param truth_fd  -1: no truth. The pcap header is buffered here.
 * @return 0; -ENOMEM
 */
NR_MUST_CHECK int nr_lab_out_new(int fd, int truth_fd, enum nr_lab_link link, bool nanoseconds,
				 struct nr_lab_out **ret_out);
struct nr_lab_out *nr_lab_out_free(struct nr_lab_out *out);
static inline void nr_lab_out_autofree(struct nr_lab_out **o)
{
	nr_lab_out_free(*o);
}
struct nr_lab_sink nr_lab_out_sink(struct nr_lab_out *out, bool with_truth);
/** Write what is buffered. */
NR_MUST_CHECK int nr_lab_out_flush(struct nr_lab_out *out);

/** One truth record as a JSON object with a line feed. */
void nr_lab_truth_print(const struct nr_lab_world *world, const struct nr_lab_actor *actor,
			struct nr_buf *buf);
