/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * class: what a packet to an unused address means, by its header alone.
 *
 * scan         asks for an answer: TCP SYN, ICMP echo, timestamp, information or mask request,
 *              UDP that is neither a service's answer nor an amplification request
 *              (TCP: SYN without ACK, FIN or RST; ICMPv6: 128)
 * backscatter  answers something this address never asked: TCP SYN-ACK or RST, ICMP 0, 3, 4, 5, 11,
 *              12, 14, 16, 18 (and ICMPv6 1-4, 129), UDP from a service port
 *              that carries no request of that service
 * amplify      UDP that asks a reflector for a large answer (recognised by content and port); it goes
 *              before the others, and a survey for reflectors has it too: docs/internals/dissection.md
 * other        anything else, e.g. TCP with odd flags, later fragments, other protocols
 */
#include "base/def.h"

enum nr_class { NR_CLASS_SCAN, NR_CLASS_BACKSCATTER, NR_CLASS_AMPLIFY, NR_CLASS_OTHER, NR_CLASS_N };

extern const char *const nr_class_names[]; /* NULL-terminated */
const char *nr_class_name(uint8_t traffic_class);
