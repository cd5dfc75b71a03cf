/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/scenario.h"

#include "learn/lab/crowd.h"
#include "learn/lab/victim.h"

#define SECOND NR_NS_PER_S
#define MINUTE (60 * NR_NS_PER_S)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* Scans with rates drawn between lo and hi, favouring the low ones. */
static void some(struct nr_lab_world *world, uint32_t n, enum nr_lab_tool_id tool, uint64_t lo,
		 uint64_t hi)
{
	double scale = world->options.scale > 0 ? world->options.scale : 1;

	n = (uint32_t)((double)n * scale + 0.999);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t u = nr_lab_rng_below(&world->rng,
					      1001); /* integers: the same on every machine */
		uint64_t rate = lo + (hi - lo) * u * u * u / 1000000000;
		struct nr_lab_scan scan = {
			.tool = tool,
			.rate = (double)rate,
			.arrival = (uint8_t)(tool == NR_LAB_RAW ? nr_lab_rng_below(&world->rng, 3)
								: 0)
		};
		int64_t length = world->end - world->start;

		if (nr_lab_rng_percent(&world->rng, 40)) { /* begins and ends within the time */
			uint32_t from = nr_lab_rng_below(&world->rng, 70),
				 part = nr_lab_rng_in(&world->rng, 20, 60);

			scan.start = world->start + length / 100 * from;
			scan.end = scan.start + length / 100 * part;
		}
		(void)nr_lab_scan(world, &scan);
	}
}

static void some_on(struct nr_lab_world *world, enum nr_lab_tool_id tool, double rate,
		    uint16_t port)
{
	(void)nr_lab_scan(world,
			  &(struct nr_lab_scan){
				  .tool = tool, .rate = rate, .ports = { port }, .n_ports = 1 });
}

/* Networks that really belong to survey projects, so that lists of them can be seen to work. */
static void surveys(struct nr_lab_world *world, double rate)
{
	static const struct {
		uint32_t net;
		uint8_t hosts;
		enum nr_lab_tool_id tool;
		uint16_t ports[4];
		uint8_t n_ports;
	} known[] = {
		{ 0xa28e7d00,
		  20,
		  NR_LAB_ZMAP_NEW,
		  { 443, 80, 22, 8443 },
		  4 }, /* 162.142.125.0/24 */
		{ 0xa75e8a00,
		  16,
		  NR_LAB_ZMAP_NEW,
		  { 80, 21, 2222, 7547 },
		  4 }, /* 167.94.138.0/24 */
		{ 0xa7f88500,
		  12,
		  NR_LAB_ZMAP_NEW,
		  { 3389, 5900, 25, 110 },
		  4 },					 /* 167.248.133.0/24 */
		{ 0x47068783, 1, NR_LAB_RAW, { 0 }, 0 }, /* 71.6.135.131 */
		{ 0xd8da4243,
		  1,
		  NR_LAB_UDP_PROBE,
		  { 123, 1900, 11211, 161 },
		  4 }, /* 216.218.206.67 */
		{ 0xb869f7c2,
		  1,
		  NR_LAB_UDP_PROBE,
		  { 53, 389, 161, 5353 },
		  4 }, /* 184.105.247.194 */
	};

	for (size_t i = 0; i < NR_COUNT(known); i++)
		for (uint32_t host = 0; host < known[i].hosts; host++) {
			struct nr_lab_scan scan = { .tool = known[i].tool,
						    .rate = rate,
						    .kind = "survey",
						    .n_ports = known[i].n_ports,
						    .any_port = known[i].n_ports == 0 };

			memcpy(scan.ports, known[i].ports, sizeof(known[i].ports));
			scan.src = nr_ip_v4(known[i].hosts == 1 ? known[i].net
								: known[i].net + 16 + host * 5);
			(void)nr_lab_scan(world, &scan);
		}
}

static void scanners(struct nr_lab_world *world)
{
	some(world, 24, NR_LAB_MASSCAN, 4000, 200000);
	some(world, 10, NR_LAB_ZMAP, 10000, 400000);
	some(world, 18, NR_LAB_ZMAP_NEW, 10000, 400000);
	some(world, 14, NR_LAB_NMAP, 1500, 6000);
	some(world, 5, NR_LAB_UNICORNSCAN, 3000, 30000);
	some(world, 500, NR_LAB_LINUX, 100, 4000);
	some(world, 250, NR_LAB_WINDOWS, 100, 2500);
	some(world, 120, NR_LAB_RAW, 100, 20000);
	some(world, 4, NR_LAB_SYNACK, 5000, 40000);
	some(world, 40, NR_LAB_UDP_PROBE, 1000, 40000);
	some(world, 20, NR_LAB_ICMP_SWEEP, 1000, 20000);
	some(world, 1500, NR_LAB_LINUX, 15, 60); /* slow ones: some packets an hour */
}

