/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/tool.h"

#include "base/hash.h"
#include "learn/lab/payload.h"

enum {
	TTL_UNIX = 64,
	TTL_WINDOWS = 128,
	TTL_MAX = 255,
	FIRST_DYNAMIC = 32768,
	LAST_DYNAMIC = 60999
};

/* A scanner's connect() gives up after some seconds. */
static const struct nr_lab_retries linux_retries = { .delays = { 1, 2 } };
static const struct nr_lab_retries windows_retries = { .delays = { 3, 6 } };
static const struct nr_lab_retries nmap_retries = { .delays = { 1 },
						    .sport_add = 2,
						    .seq_xor = 0x00020002 };

static uint16_t u16(struct nr_lab_actor *actor)
{
	return (uint16_t)(nr_lab_rng_next(&actor->rng) >> 48);
}

static uint16_t port_of(struct nr_lab_actor *actor)
{
	uint32_t a, b;

	if (actor->n_ports == 0)
		return (uint16_t)(1 + nr_lab_rng_below(&actor->rng, 65535));
	if (actor->n_ports == 1)
		return actor->ports[0];
	a = nr_lab_rng_below(&actor->rng, actor->n_ports); /* the first ones are the favourites */
	b = nr_lab_rng_below(&actor->rng, actor->n_ports);
	return actor->ports[a < b ? a : b];
}

static uint16_t fixed_port(const struct nr_lab_actor *actor, uint32_t lo, uint32_t hi)
{
	return (uint16_t)(lo + (actor->secret >> 32) % (hi - lo + 1));
}

static void syn(struct nr_lab_packet *packet, uint8_t ttl, uint16_t window,
		enum nr_lab_tcp_options options)
{
	packet->tcp_flags = NR_LAB_SYN;
	packet->ttl = ttl;
	packet->window = window;
	packet->options = (uint8_t)options;
}

/* What stateless scanners put into the sequence number: a keyed hash of the target. */
static uint64_t cookie(const struct nr_lab_actor *actor, const struct nr_lab_packet *packet)
{
	uint64_t where;

	memcpy(&where, packet->dst.b + 8, 8);
	return nr_mix64(actor->secret ^ where ^ (uint64_t)packet->dport << 17);
}

static void masscan(struct nr_lab_world *world, struct nr_lab_actor *actor,
		    struct nr_lab_packet *packet)
{
	(void)world;
	syn(packet, TTL_MAX, 1024, NR_LAB_OPT_NONE);
	packet->dport = port_of(actor);
	packet->sport = fixed_port(actor, 40000, 60000);
	packet->seq = (uint32_t)cookie(actor, packet);
	packet->id = (uint16_t)(nr_ip_to_v4(packet->dst) ^ packet->dport ^ packet->seq);
}

static void zmap(struct nr_lab_world *world, struct nr_lab_actor *actor,
		 struct nr_lab_packet *packet)
{
	uint64_t valid;

	(void)world;
	syn(packet, TTL_MAX, 65535, NR_LAB_OPT_NONE);
	packet->dport = port_of(actor);
	valid = cookie(actor, packet);
	packet->seq = (uint32_t)valid;
	packet->sport = (uint16_t)(FIRST_DYNAMIC + (valid >> 32) % (61001 - FIRST_DYNAMIC));
	packet->id = 54321;
}

static void zmap_new(struct nr_lab_world *world, struct nr_lab_actor *actor,
		     struct nr_lab_packet *packet)
{
	zmap(world, actor, packet);
	packet->options = NR_LAB_OPT_WINDOWS;
	packet->id = (uint16_t)(cookie(actor, packet) >> 48);
}

static void nmap(struct nr_lab_world *world, struct nr_lab_actor *actor,
		 struct nr_lab_packet *packet)
{
	(void)world;
	syn(packet, (uint8_t)nr_lab_rng_in(&actor->rng, 37, 59), 1024, NR_LAB_OPT_MSS);
	packet->dport = port_of(actor);
	packet->sport = fixed_port(actor, 33000, 63000);
	packet->seq = (uint32_t)actor->secret;
	packet->id = u16(actor);
}

