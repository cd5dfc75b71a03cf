/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/victim.h"

#include "learn/lab/payload.h"
#include "learn/lab/tool.h"

const char *const nr_lab_flood_kinds[NR_LAB_FLOODS] = {
	[NR_LAB_FLOOD_SYN_OPEN] = "syn_open",
	[NR_LAB_FLOOD_SYN_COOKIES] = "syn_cookies",
	[NR_LAB_FLOOD_SYN_CLOSED] = "syn_closed",
	[NR_LAB_FLOOD_ACK] = "ack",
	[NR_LAB_FLOOD_UDP] = "udp",
	[NR_LAB_FLOOD_UDP_SERVICE] = "udp_service",
	[NR_LAB_FLOOD_ICMP] = "icmp",
};

static const struct nr_lab_retries synack_retries = { .delays = { 1, 2, 4, 8, 16 } };

static uint16_t attacked_port(struct nr_lab_actor *actor)
{
	return actor->n_ports > 0 ? actor->ports[0]
				  : (uint16_t)(1 + nr_lab_rng_below(&actor->rng, 65535));
}

static void answer_tcp(struct nr_lab_actor *actor, struct nr_lab_packet *packet,
		       enum nr_lab_flood_kind kind)
{
	packet->proto = NR_LAB_TCP;
	packet->sport = attacked_port(actor);
	packet->dport = (uint16_t)nr_lab_rng_in(&actor->rng, 1024,
						65535); /* the forged packet's source port */
	packet->id = 0;
	packet->df = true;
	packet->ack = nr_lab_rng_u32(&actor->rng);
	if (kind == NR_LAB_FLOOD_SYN_CLOSED || kind == NR_LAB_FLOOD_ACK) {
		packet->tcp_flags = kind == NR_LAB_FLOOD_ACK ? NR_LAB_RST : NR_LAB_RST | NR_LAB_ACK;
		packet->seq = kind == NR_LAB_FLOOD_ACK ? packet->ack : 0;
		packet->ack = kind == NR_LAB_FLOOD_ACK ? 0 : packet->ack;
		return;
	}
	packet->tcp_flags = NR_LAB_SYN | NR_LAB_ACK;
	packet->seq = nr_lab_rng_u32(&actor->rng);
	packet->window = 64240;
	packet->options = NR_LAB_OPT_LINUX_ANSWER;
}

static void answer_udp(struct nr_lab_world *world, struct nr_lab_actor *actor,
		       struct nr_lab_packet *packet, enum nr_lab_flood_kind kind)
{
	bool v4 = nr_ip_is_v4(packet->dst);

	packet->id = (uint16_t)nr_lab_rng_u32(&actor->rng);
	if (kind == NR_LAB_FLOOD_UDP_SERVICE) {
		packet->proto = NR_LAB_UDP;
		packet->sport = attacked_port(actor);
		packet->dport = (uint16_t)nr_lab_rng_in(&actor->rng, 1024, 65535);
		nr_lab_payload_answer(packet, (uint16_t)nr_lab_rng_u32(&actor->rng),
				      world->payload);
		return;
	}
	packet->proto = v4 ? NR_LAB_ICMP : NR_LAB_ICMP6;
	if (kind == NR_LAB_FLOOD_ICMP) {
		packet->dport = v4 ? 0 : 129 << 8;
		packet->sport = (uint16_t)nr_lab_rng_u32(&actor->rng);
		packet->seq = nr_lab_rng_u32(&actor->rng) & 0xff;
		packet->payload = world->payload;
		packet->n_payload = 32;
		memset(world->payload, 'a', 32);
		return;
	}
	packet->dport = v4 ? 3 << 8 | 3 : 1 << 8 | 4;
	packet->tos = v4 ? 0xc0 : 0;
	packet->quoted_proto = NR_LAB_UDP;
	packet->quoted_dst = actor->src;
	packet->quoted_sport = (uint16_t)nr_lab_rng_in(&actor->rng, 1024, 65535);
	packet->quoted_dport = attacked_port(actor);
	packet->seq = nr_lab_rng_u32(&actor->rng);
}

