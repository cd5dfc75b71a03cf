/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/crowd.h"

#include "learn/lab/payload.h"

#define HOUR (3600 * NR_NS_PER_S)

/* ---- botnets: one actor whose firings are infections ---- */

/* Moment at which the i-th bot is infected, counted from the start (SI model solved for t). */
static int64_t infection(int64_t doubling, uint64_t i, uint64_t first, uint64_t all)
{
	int64_t doublings_q32 = (int64_t)nr_lab_log2_q32(i) - (int64_t)nr_lab_log2_q32(first) +
				(int64_t)nr_lab_log2_q32(all - first) -
				(int64_t)nr_lab_log2_q32(all - i);
	__extension__ __int128 t = (__int128)doublings_q32 * doubling >> 32;

	return t > 0 ? (int64_t)t : 0;
}

static void infect(struct nr_lab_world *world, struct nr_lab_actor *botnet, int64_t now)
{
	struct nr_lab_scan bot = { .tool = (enum nr_lab_tool_id)(botnet->tool - nr_lab_tools),
				   .campaign = botnet->label.campaign,
				   .start = now,
				   .n_ports = botnet->n_ports };
	uint32_t pace = nr_lab_rng_in(&botnet->rng, 50, 150); /* machines differ */

	bot.rate = botnet->label.rate * pace / 100;
	memcpy(bot.ports, botnet->ports, sizeof(bot.ports));
	botnet->label.members++;
	(void)nr_lab_scan(world, &bot);
}

static int64_t fire_botnet(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now)
{
	uint64_t first = actor->secret >> 32, all = actor->secret & UINT32_MAX, next;
	int64_t doubling = actor->packet.tsval * NR_NS_PER_S, when;

	while (actor->count < first || doubling == 0) {
		if (actor->count++ == all)
			return NR_LAB_OVER;
		infect(world, actor, now);
	}
	if (actor->count > first)
		infect(world, actor, now);
	next = ++actor->count;
	if (next >= all)
		return NR_LAB_OVER;
	when = actor->start + infection(doubling, next, first, all);
	return when > now ? when : now;
}

uint32_t nr_lab_botnet(struct nr_lab_world *world, const struct nr_lab_botnet *botnet)
{
	int64_t start = botnet->start != 0 ? botnet->start : world->start;
	struct nr_lab_actor *actor = nr_lab_actor_new(world, fire_botnet, start);

	actor->tool = &nr_lab_tools[botnet->tool];
	actor->start = start;
	actor->secret = (uint64_t)botnet->first << 32 | botnet->all;
	actor->packet.tsval = (uint32_t)(botnet->doubling / NR_NS_PER_S);
	actor->n_ports = botnet->n_ports != 0 ? botnet->n_ports : actor->tool->n_ports;
	memcpy(actor->ports, botnet->n_ports != 0 ? botnet->ports : actor->tool->ports,
	       sizeof(actor->ports));
	actor->label = (struct nr_lab_label){ .actor = "campaign",
					      .kind = "botnet",
					      .tool = actor->tool->mark,
					      .rate = botnet->rate,
					      .campaign = ++world->n_campaigns,
					      .doubling_s = (double)botnet->doubling / 1e9 };
	return actor->label.campaign;
}

/* ---- strays and noise ---- */

static struct nr_ip fresh_source(struct nr_lab_world *world, struct nr_lab_rng *rng)
{
	return world->space.n_v4 == 0 ? nr_lab_space_source_v6(&world->space, rng)
				      : nr_lab_space_source(&world->space, rng);
}

