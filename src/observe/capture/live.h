/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * live: frames of a network interface, through a ring that is shared with the kernel.
 *
 * Shape   frames are copied out of the ring into the block, so that a ring block goes back to the
 *         kernel as soon as possible
 * Link    Ethernet (also loopback) as LINKTYPE_ETHERNET, VLAN tags that the kernel took out are put
 *         back; any other kind, and "any", cooked as LINKTYPE_LINUX_SLL2
 * Time    of the kernel, nanoseconds
 * Source  packet(7), kernel Documentation/networking/packet_mmap
 */
#include "observe/capture/capture.h"

struct nr_live;

/** @return 0; -EPERM, -ENODEV, NR_EUSAGE (filter), other -errno */
NR_MUST_CHECK int nr_live_new(const struct nr_capture_options *opt, int wake_fd,
			      struct nr_live **ret_live, struct nr_err *reterr);
struct nr_live *nr_live_free(struct nr_live *live);
/** As nr_capture_next(). A failure is final. */
NR_MUST_CHECK int nr_live_next(struct nr_live *live, struct nr_block *block, int wait_ms,
			       struct nr_capture_stats *stats, struct nr_err *reterr);
/** Add what the kernel counted since the last call: received includes dropped. */
void nr_live_count(struct nr_live *live, struct nr_capture_stats *stats);
