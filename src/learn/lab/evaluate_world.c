/* SPDX-License-Identifier: Apache-2.0 */
/* The worlds in which the engine is measured. */
#include "learn/lab/crowd.h"
#include "learn/lab/evaluate.h"
#include "learn/lab/victim.h"

#define HOUR (3600 * NR_NS_PER_S)

const double nr_lab_strengths[NR_LAB_STRENGTHS] = { 0.0625, 0.125, 0.25, 0.5, 1, 2, 4 };

static double hours(const struct nr_lab_world *world)
{
	return (double)(world->end - world->start) / (double)HOUR;
}

/* A moment in the first @p percent of the time. */
static int64_t moment(struct nr_lab_world *world, uint32_t percent)
{
	return world->start +
	       (world->end - world->start) / 10000 * nr_lab_rng_below(&world->rng, percent * 100);
}

static void scan_of(struct nr_lab_world *world, enum nr_lab_tool_id tool, uint32_t i)
{
	struct nr_lab_scan scan = { .tool = tool,
				    .rate = 20.0 *
					    (double)(1u << nr_lab_rng_below(&world->rng, 14)),
				    .arrival = (uint8_t)(i % 3),
				    .any_port = i % 10 == 9 };

	if (i % 5 < 2) {
		scan.start = moment(world, 80);
		scan.end = scan.start +
			   (world->end - world->start) / 100 * nr_lab_rng_in(&world->rng, 5, 60);
	}
	if (tool == NR_LAB_MIRAI || tool == NR_LAB_CONFICKER)
		scan.any_port = false;
	if (tool == NR_LAB_WINDOWS && i % 3 == 0) { /* what Conficker asks for, of any address */
		scan.any_port = false;
		scan.n_ports = 1;
		scan.ports[0] = 445;
	}
	(void)nr_lab_scan(world, &scan);
}

void nr_lab_populate_scan(struct nr_lab_world *world, const void *ctx)
{
	const struct nr_lab_part_ctx *part = ctx;
	double h = hours(world);

	for (int tool = 0; tool < NR_LAB_TOOLS; tool++)
		for (uint32_t i = 0; i < 60; i++)
			scan_of(world, (enum nr_lab_tool_id)tool, i);
	(void)nr_lab_botnet(world,
			    &(struct nr_lab_botnet){ .tool = NR_LAB_MIRAI,
						     .rate = 160,
						     .first = 100,
						     .all = 2000,
						     .doubling = (world->end - world->start) / 6 });
	for (uint32_t i = 0; i < 42; i++) {
		int64_t start = moment(world, 60);

		(void)nr_lab_flood(
			world,
			&(struct nr_lab_flood){
				.kind = (enum nr_lab_flood_kind)(i % NR_LAB_FLOODS),
				.rate = part->moore_rate * nr_lab_strengths[i % NR_LAB_STRENGTHS],
				.port = i % NR_LAB_FLOODS == NR_LAB_FLOOD_UDP && i % 2 == 0 ? 0
											    : 443,
				.start = start,
				.end = start + 900 * NR_NS_PER_S });
	}
	for (uint32_t i = 0; i < 60; i++)
		nr_lab_misconfigured(world, (world->end - world->start) / 100);
	nr_lab_strays(world, 20000 / h);
	nr_lab_dns_noise(world, 3000 / h);
}

/* Sources that bring 20 to some thousand packets, one row for each model of arrival. */
void nr_lab_populate_rates(struct nr_lab_world *world, const void *ctx)
{
	double per_packet = 1 / (hours(world) * 3600 * (double)world->space.n_v4 / NR_LAB_SPACE);

	(void)ctx;
	for (uint32_t i = 0; i < 500 * NR_LAB_MODELS; i++) {
		uint32_t model = i % NR_LAB_MODELS;
		double packets = 16 * (double)(1u << nr_lab_rng_below(&world->rng, 7)) *
				 (double)nr_lab_rng_in(&world->rng, 100, 200) / 100;
		struct nr_lab_scan scan = { .tool = NR_LAB_RAW,
					    .rate = packets * per_packet,
					    .arrival = (uint8_t)model };

		if (model >= 3) { /* sender's packets are no independent choices, or no two alike */
			scan.tool = model == 3 ? NR_LAB_LINUX : NR_LAB_MASSCAN;
			scan.arrival = NR_LAB_POISSON;
		}
		(void)nr_lab_scan(world, &scan);
	}
}