static void noise(struct nr_lab_world *world, uint32_t n_misconfigured, double strays,
		  double resolvers)
{
	for (uint32_t i = 0; i < n_misconfigured; i++)
		nr_lab_misconfigured(world, 15 * SECOND);
	nr_lab_strays(world, strays);
	nr_lab_dns_noise(world, resolvers);
}

static void populate_sample(struct nr_lab_world *world)
{
	int64_t t = world->start, part = (world->end - world->start) / 60;

	scanners(world);
	surveys(world, 45000);
	some_on(world, NR_LAB_UDP_PROBE, 30000, 11211);
	some_on(world, NR_LAB_UDP_PROBE, 20000, 389);
	some_on(world, NR_LAB_UDP_PROBE, 8000, 443);
	(void)nr_lab_botnet(world, &(struct nr_lab_botnet){ .tool = NR_LAB_MIRAI,
							    .rate = 160,
							    .first = 400,
							    .all = 18000,
							    .doubling = 8 * part });
	(void)nr_lab_botnet(world,
			    &(struct nr_lab_botnet){
				    .tool = NR_LAB_HAJIME, .rate = 90, .first = 600, .all = 601 });
	(void)nr_lab_botnet(world, &(struct nr_lab_botnet){ .tool = NR_LAB_CONFICKER,
							    .rate = 60,
							    .first = 350,
							    .all = 351 });
	(void)nr_lab_flood(world,
			   &(struct nr_lab_flood){ NR_LAB_FLOOD_SYN_OPEN, .rate = 600000,
						   .port = 443, .attack_rate = 900000,
						   .start = t + 9 * part, .end = t + 31 * part });
	(void)nr_lab_flood(world, &(struct nr_lab_flood){ NR_LAB_FLOOD_SYN_CLOSED, .rate = 2500000,
							  .port = 25565, .start = t + 38 * part,
							  .end = t + 49 * part });
	(void)nr_lab_flood(world,
			   &(struct nr_lab_flood){ NR_LAB_FLOOD_UDP, .rate = 150000, .port = 27015,
						   .attack_rate = 1500000, .start = t + 20 * part,
						   .end = t + 52 * part });
	nr_lab_carpet(world,
		      &(struct nr_lab_flood){ NR_LAB_FLOOD_SYN_COOKIES, .rate = 70000, .port = 80,
					      .start = t + 26 * part, .end = t + 47 * part });
	noise(world, 160, 60000, 8000);
}

static void populate_bench(struct nr_lab_world *world)
{
	nr_lab_bench(world, world->options.packets != 0 ? world->options.packets : 10000000,
		     world->options.sources != 0 ? world->options.sources : 1200000);
}

static void populate_quiet(struct nr_lab_world *world)
{
	noise(world, 60, 8000, 1500);
	some(world, 3, NR_LAB_SYNACK, 2000, 20000);
}

static void populate_floods(struct nr_lab_world *world)
{
	static const uint16_t ports[NR_LAB_FLOODS] = { 443, 80, 25565, 22, 27015, 53, 0 };
	int64_t t = world->start, length = world->end - world->start;

	for (uint32_t i = 0; i < 70;
	     i++) { /* ten of each kind, each twice as strong as the one before */
		struct nr_lab_flood flood = { .kind = (enum nr_lab_flood_kind)(i % NR_LAB_FLOODS),
					      .rate = 2000.0 * (double)(1u << (i / NR_LAB_FLOODS)),
					      .port = ports[i % NR_LAB_FLOODS] };

		flood.start = t + length / 100 * nr_lab_rng_below(&world->rng, 60);
		flood.end = flood.start + length / 100 * nr_lab_rng_in(&world->rng, 5, 35);
		(void)nr_lab_flood(world, &flood);
	}
	nr_lab_carpet(world,
		      &(struct nr_lab_flood){ NR_LAB_FLOOD_SYN_OPEN, .rate = 1500000, .port = 443,
					      .start = t + length / 10, .end = t + length / 3 });
	nr_lab_carpet(world, &(struct nr_lab_flood){ NR_LAB_FLOOD_UDP, .rate = 800000,
						     .start = t + length / 2,
						     .end = t + length / 10 * 9 });
	noise(world, 40, 8000, 3000);
	some(world, 3, NR_LAB_SYNACK, 2000, 20000);
}