static void stray_packet(struct nr_lab_actor *actor, struct nr_lab_packet *packet)
{
	static const uint16_t ports[] = { 443, 80, 6881, 23, 445, 51413, 8080, 3389, 27015, 5060 };
	uint32_t dice = nr_lab_rng_below(&actor->rng, 100);

	packet->ttl = (uint8_t)((dice & 1 ? 64 : 128) - actor->hops);
	packet->id = (uint16_t)nr_lab_rng_u32(&actor->rng);
	packet->sport = (uint16_t)nr_lab_rng_in(&actor->rng, 1024, 65535);
	packet->dport = dice < 60 ? ports[nr_lab_rng_below(&actor->rng, NR_COUNT(ports))]
				  : (uint16_t)nr_lab_rng_in(&actor->rng, 1, 65535);
	packet->proto = NR_LAB_TCP;
	packet->seq = nr_lab_rng_u32(&actor->rng);
	if (dice < 70) {
		packet->tcp_flags = NR_LAB_SYN;
		packet->window = dice & 1 ? 64240 : 65535;
		packet->options = dice & 1 ? NR_LAB_OPT_LINUX : NR_LAB_OPT_WINDOWS;
		packet->df = true;
	} else if (dice < 76) {
		packet->tcp_flags = NR_LAB_ACK;
		packet->ack = nr_lab_rng_u32(&actor->rng);
		packet->window = 501;
	} else if (dice < 80) {
		packet->tcp_flags = NR_LAB_RST;
	} else {
		packet->proto = NR_LAB_UDP;
		packet->payload =
			(const uint8_t *)"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe";
		packet->n_payload = 56;
	}
}

static int64_t fire_stray(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now)
{
	struct nr_lab_packet packet = { .src = actor->src, .dst = nr_lab_target(world, actor) };

	stray_packet(actor, &packet);
	nr_lab_send(world, actor, &packet, now);
	return --actor->left == 0 ? NR_LAB_OVER
				  : now + nr_lab_rng_exp(&actor->rng, 60 * NR_NS_PER_S);
}

static int64_t fire_strays(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now)
{
	struct nr_lab_actor *stray = nr_lab_actor_new(world, fire_stray, now);

	stray->src = fresh_source(world, &actor->rng);
	stray->left = nr_lab_rng_percent(&actor->rng, 70) ? 1 : 2;
	stray->start = now;
	stray->label = (struct nr_lab_label){ .actor = "noise", .kind = "stray" };
	return nr_lab_next(actor, now);
}

static void add_population(struct nr_lab_world *world, nr_lab_fire *fire, double sources_per_hour)
{
	struct nr_lab_actor *actor = nr_lab_actor_new(world, fire, NR_LAB_OVER);

	if (sources_per_hour <= 0)
		return;
	actor->gap = (int64_t)((double)HOUR / sources_per_hour);
	nr_lab_actor_at(world, actor, world->start + nr_lab_rng_exp(&actor->rng, actor->gap));
}

void nr_lab_strays(struct nr_lab_world *world, double sources_per_hour)
{
	add_population(world, fire_strays, sources_per_hour);
}

static int64_t fire_resolver(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now)
{
	struct nr_lab_packet packet = { .src = actor->src,
					.dst = nr_lab_target(world, actor),
					.proto = NR_LAB_UDP,
					.ttl = (uint8_t)(64 - actor->hops),
					.sport = 53 };

	packet.id = (uint16_t)nr_lab_rng_u32(&actor->rng);
	packet.dport = (uint16_t)nr_lab_rng_in(&actor->rng, 1024, 65535);
	nr_lab_payload_answer(&packet, (uint16_t)nr_lab_rng_u32(&actor->rng), world->payload);
	nr_lab_send(world, actor, &packet, now);
	return --actor->left == 0 ? NR_LAB_OVER
				  : now + nr_lab_rng_exp(&actor->rng, 20 * NR_NS_PER_S);
}

static int64_t fire_resolvers(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now)
{
	struct nr_lab_actor *resolver = nr_lab_actor_new(world, fire_resolver, now);

	resolver->src = fresh_source(world, &actor->rng);
	resolver->left = 1 + nr_lab_rng_below(&actor->rng, 3);
	resolver->start = now;
	resolver->label = (struct nr_lab_label){ .actor = "noise", .kind = "dns_answers" };
	return nr_lab_next(actor, now);
}

