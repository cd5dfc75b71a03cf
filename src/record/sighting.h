/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * sighting: which sensor saw the subject of a finding, how much, and from when until when. The copy
 * of the finding that somebody may know is made of these (share/policy/copy.h).
 *
 * Text    one JSON array, ascending by sensor: [[UUID,PACKETS,MARKED,BYTES,FIRST,LAST],...]; times
 *         are nanoseconds since 1970, event time. Written and read by this hub alone, so reading is
 *         exact: what was not written here is no sightings at all, and nobody may know.
 * Limits  NR_SIGHTINGS_MAX sensors
 */
#include "base/buf.h"
#include "base/crypt.h"
#include "base/time.h"

enum { NR_SIGHTINGS_MAX = 4096 };

struct nr_sighting {
	struct nr_uuid sensor;
	uint64_t packets;
	uint64_t marked; /* of them, with a mark of a tool or of malware */
	uint64_t bytes;
	struct nr_time first, last;
};

struct nr_sightings {
	struct nr_sighting *list; /* ascending by sensor */
	size_t n;
};

/** @p list is in order. */
void nr_sightings_print(const struct nr_sighting *list, size_t n, struct nr_buf *out);
/**
 * @param ret_list  to be freed; NULL when there are none
 * @return 0; NR_EDAMAGED: not what nr_sightings_print() writes; -ENOMEM
 */
NR_MUST_CHECK int nr_sightings_parse(struct nr_str text, struct nr_sighting **ret_list,
				     size_t *ret_n);
/** Ascending by sensor, as the text is. */
int nr_sighting_cmp(const void *a, const void *b);