static void populate_scans(struct nr_lab_world *world)
{
	scanners(world);
	surveys(world, 10000);
	noise(world, 40, 8000, 1500);
}

static void populate_ipv6(struct nr_lab_world *world)
{
	static const enum nr_lab_tool_id tools[] = { NR_LAB_ZMAP,      NR_LAB_ZMAP_NEW,
						     NR_LAB_NMAP,      NR_LAB_LINUX,
						     NR_LAB_RAW,       NR_LAB_UDP_PROBE,
						     NR_LAB_ICMP_SWEEP };

	for (uint32_t i = 0; i < 70; i++)
		(void)nr_lab_scan(world,
				  &(struct nr_lab_scan){ .tool = tools[i % NR_COUNT(tools)],
							 .is_v6 = true,
							 .rate = 0.002 * (double)(1u << (i / 7)) });
	for (uint32_t i = 0; i < 14; i++)
		(void)nr_lab_flood(world,
				   &(struct nr_lab_flood){
					   .kind = (enum nr_lab_flood_kind)(i % NR_LAB_FLOODS),
					   .is_v6 = true,
					   .port = 443,
					   .rate = 0.01 * (double)(1u << (i / 2)) });
	nr_lab_strays(world, 2000);
	nr_lab_dns_noise(world, 200);
}

static void populate_weeks(struct nr_lab_world *world)
{
	static const uint16_t telnet[] = { 23, 2323 };
	struct nr_lab_botnet worm = { .tool = NR_LAB_MIRAI,
				      .rate = 8,
				      .first = 5,
				      .all = 3000,
				      .doubling = (world->end - world->start) / 14,
				      .n_ports = 2 };

	memcpy(worm.ports, telnet, sizeof(telnet));
	some(world, 20, NR_LAB_MASSCAN, 200, 3000);
	some(world, 20, NR_LAB_ZMAP_NEW, 200, 3000);
	some(world, 120, NR_LAB_LINUX, 2, 60);
	(void)nr_lab_botnet(world, &worm);
	for (uint32_t i = 0; i < 30; i++) {
		int64_t start = world->start + (int64_t)(nr_lab_rng_next(&world->rng) %
							 (uint64_t)(world->end - world->start));

		(void)nr_lab_flood(world, &(struct nr_lab_flood){ .kind = (enum nr_lab_flood_kind)(
									  i % NR_LAB_FLOODS),
								  .rate = 20000.0 * (1 + i % 5),
								  .port = 443,
								  .start = start,
								  .end = start + 20 * MINUTE });
	}
	for (uint32_t i = 0; i < 20; i++)
		nr_lab_misconfigured(world, 20 * MINUTE);
	nr_lab_strays(world, 200);
	nr_lab_dns_noise(world, 60);
}

#define NET "198.18.0.0/16"

const struct nr_lab_scenario nr_lab_scenarios[] = {
	{ "sample",
	  "an hour with every kind of actor: scanners of all tools, a growing botnet, three floods, "
	  "a carpet, noise; about 600,000 packets",
	  NET, HOUR, populate_sample },
	{ "scans", "scanners of all tools, surveys and noise; no flood", NET, HOUR,
	  populate_scans },
	{ "floods", "seventy floods of seven kinds, each ten strengths, two carpets, noise", NET,
	  HOUR, populate_floods },
	{ "quiet",
	  "noise only: strays, misconfigured machines, stray DNS answers, SYN-ACK scanners", NET,
	  HOUR, populate_quiet },
	{ "ipv6", "an IPv6 telescope: scanners, floods and strays (rates are per telescope)",
	  "2001:db8::/32", HOUR, populate_ipv6 },
	{ "weeks", "three weeks at low rates: scanners, a worm that grows, floods, noise", NET,
	  21 * DAY, populate_weeks },
	{ "bench", "--packets packets of --sources sources, heavy-tailed, mostly SYN scans", NET,
	  HOUR, populate_bench },
	{ NULL, NULL, NULL, 0, NULL },
};

const struct nr_lab_scenario *nr_lab_scenario_find(struct nr_str name)
{
	for (const struct nr_lab_scenario *s = nr_lab_scenarios; s->name != NULL; s++)
		if (nr_str_eq(name, nr_str_from(s->name)))
			return s;
	return NULL;
}
