/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/flow/flow4.h"

#define SPAN(type, from, to) \
	(offsetof(struct type, to) + sizeof(((struct type *)0)->to) - offsetof(struct type, from))
_Static_assert(SPAN(nr_flow4, packets, payload_hash) == SPAN(nr_observation, packets, payload_hash),
	       "copied");
_Static_assert(SPAN(nr_flow4, payload, marks) == SPAN(nr_observation, payload, marks), "copied");

void nr_flow4_expand(const struct nr_flow4 *e, struct nr_observation *o)
{
	nr_flow4_put_ip(&o->src, (uint32_t)(e->addr >> 32));
	nr_flow4_put_ip(&o->dst, (uint32_t)e->addr);
	o->quoted_dst = (struct nr_ip){ { 0 } };
	o->tick = e->tick;
	o->bytes = (uint64_t)e->bytes_hi << 32 | e->bytes_lo;
	memcpy((uint8_t *)o + offsetof(struct nr_observation, packets),
	       (const uint8_t *)e + offsetof(struct nr_flow4, packets),
	       SPAN(nr_flow4, packets, payload_hash));
	o->sport = (uint16_t)(e->ports >> 48);
	o->dport = (uint16_t)(e->ports >> 32);
	o->window = e->window;
	o->quoted_dport = 0;
	o->quoted_proto = 0;
	o->proto = (uint8_t)(e->ports >> 24);
	o->traffic_class = (uint8_t)(e->ports >> 16);
	memcpy((uint8_t *)o + offsetof(struct nr_observation, payload),
	       (const uint8_t *)e + offsetof(struct nr_flow4, payload),
	       SPAN(nr_flow4, payload, marks));
	if (NR_UNLIKELY(e->ports & NR_FLOW4_QUOTED)) {
		o->quoted_dst = nr_ip_v4(e->quoted.dst);
		o->quoted_dport = e->quoted.dport;
		o->quoted_proto = e->quoted.proto;
		memset(o->marks, 0, sizeof(o->marks));
	}
}
