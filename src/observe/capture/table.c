/* SPDX-License-Identifier: Apache-2.0 */
/** @file table: the capture file formats we read. Add yours here; see docs/internals/capture.md. */
#include "observe/capture/capture_int.h"

const struct nr_format *const nr_formats[] = {
	&nr_format_pcap,
	&nr_format_pcapng,
	NULL,
};