static int64_t fire_victim(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now)
{
	struct nr_lab_packet packet = { .src = actor->src,
					.dst = nr_lab_target(world, actor),
					.ttl = (uint8_t)(64 - actor->hops) };
	enum nr_lab_flood_kind kind = actor->step;

	switch (kind) {
	case NR_LAB_FLOOD_SYN_OPEN:
	case NR_LAB_FLOOD_SYN_COOKIES:
	case NR_LAB_FLOOD_SYN_CLOSED:
	case NR_LAB_FLOOD_ACK:
		answer_tcp(actor, &packet, kind);
		break;
	case NR_LAB_FLOOD_UDP:
	case NR_LAB_FLOOD_UDP_SERVICE:
	case NR_LAB_FLOOD_ICMP:
	case NR_LAB_FLOODS:
		answer_udp(world, actor, &packet, kind);
		break;
	}
	nr_lab_send(world, actor, &packet, now);
	if (actor->retries != NULL)
		nr_lab_repeat(world, actor, &packet, actor->retries, now);
	actor->count++;
	return nr_lab_next(actor, now);
}

struct nr_lab_actor *nr_lab_flood(struct nr_lab_world *world, const struct nr_lab_flood *flood)
{
	struct nr_lab_actor *actor = nr_lab_actor_new(world, fire_victim, NR_LAB_OVER);
	bool v6 = flood->is_v6 || world->space.n_v4 == 0;
	int64_t at;

	actor->src = !nr_ip_eq(flood->victim, (struct nr_ip){ { 0 } }) ? flood->victim
		     : v6 ? nr_lab_space_source_v6(&world->space, &actor->rng)
			  : nr_lab_space_source(&world->space, &actor->rng);
	actor->step = (uint8_t)flood->kind;
	actor->start = flood->start != 0 ? flood->start : world->start;
	actor->end = flood->end != 0 && flood->end < world->end ? flood->end : world->end;
	actor->ports[0] = flood->port;
	actor->n_ports = flood->port != 0;
	actor->arrival = flood->arrival;
	actor->retries = flood->kind == NR_LAB_FLOOD_SYN_OPEN ? &synack_retries : NULL;
	actor->gap = nr_lab_gap(world, flood->rate * nr_lab_first_share(actor->retries));
	actor->label = (struct nr_lab_label){ .actor = "victim",
					      .kind = nr_lab_flood_kinds[flood->kind],
					      .rate = flood->rate,
					      .campaign = flood->campaign,
					      .attack_rate = flood->attack_rate > 0
								     ? flood->attack_rate
								     : flood->rate };
	at = actor->gap == 0 ? NR_LAB_OVER : actor->start + nr_lab_rng_exp(&actor->rng, actor->gap);
	nr_lab_actor_at(world, actor, at < actor->end ? at : NR_LAB_OVER - 1);
	return actor;
}

static int64_t fire_never(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now)
{
	(void)world;
	(void)actor;
	(void)now;
	return NR_LAB_OVER;
}

void nr_lab_carpet(struct nr_lab_world *world, const struct nr_lab_flood *flood)
{
	struct nr_lab_actor *campaign = nr_lab_actor_new(world, fire_never, NR_LAB_OVER);
	uint32_t number = ++world->n_campaigns;
	uint32_t net = (uint32_t)world->space.aside[number % NR_COUNT(world->space.aside)] << 16 |
		       (uint32_t)(campaign->secret >> 56) << 8;
	struct nr_lab_flood one = *flood;

	campaign->start = flood->start != 0 ? flood->start : world->start;
	campaign->end = flood->end != 0 ? flood->end : world->end;
	campaign->label = (struct nr_lab_label){ .actor = "campaign",
						 .kind = "carpet",
						 .rate = flood->rate,
						 .attack_rate = flood->attack_rate,
						 .campaign = number,
						 .members = 256,
						 .has_prefix = true,
						 .prefix = { nr_ip_v4(net), 120 } };
	one.rate = flood->rate / 256;
	one.attack_rate = flood->attack_rate / 256;
	one.campaign = number;
	for (uint32_t host = 0; host < 256; host++) {
		one.victim = nr_ip_v4(net | host);
		(void)nr_lab_flood(world, &one);
	}
}
