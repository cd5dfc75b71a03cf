/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file classify_int: what the files of this folder share. */
#include "base/cursor.h"
#include "observe/classify/classify.h"

enum { NR_PAYLOAD_LOOK = 512 }; /* bytes of a payload that anybody looks at */

/** Class of a UDP packet whose payload class is set. */
enum nr_class nr_udp_class(const struct nr_packet *pkt);
/** Does this ask a reflector for a large answer? By destination port and content. */
bool nr_amplify_is_request(uint16_t dport, const uint8_t *p, size_t n);
/** Bits over enum nr_mark of the single-packet marks, traffic_class being set. */
uint16_t nr_mark_bits(const struct nr_packet *pkt);
/** A payload that orders the download of a program and its run. */
bool nr_exploit_is(const uint8_t *p, size_t n);