static void unicornscan(struct nr_lab_world *world, struct nr_lab_actor *actor,
			struct nr_lab_packet *packet)
{
	(void)world;
	syn(packet, TTL_WINDOWS, 4096, NR_LAB_OPT_MSS);
	packet->dport = port_of(actor);
	packet->sport = (uint16_t)nr_lab_rng_in(&actor->rng, 4096, 65535);
	packet->seq = (uint32_t)actor->secret ^ nr_ip_to_v4(packet->dst) ^ packet->sport ^
		      (uint32_t)packet->dport << 16;
	packet->id = u16(actor);
}

static void mirai(struct nr_lab_world *world, struct nr_lab_actor *actor,
		  struct nr_lab_packet *packet)
{
	uint16_t window = u16(actor);

	(void)world;
	syn(packet, TTL_UNIX, window == 0 ? 1 : window, NR_LAB_OPT_NONE);
	packet->dport = actor->ports[actor->n_ports > 1 && nr_lab_rng_percent(&actor->rng, 10)];
	packet->sport = fixed_port(actor, 1024, 65535);
	packet->seq = nr_ip_to_v4(packet->dst);
	packet->id = u16(actor);
}

static void hajime(struct nr_lab_world *world, struct nr_lab_actor *actor,
		   struct nr_lab_packet *packet)
{
	(void)world;
	syn(packet, TTL_UNIX, 14600, NR_LAB_OPT_NONE);
	packet->dport = port_of(actor);
	packet->sport = (uint16_t)nr_lab_rng_in(&actor->rng, 1024, 65535);
	packet->seq = nr_lab_rng_u32(&actor->rng);
	packet->id = u16(actor);
}

static void conficker(struct nr_lab_world *world, struct nr_lab_actor *actor,
		      struct nr_lab_packet *packet)
{
	(void)world;
	syn(packet, TTL_WINDOWS, 65535, NR_LAB_OPT_WINDOWS_XP);
	packet->dport = 445;
	packet->sport = (uint16_t)(1025 + (actor->secret + actor->count * 7) % 3970);
	packet->seq = nr_lab_rng_u32(&actor->rng);
	packet->id = (uint16_t)((actor->secret >> 16) + actor->count * 41);
	packet->df = true;
}

static void windows(struct nr_lab_world *world, struct nr_lab_actor *actor,
		    struct nr_lab_packet *packet)
{
	conficker(world, actor, packet);
	packet->window = 64240;
	packet->options = NR_LAB_OPT_WINDOWS;
	packet->dport = port_of(actor);
	packet->sport = (uint16_t)(49152 + (actor->secret + actor->count * 3) % 16384);
}

static void linux_connect(struct nr_lab_world *world, struct nr_lab_actor *actor,
			  struct nr_lab_packet *packet)
{
	(void)world;
	syn(packet, TTL_UNIX, 64240, NR_LAB_OPT_LINUX);
	packet->dport = port_of(actor);
	packet->sport = (uint16_t)(nr_lab_rng_in(&actor->rng, FIRST_DYNAMIC, LAST_DYNAMIC) & ~1u);
	packet->seq = nr_lab_rng_u32(&actor->rng);
	packet->tsval = nr_lab_rng_u32(&actor->rng);
	packet->id = u16(actor);
	packet->df = true;
}

static void raw(struct nr_lab_world *world, struct nr_lab_actor *actor,
		struct nr_lab_packet *packet)
{
	hajime(world, actor, packet);
	packet->window = (actor->secret & 1) != 0 ? 29200 : 8192;
	packet->ttl = (actor->secret & 2) != 0 ? TTL_MAX : TTL_UNIX;
	packet->sport = (actor->secret & 4) != 0 ? fixed_port(actor, 1024, 65535) : packet->sport;
}

static void synack(struct nr_lab_world *world, struct nr_lab_actor *actor,
		   struct nr_lab_packet *packet)
{
	(void)world;
	syn(packet, TTL_MAX, 65535, NR_LAB_OPT_NONE);
	packet->tcp_flags = NR_LAB_SYN | NR_LAB_ACK;
	packet->dport = port_of(actor);
	packet->sport = fixed_port(actor, 1024, 65535);
	packet->seq = (uint32_t)actor->secret;
	packet->ack = packet->seq + 1;
	packet->id = u16(actor);
}

static void udp_probe(struct nr_lab_world *world, struct nr_lab_actor *actor,
		      struct nr_lab_packet *packet)
{
	packet->ttl = (actor->secret & 1) != 0 ? TTL_MAX : TTL_UNIX;
	packet->dport = port_of(actor);
	packet->sport = (actor->secret & 2) != 0
				? fixed_port(actor, 1024, 65535)
				: (uint16_t)nr_lab_rng_in(&actor->rng, FIRST_DYNAMIC, LAST_DYNAMIC);
	packet->id = u16(actor);
	nr_lab_payload_probe(packet, u16(actor), world->payload);
}

