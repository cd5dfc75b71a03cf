/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * filter: a pcap-filter(7) expression, applied to frames from files and standard input. (Live
 * capture gives its expression to the kernel instead, see capture.h.)
 *
 * Shape    compiled once for every link type we read, then immutable
 * Threads  any number may match with one filter
 * Cost     an interpreted program: about 10 to 50 ns a frame
 * Source   pcap-filter(7)
 */
#include "observe/capture/capture.h"

struct nr_filter;

/** @return 0; NR_EUSAGE: no link type understands the expression, the message quotes it; -ENOMEM */
NR_MUST_CHECK int nr_filter_new(const char *expression, struct nr_filter **ret_filter,
				struct nr_err *reterr);
struct nr_filter *nr_filter_free(struct nr_filter *filter);
static inline void nr_filter_autofree(struct nr_filter **f)
{
	nr_filter_free(*f);
}
/**
 * @return 1 the frame passes; 0 it does not; NR_EFORMAT the expression means nothing on frames of this
 * link type, nr_filter_explain() says why
 */
NR_MUST_CHECK int nr_filter_match(const struct nr_filter *filter, const struct nr_frame *frame);
/** Why nr_filter_match() refuses link type @p link. @return 0 when it does not; NR_EFORMAT */
int nr_filter_explain(const struct nr_filter *filter, uint16_t link, struct nr_err *reterr);

struct bpf_program;
/** The program for @p link, borrowed; NULL when there is none. */
const struct bpf_program *nr_filter_program(const struct nr_filter *filter, uint16_t link);
