/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * payload: what UDP scanners ask and what services answer.
 */
#include "learn/lab/packet.h"

/**
 * Point the packet at the request that scanners send to its dport; @p scratch (NR_LAB_PACKET_MAX bytes) is
 * used where the request carries an identifier that changes.
 */
void nr_lab_payload_probe(struct nr_lab_packet *packet, uint16_t id, uint8_t *scratch);
/** The same for the answer of the service at the packet's sport. */
void nr_lab_payload_answer(struct nr_lab_packet *packet, uint16_t id, uint8_t *scratch);
