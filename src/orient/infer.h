/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * infer: which addresses are monitored, when nobody said so, from the first packets of the input.
 *
 * In       dissected and classified packets
 * Shape    accepts up to NR_INFER_BLOCKS aligned IPv4 blocks whose addresses receive and never send, are hit
 *          evenly in both halves on every level, and of which about as many distinct ones were hit as
 *          even chance would give. Anything else is said plainly and the number stays unknown: a two-way
 *          capture, too few packets, destinations scattered over many blocks, or a block of which only
 *          some addresses seem to be monitored. IPv6 is never inferred: no sample can show its size.
 *          The result does not depend on the order of the packets.
 * Cost     8 bytes a packet of the sample, sorting at the end
 * Limits   NR_INFER_SAMPLE packets
 * Source   own rules; the constants stand beside their reasons in infer.c
 */
#include "observe/dissect/dissect.h"
#include "observe/nets.h"

enum { NR_INFER_BLOCKS = 8, NR_INFER_SAMPLE = 1 << 17 };

enum nr_infer_verdict {
	NR_INFER_GIVEN, /* the user named them */
	NR_INFER_FOUND,
	NR_INFER_TOO_FEW,   /* too few packets to addresses that never send */
	NR_INFER_TWO_WAY,   /* the capture holds conversations: its addresses are in use */
	NR_INFER_SCATTERED, /* destinations in more than NR_INFER_BLOCKS blocks */
	NR_INFER_SPARSE,    /* far fewer addresses hit than even chance would give */
	NR_INFER_NOT_TRIED, /* the input can be read only once: standard input, an interface, a followed file */
};

struct nr_infer_result {
	enum nr_infer_verdict verdict;
	uint64_t packets;    /* IPv4 packets looked at */
	uint64_t unanswered; /* of them to addresses that never sent */
	uint64_t
		destinations; /* distinct addresses in the blocks, by a few packets of each source */
	uint64_t distinct;    /* distinct addresses that never sent, in blocks or not */
	uint64_t expected;    /* distinct ones that even chance would give in the blocks */
	double two_way;	      /* share of packets between pairs seen in both directions */
	size_t n_blocks;      /* also when refused */
	struct nr_prefix blocks[NR_INFER_BLOCKS];
};

struct nr_infer;

NR_MUST_CHECK int nr_infer_new(struct nr_infer **ret_infer);
struct nr_infer *nr_infer_free(struct nr_infer *infer);
static inline void nr_infer_autofree(struct nr_infer **i)
{
	nr_infer_free(*i);
}
/** @return false when the sample is full: more packets change nothing */
bool nr_infer_add(struct nr_infer *infer, const struct nr_packet *packet);
/** @p ret_nets is filled only when the verdict is NR_INFER_FOUND. Call once. */
void nr_infer_finish(struct nr_infer *infer, struct nr_infer_result *ret_result,
		     struct nr_nets *ret_nets);

/** The nets that the words of --net name: "198.18.0.0/16". @return 0; NR_EUSAGE naming the word */
NR_MUST_CHECK int nr_infer_given(const struct nr_str *words, size_t n, struct nr_nets *ret_nets,
				 struct nr_err *reterr);