void nr_lab_dns_noise(struct nr_lab_world *world, double sources_per_hour)
{
	add_population(world, fire_resolvers, sources_per_hour);
}

static int64_t fire_misconfigured(struct nr_lab_world *world, struct nr_lab_actor *actor,
				  int64_t now)
{
	struct nr_lab_packet *packet = &actor->packet;

	packet->id++;
	if (packet->proto == NR_LAB_UDP) {
		nr_lab_payload_probe(packet, (uint16_t)nr_lab_rng_u32(&actor->rng), world->payload);
	} else {
		packet->seq = nr_lab_rng_u32(&actor->rng);
		packet->sport = (uint16_t)nr_lab_rng_in(&actor->rng, 32768, 60999);
	}
	nr_lab_send(world, actor, packet, now);
	return nr_lab_next(actor, now);
}

void nr_lab_misconfigured(struct nr_lab_world *world, int64_t gap)
{
	static const uint16_t ports[] = { 514, 53, 123, 161, 8333, 25, 443, 5222 };
	struct nr_lab_actor *actor = nr_lab_actor_new(world, fire_misconfigured, NR_LAB_OVER);
	uint32_t which = nr_lab_rng_below(&actor->rng, NR_COUNT(ports));

	actor->src = fresh_source(world, &actor->rng);
	actor->gap = gap / 2 + nr_lab_rng_exp(&actor->rng, gap / 2);
	actor->arrival = (uint8_t)nr_lab_rng_below(&actor->rng, 3);
	actor->packet =
		(struct nr_lab_packet){ .src = actor->src,
					.dst = nr_lab_target(world, actor),
					.proto = which < 4 ? NR_LAB_UDP : NR_LAB_TCP,
					.dport = ports[which],
					.sport = (uint16_t)nr_lab_rng_in(&actor->rng, 1024, 65535),
					.ttl = (uint8_t)(64 - actor->hops),
					.df = true,
					.tcp_flags = NR_LAB_SYN,
					.window = 64240,
					.options = NR_LAB_OPT_LINUX };
	actor->label = (struct nr_lab_label){ .actor = "noise", .kind = "misconfiguration" };
	nr_lab_actor_at(world, actor, world->start + nr_lab_rng_exp(&actor->rng, actor->gap));
}

static int64_t fire_stuck(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now)
{
	static const struct nr_lab_retries repeats = { .delays = { 1, 2, 4, 8, 16 } };

	actor->packet.seq = nr_lab_rng_u32(&actor->rng);
	actor->packet.ack = nr_lab_rng_u32(&actor->rng);
	actor->packet.dport = (uint16_t)nr_lab_rng_in(&actor->rng, 32768, 60999);
	nr_lab_send(world, actor, &actor->packet, now);
	nr_lab_repeat(world, actor, &actor->packet, &repeats, now);
	return nr_lab_next(actor, now);
}

void nr_lab_stuck_server(struct nr_lab_world *world, int64_t start, int64_t end)
{
	struct nr_lab_actor *actor = nr_lab_actor_new(world, fire_stuck, start);

	actor->src = fresh_source(world, &actor->rng);
	actor->start = start;
	actor->end = end < world->end ? end : world->end;
	actor->gap = nr_lab_rng_in(&actor->rng, 20, 200) * NR_NS_PER_S;
	actor->packet = (struct nr_lab_packet){ .src = actor->src,
						.dst = nr_lab_target(world, actor),
						.proto = NR_LAB_TCP,
						.tcp_flags = NR_LAB_SYN | NR_LAB_ACK,
						.sport = 443,
						.ttl = (uint8_t)(64 - actor->hops),
						.df = true,
						.window = 65160,
						.options = NR_LAB_OPT_LINUX_ANSWER };
	actor->label = (struct nr_lab_label){ .actor = "noise", .kind = "stuck_server" };
}