void nr_lab_populate_rsdos(struct nr_lab_world *world, const void *ctx)
{
	static const uint16_t ports[] = { 80, 443, 53, 22, 25565, 0 };
	const struct nr_lab_part_ctx *part = ctx;
	double h = hours(world);

	for (uint32_t i = 0; i < 60 * NR_LAB_STRENGTHS; i++) {
		struct nr_lab_flood flood = {
			.kind = (enum nr_lab_flood_kind)(i / NR_LAB_STRENGTHS % NR_LAB_FLOODS),
			.rate = part->moore_rate * nr_lab_strengths[i % NR_LAB_STRENGTHS],
			.port = ports[nr_lab_rng_below(&world->rng, NR_COUNT(ports))],
			.start = moment(world, 80)
		};

		if (flood.kind == NR_LAB_FLOOD_UDP_SERVICE && flood.port != 443)
			flood.port = 53;
		flood.end = flood.start + nr_lab_rng_in(&world->rng, 300, 1200) * NR_NS_PER_S;
		(void)nr_lab_flood(world, &flood);
	}
	for (uint32_t i = 0; i < 4; i++) {
		int64_t start = moment(world, 80);

		nr_lab_carpet(world,
			      &(struct nr_lab_flood){ .kind = i % 2 == 0 ? NR_LAB_FLOOD_SYN_COOKIES
									 : NR_LAB_FLOOD_UDP,
						      .rate = part->moore_rate * 2,
						      .port = i % 2 == 0 ? 80 : 0,
						      .start = start,
						      .end = start + 900 * NR_NS_PER_S });
	}
	for (uint32_t i = 0; i < 40; i++)
		nr_lab_misconfigured(world, (world->end - world->start) / 100);
	for (uint32_t i = 0; i < 6; i++)
		(void)nr_lab_scan(world, &(struct nr_lab_scan){ .tool = NR_LAB_SYNACK,
								.rate = part->moore_rate *
									nr_lab_strengths[i] });
	nr_lab_strays(world, 8000 / h);
	nr_lab_dns_noise(world, 2000 / h);
}

/* No attack at all: what a detector of attacks says here is false. */
void nr_lab_populate_false(struct nr_lab_world *world, const void *ctx)
{
	int64_t length = world->end - world->start;

	(void)ctx;
	for (uint32_t i = 0; i < 40; i++) { /* SYN-ACK scanners, hours to days long */
		int64_t start = moment(world, 90);
		struct nr_lab_scan scan = {
			.tool = NR_LAB_SYNACK,
			.start = start,
			.arrival = (uint8_t)(i % 3),
			.rate = 100.0 * (double)(1u << nr_lab_rng_below(&world->rng, 8))
		};

		scan.end = start + length / 500 * nr_lab_rng_in(&world->rng, 1, 30);
		scan.n_ports = 1;
		scan.ports[0] = i % 2 == 0 ? 80 : (uint16_t)nr_lab_rng_in(&world->rng, 1, 65535);
		(void)nr_lab_scan(world, &scan);
	}
	for (uint32_t i = 0; i < 200;
	     i++) { /* one source to one address, for an hour to the whole time */
		nr_lab_misconfigured(world,
				     (600 + nr_lab_rng_below(&world->rng, 6000)) * NR_NS_PER_S);
	}
	for (uint32_t i = 0; i < 30; i++) {
		int64_t start = moment(world, 90);

		scan_of(world, (enum nr_lab_tool_id)(i % NR_LAB_TOOLS), 0);
		nr_lab_stuck_server(world, start, start + HOUR * nr_lab_rng_in(&world->rng, 1, 6));
	}
	nr_lab_strays(world, 300);
	nr_lab_dns_noise(world, 120);
}