static void icmp_sweep(struct nr_lab_world *world, struct nr_lab_actor *actor,
		       struct nr_lab_packet *packet)
{
	static const uint16_t lengths[] = { 0, 8, 48, 56 };

	packet->ttl = (actor->secret & 1) != 0 ? TTL_WINDOWS : TTL_UNIX;
	packet->dport = packet->proto == NR_LAB_ICMP ? 8 << 8 : 128 << 8;
	packet->sport = (uint16_t)(actor->secret >> 8);
	packet->seq = (uint32_t)actor->count;
	packet->id = u16(actor);
	packet->n_payload = lengths[actor->secret >> 62];
	for (unsigned i = 0; i < packet->n_payload; i++)
		world->payload[i] = (uint8_t)(8 + i);
	packet->payload = world->payload;
}

const struct nr_lab_tool nr_lab_tools[NR_LAB_TOOLS] = {
	[NR_LAB_MASSCAN] = { "masscan", "masscan", NR_LAB_TCP, .permutes = true, .choose = masscan,
			     .ports = { 80, 443, 8080, 22, 3389, 6379 }, .n_ports = 6 },
	[NR_LAB_ZMAP] = { "zmap", "zmap", NR_LAB_TCP, .permutes = true, .choose = zmap,
			  .ports = { 443 }, .n_ports = 1 },
	[NR_LAB_ZMAP_NEW] = { "zmap_new", "zmap_new", NR_LAB_TCP, .permutes = true,
			      .choose = zmap_new, .ports = { 443 }, .n_ports = 1 },
	[NR_LAB_NMAP] = { "nmap", "nmap", NR_LAB_TCP, .retries = &nmap_retries, .choose = nmap,
			  .ports = { 80, 443, 22, 3389, 21, 445 }, .n_ports = 6 },
	[NR_LAB_UNICORNSCAN] = { "unicornscan", "unicornscan", NR_LAB_TCP, .permutes = true,
				 .choose = unicornscan, .ports = { 80, 22 }, .n_ports = 2 },
	[NR_LAB_MIRAI] = { "mirai", "mirai", NR_LAB_TCP, .choose = mirai, .ports = { 23, 2323 },
			   .n_ports = 2 },
	[NR_LAB_HAJIME] = { "hajime", "hajime", NR_LAB_TCP, .choose = hajime,
			    .ports = { 5358, 23, 81 }, .n_ports = 3 },
	[NR_LAB_CONFICKER] = { "conficker", "conficker", NR_LAB_TCP, .is_quarter = true,
			       .retries = &windows_retries, .choose = conficker, .ports = { 445 },
			       .n_ports = 1 },
	[NR_LAB_LINUX] = { "linux", NULL, NR_LAB_TCP, .retries = &linux_retries,
			   .choose = linux_connect, .ports = { 22, 80, 2375, 6379 }, .n_ports = 4 },
	[NR_LAB_WINDOWS] = { "windows", NULL, NR_LAB_TCP, .retries = &windows_retries,
			     .choose = windows, .ports = { 445, 3389, 1433 }, .n_ports = 3 },
	[NR_LAB_RAW] = { "raw", NULL, NR_LAB_TCP, .choose = raw, .ports = { 5555, 23, 8443 },
			 .n_ports = 3 },
	[NR_LAB_SYNACK] = { "synack_scan", NULL, NR_LAB_TCP, .permutes = true, .choose = synack,
			    .ports = { 80 }, .n_ports = 1 },
	[NR_LAB_UDP_PROBE] = { "udp_probe", NULL, NR_LAB_UDP, .permutes = true, .choose = udp_probe,
			       .ports = { 53, 123, 1900, 161, 5060 }, .n_ports = 5 },
	[NR_LAB_ICMP_SWEEP] = { "icmp_sweep", NULL, NR_LAB_ICMP, .permutes = true,
				.choose = icmp_sweep },
};

static bool is_in_quarter(struct nr_ip ip)
{
	return ip.b[13] < 128 && ip.b[15] < 128;
}

static struct nr_ip scan_target(struct nr_lab_world *world, struct nr_lab_actor *actor)
{
	const struct nr_lab_space *space = &world->space;

	if (actor->tool->permutes && nr_ip_is_v4(actor->src)) {
		uint64_t lap = actor->count / space->n_v4;

		return nr_ip_v4(
			nr_lab_space_at(space, nr_lab_permute(actor->secret + lap * 2, space->n_v4,
							      actor->count % space->n_v4)));
	}
	return nr_lab_target(world, actor);
}

void nr_lab_probe(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now)
{
	struct nr_lab_packet packet = { .src = actor->src,
					.dst = scan_target(world, actor),
					.proto = actor->tool->proto };

	if (packet.proto == NR_LAB_ICMP && !nr_ip_is_v4(packet.dst))
		packet.proto = NR_LAB_ICMP6;
	if (actor->tool->is_quarter && !is_in_quarter(packet.dst))
		return;
	actor->tool->choose(world, actor, &packet);
	packet.ttl = (uint8_t)(packet.ttl - actor->hops);
	nr_lab_send(world, actor, &packet, now);
	if (actor->retries != NULL)
		nr_lab_repeat(world, actor, &packet, actor->retries, now);
	actor->count++;
}

static int64_t fire_scan(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now)
{
	uint64_t before = actor->count;

	nr_lab_probe(world, actor, now);
	if (actor->left != NR_LAB_ALL)
		actor->left -= actor->count - before;
	return nr_lab_next(actor, now);
}

double nr_lab_first_share(const struct nr_lab_retries *retries)
{
	double n = 1;

	for (size_t i = 0; retries != NULL && retries->delays[i] != 0; i++)
		n++;
	return 1 / n;
}

static struct nr_ip scan_source(struct nr_lab_world *world, struct nr_lab_actor *actor,
				const struct nr_lab_scan *scan)
{
	if (!nr_ip_eq(scan->src, (struct nr_ip){ { 0 } }))
		return scan->src;
	if (scan->is_v6 || world->space.n_v4 == 0)
		return nr_lab_space_source_v6(&world->space, &actor->rng);
	return nr_lab_space_source(&world->space, &actor->rng);
}

static int64_t scan_begin(struct nr_lab_actor *actor)
{
	int64_t at = NR_LAB_OVER;

	if (actor->gap > 0 && actor->arrival == NR_LAB_REGULAR)
		at = actor->start + (int64_t)(nr_lab_rng_next(&actor->rng) % (uint64_t)actor->gap);
	else if (actor->gap > 0)
		at = actor->start + nr_lab_rng_exp(&actor->rng, actor->gap);
	return at < actor->end ? at : NR_LAB_OVER - 1; /* beyond the end of the world: never */
}

struct nr_lab_actor *nr_lab_scan(struct nr_lab_world *world, const struct nr_lab_scan *scan)
{
	const struct nr_lab_tool *tool = &nr_lab_tools[scan->tool];
	struct nr_lab_actor *actor = nr_lab_actor_new(world, fire_scan, NR_LAB_OVER);
	bool own_ports = scan->n_ports != 0;
	/* a quarter of the addresses gets all: four times as dense there, and fire_scan() drops the rest */
	double density = tool->is_quarter ? 4 : 1;

	actor->tool = tool;
	actor->retries = tool->retries;
	actor->src = scan_source(world, actor, scan);
	actor->start = scan->start != 0 ? scan->start : world->start;
	actor->end = scan->end != 0 && scan->end < world->end ? scan->end : world->end;
	actor->left = scan->packets != 0 ? scan->packets : NR_LAB_ALL;
	actor->arrival = scan->arrival;
	actor->n_ports = own_ports ? scan->n_ports : tool->n_ports;
	if (scan->any_port)
		actor->n_ports = 0;
	memcpy(actor->ports, own_ports ? scan->ports : tool->ports, sizeof(actor->ports));
	actor->gap = nr_lab_gap(world, scan->rate * nr_lab_first_share(tool->retries) * density);
	/* marks that read the IP identification cannot be seen in IPv6 */
	bool is_seen = nr_ip_is_v4(actor->src) || scan->tool == NR_LAB_NMAP;

	actor->label = (struct nr_lab_label){ .actor = "scanner",
					      .kind = scan->kind != NULL ? scan->kind : tool->kind,
					      .tool = is_seen ? tool->mark : NULL,
					      .rate = scan->rate,
					      .campaign = scan->campaign };
	nr_lab_actor_at(world, actor, scan_begin(actor));
	return actor;
}
