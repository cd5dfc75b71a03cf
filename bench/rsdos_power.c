/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rsdos.v1 finds, what it invents, and how honest its intervals are: the tables of
 * docs/detectors/rsdos.v1.md. Not timed, not part of the test run.
 *
 *   rsdos_power power | noise | interval [SEED]
 *
 * power     share of floods found, by telescope size, duration and rate; beside it the Moore rule, written
 *           here a second time from its definition
 * noise     findings in three weeks of a /16 that holds no flood
 * interval  coverage and width of the 95 % rate interval, by arrival model
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stat.h"
#include "orient/detect/detect.h"
#include "orient/detect/mdr.h"
#include "orient/detect/rate.h"
#include "orient/detect/rsdos.h"

static const int64_t EPOCH_S = 1700000000;

/* --- chance: splitmix64 --- */

static uint64_t rng_next(uint64_t *rng)
{
	*rng += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = *rng;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static double rng_unit(uint64_t *rng)
{
	return ((double)(rng_next(rng) >> 11) + 0.5) / 9007199254740992.0;
}

static uint64_t rng_below(uint64_t *rng, uint64_t n)
{
	return (uint64_t)(rng_unit(rng) * (double)n);
}

static double rng_exp(uint64_t *rng, double rate)
{
	return -log(rng_unit(rng)) / rate;
}

/* --- a list of observations, sorted by time --- */

struct list {
	struct nr_observation *obs;
	size_t n, cap;
};

static struct nr_observation *list_add(struct list *list, double at_s)
{
	if (list->n == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 1024;
		list->obs = realloc(list->obs, list->cap * sizeof(list->obs[0]));
		nr_require(list->obs != NULL);
	}
	struct nr_observation *obs = &list->obs[list->n++];
	double whole = floor(at_s);

	memset(obs, 0, sizeof(*obs));
	obs->tick = EPOCH_S + (int64_t)whole;
	obs->first = obs->last = (uint32_t)((at_s - whole) * 1e9);
	obs->packets = 1;
	obs->bytes = 40;
	obs->traffic_class = NR_CLASS_BACKSCATTER;
	return obs;
}

static int obs_cmp(const void *va, const void *vb)
{
	const struct nr_observation *a = va, *b = vb;

	if (a->tick != b->tick)
		return a->tick < b->tick ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* --- senders --- */

struct site {
	uint32_t net;
	uint64_t n;
};

static struct nr_ip site_pick(const struct site *site, uint64_t *rng)
{
	return nr_ip_v4(site->net + (uint32_t)rng_below(rng, site->n));
}

enum answer { SYNACK, RST, UNREACHABLE };

/* An answer of a victim on port 80, sent again @p again times with the back-off of Linux. */
static void add_answer(struct list *list, double at, uint32_t victim, struct nr_ip dst,
		       uint16_t peer, enum answer kind, unsigned again)
{
	double wait = 1;

	for (unsigned i = 0; i <= again; i++) {
		struct nr_observation *obs = list_add(list, at);

		obs->src = nr_ip_v4(victim);
		obs->dst = dst;
		obs->proto = 6;
		obs->sport = 80;
		obs->dport = peer;
		obs->tcp_flags = kind == SYNACK ? 0x12 : 0x14;
		if (kind == UNREACHABLE) {
			obs->proto = 1;
			obs->sport = 0;
			obs->dport = 3 << 8 | 1;
			obs->tcp_flags = 0;
			obs->flags = NR_OBS_QUOTED;
			obs->quoted_dst = nr_ip_v4(victim);
			obs->quoted_proto = 6;
			obs->quoted_dport = 80;
		}
		at += wait;
		wait *= 2;
	}
}

static void add_flood(struct list *list, const struct site *site, uint32_t victim, double start,
		      double span, double rate_here, enum answer kind, unsigned again,
		      uint64_t *rng)
{
	for (double at = start + rng_exp(rng, rate_here); at < start + span;
	     at += rng_exp(rng, rate_here))
		add_answer(list, at, victim, site_pick(site, rng),
			   (uint16_t)(1024 + rng_below(rng, 64512)), kind, again);
}

/* --- running --- */

struct outcome {
	size_t n_findings, n_moore;
	double detected_s, lo, rate, hi;
	bool print;
};

static void on_finding(void *ctx, const struct nr_finding *finding)
{
	struct outcome *outcome = ctx;
	const struct nr_rsdos_evidence *ev = finding->evidence;

	outcome->n_findings++;
	outcome->n_moore += (ev->flags & NR_RSDOS_MOORE) != 0;
	outcome->detected_s = (double)(finding->detected.ns - EPOCH_S * NR_NS_PER_S) / 1e9;
	outcome->lo = ev->rate_lo;
	outcome->rate = ev->rate;
	outcome->hi = ev->rate_hi;
	if (outcome->print)
		printf("#   %s\n", finding->summary);
}

static void run(const struct nr_detect_env *env, const struct list *list, struct outcome *outcome)
{
	const struct nr_detector *d = &nr_detector_rsdos;
	struct nr_sink sink = { .ctx = outcome, .finding = on_finding };
	void *shards[NR_SHARDS] = { NULL };
	int64_t now = INT64_MIN;

	for (size_t i = 0; i < NR_SHARDS; i++)
		nr_require(d->open(env, &shards[i]) == 0);
	for (size_t i = 0; i < list->n; i++) {
		const struct nr_observation *obs = &list->obs[i];

		if (obs->tick >= now + 30) {
			now = obs->tick;
			for (size_t k = 0; k < NR_SHARDS; k++)
				nr_require(d->advance(shards[k], now, &sink) == 0);
		}
		nr_require(d->feed(shards[nr_shard_of(obs->src)], obs, 1) == 0);
	}
	nr_require(d->finish(shards, NR_SHARDS, now, &sink) == 0);
	for (size_t i = 0; i < NR_SHARDS; i++)
		d->close(shards[i]);
}

/* Corsaro's rule over one victim's answers, from its definition: not the code of the detector. */
static bool moore_finds(const struct list *list)
{
	size_t best = 0;

	if (list->n < NR_MOORE_PACKETS ||
	    list->obs[list->n - 1].tick - list->obs[0].tick < NR_MOORE_SPAN_S)
		return false;
	for (size_t i = 0; i < list->n; i++) {
		int64_t from = list->obs[i].tick / NR_MOORE_SLIDE_S * NR_MOORE_SLIDE_S;
		size_t k = i;

		while (k < list->n && list->obs[k].tick < from + NR_MOORE_WINDOW_S)
			k++;
		best = k - i > best ? k - i : best;
	}
	return best >= NR_MOORE_PPM;
}

static struct nr_detect_env env_of(const struct site *site, size_t max)
{
	return (struct nr_detect_env){ .monitored_v4 = site->n,
				       .max_entries = max,
				       .key = { { 1, 2, 3, 4 } } };
}

/* --- tables --- */

static void power_row(uint64_t n, double span, enum answer kind, unsigned again, uint64_t *rng)
{
	enum { TRIALS = 400 };
	static const char *const names[] = { "SYN-ACK", "RST", "unreachable" };
	struct site site = { UINT32_C(0xc6120000), n };
	struct nr_detect_env env = env_of(&site, 1024);
	double half[2] = { 0, 0 };

	printf("| %" PRIu64 " | %.0f s | %s x%u |", n, span, names[kind], again + 1);
	/* answers a minute here, first sending only */
	for (double ppm = 1; ppm <= 64; ppm *= sqrt(2)) {
		size_t found = 0, moore = 0;

		for (size_t i = 0; i < TRIALS; i++) {
			struct list list = { 0 };
			struct outcome outcome = { 0 };

			add_flood(&list, &site, 0x0a000001, 0, span, ppm / 60, kind, again, rng);
			if (list.n > 0)
				qsort(list.obs, list.n, sizeof(list.obs[0]), obs_cmp);
			run(&env, &list, &outcome);
			found += outcome.n_findings > 0;
			moore += moore_finds(&list);
			free(list.obs);
		}
		if (half[0] == 0 && found * 2 >= TRIALS)
			half[0] = ppm;
		if (half[1] == 0 && moore * 2 >= TRIALS)
			half[1] = ppm;
		if (half[0] != 0 && half[1] != 0)
			break;
	}
	double scale = 4294967296.0 / (double)n / 60;

	printf(" %.1f | %.1f | %.1f | %.0f | %.0f |\n", half[0], half[1], half[1] / half[0],
	       half[0] * scale, half[1] * scale);
	(void)fflush(stdout);
}

static void power(uint64_t *rng)
{
	static const uint64_t sizes[] = { 64, 1024, 4096, 65536, 475136, 1 << 24 };

	puts("| N | lasts | answers | ours: 50 % at per min | Moore: 50 % at per min | ratio | ours, victim pps | "
	     "Moore, victim pps |");
	puts("|---|---|---|---|---|---|---|---|");
	for (size_t i = 0; i < NR_COUNT(sizes); i++)
		power_row(sizes[i], 300, SYNACK, 0, rng);
	for (double span = 75; span <= 1200; span *= 2)
		power_row(65536, span, SYNACK, 0, rng);
	power_row(65536, 300, RST, 0, rng);
	power_row(65536, 300, UNREACHABLE, 0, rng);
	power_row(65536, 300, SYNACK, 4, rng);
}

/* SYN-ACK scanner: one or few destination ports, random or sequential destinations, at many speeds. */
static void noise_scanner(struct list *list, const struct site *site, uint32_t src, double start,
			  uint64_t *rng)
{
	bool sequential = rng_below(rng, 2) == 0;
	double rate = pow(10, -2.5 + 3 * rng_unit(rng)), span = 300 * pow(10, 2 * rng_unit(rng));
	uint16_t ports = (uint16_t)(1 + rng_below(rng, 3)),
		 own = (uint16_t)(1024 + rng_below(rng, 60000));
	bool own_random = rng_below(rng, 2) == 0;
	uint32_t at_dst = (uint32_t)rng_below(rng, site->n);

	for (double at = start; at < start + span; at += rng_exp(rng, rate)) {
		struct nr_observation *obs = list_add(list, at);

		obs->src = nr_ip_v4(src);
		obs->dst = sequential ? nr_ip_v4(site->net + at_dst++ % (uint32_t)site->n)
				      : site_pick(site, rng);
		obs->proto = 6;
		obs->tcp_flags = 0x12;
		obs->sport = own_random ? (uint16_t)(1024 + rng_below(rng, 60000)) : own;
		obs->dport = (uint16_t)(22 + rng_below(rng, ports) * 58);
	}
}

/* Misconfiguration: answers, again and again, to one or few addresses, with changing or fixed ports. */
static void noise_misconfigured(struct list *list, const struct site *site, uint32_t src,
				double start, uint64_t *rng)
{
	struct nr_ip dsts[8];
	size_t n = rng_below(rng, 3) == 0 ? 2 + rng_below(rng, 6) : 1;
	double rate = pow(10, -2.5 + 2 * rng_unit(rng)), span = 600 * pow(10, 2 * rng_unit(rng));
	bool reset = rng_below(rng, 2) == 0;

	for (size_t i = 0; i < n; i++)
		dsts[i] = site_pick(site, rng);
	for (double at = start; at < start + span; at += rng_exp(rng, rate)) {
		struct nr_observation *obs = list_add(list, at);

		obs->src = nr_ip_v4(src);
		obs->dst = dsts[rng_below(rng, n)];
		obs->proto = 6;
		obs->tcp_flags = reset ? 0x14 : 0x12;
		obs->sport = 443;
		obs->dport = (uint16_t)(1024 + rng_below(rng, 60000));
	}
}

/* A resolver that answers few addresses, each under several ports and more than once. */
static void noise_resolver(struct list *list, const struct site *site, uint32_t src, double start,
			   uint64_t *rng)
{
	struct nr_ip dsts[20];
	size_t n = 1 + rng_below(rng, NR_COUNT(dsts));
	double rate = pow(10, -3 + 2.5 * rng_unit(rng)), span = 600 * pow(10, 2 * rng_unit(rng));

	for (size_t i = 0; i < n; i++)
		dsts[i] = site_pick(site, rng);
	for (double at = start; at < start + span; at += rng_exp(rng, rate)) {
		struct nr_observation *obs = list_add(list, at);

		obs->src = nr_ip_v4(src);
		obs->dst = dsts[rng_below(rng, n)];
		obs->proto = 17;
		obs->sport = 53;
		obs->dport = (uint16_t)(1024 + rng_below(rng, 60000));
		obs->payload = NR_PAYLOAD_DNS;
	}
}

/* Content networks: one connection, the same answer sent up to eight times; neighbours do the same. */
static void noise_cdn(struct list *list, const struct site *site, uint32_t src, double start,
		      uint64_t *rng)
{
	size_t n = 1 + rng_below(rng, 6);

	for (size_t i = 0; i < n; i++)
		add_answer(list, start + 60 * rng_unit(rng),
			   (src & ~255u) | (uint32_t)rng_below(rng, 256), site_pick(site, rng),
			   (uint16_t)(1024 + rng_below(rng, 60000)), SYNACK,
			   (unsigned)rng_below(rng, 8));
}

static void noise(uint64_t *rng)
{
	enum { DAYS = 21, DAY_S = 86400 };
	struct site site = { UINT32_C(0xc6120000), 65536 };
	struct nr_detect_env env = env_of(&site, 1 << 16);
	struct list list = { 0 };
	struct outcome outcome = { .print = true };
	static void (*const kinds[])(struct list *, const struct site *, uint32_t, double,
				     uint64_t *) = { noise_scanner, noise_misconfigured,
						     noise_resolver, noise_cdn };
	static const char *const names[] = { "SYN-ACK scanners", "misconfigured hosts", "resolvers",
					     "CDN bursts" };
	static const size_t a_day[] = { 30, 200, 200, 1500 };

	for (size_t k = 0; k < NR_COUNT(kinds); k++) {
		size_t before = list.n;

		for (size_t i = 0; i < a_day[k] * DAYS; i++)
			kinds[k](&list, &site, (uint32_t)(0x14000000 + rng_below(rng, 0x60000000)),
				 rng_unit(rng) * DAYS * DAY_S, rng);
		printf("# %s: %zu a day, %zu packets\n", names[k], a_day[k], list.n - before);
	}
	for (size_t i = 0; i < (size_t)20000 * DAYS;
	     i++) /* lone answers, a few from the same address */
		add_answer(&list, rng_unit(rng) * DAYS * DAY_S,
			   (uint32_t)(0x14000000 + rng_below(rng, 3000000) * 7),
			   site_pick(&site, rng), (uint16_t)(1024 + rng_below(rng, 60000)), RST, 0);
	qsort(list.obs, list.n, sizeof(list.obs[0]), obs_cmp);
	run(&env, &list, &outcome);
	printf("| /16, %d days, %zu answers, no flood | findings %zu | a week %.2f |\n", DAYS,
	       list.n, outcome.n_findings, (double)outcome.n_findings / (DAYS / 7.0));
	free(list.obs);
}

/* --- intervals --- */

enum model { FIXED_TIME, FIXED_COUNT, EVEN, ON_OFF, PAIRS, MODEL_N };
static const char *const model_names[] = { "Poisson, fixed time", "Poisson, n-th packet",
					   "even sender, thinned", "on 10 s, off 50 s",
					   "each choice sent 1 to 3 times" };

struct arrivals {
	uint64_t n;
	double first, last, gap2, k1, k2;
};

static void arrive(struct arrivals *a, double at, double k)
{
	if (a->n == 0)
		a->first = at;
	else
		a->gap2 += (at - a->last) * (at - a->last);
	a->last = at;
	a->n += (uint64_t)k;
	a->k1 += k;
	a->k2 += k * k;
}

/* Mean @p want arrivals here; the time unit is 1 s, the true rate here 1/s (ON_OFF: 1/s on average). */
static void simulate(enum model model, double want, struct arrivals *a, uint64_t *rng)
{
	double at = 0;

	*a = (struct arrivals){ 0 };
	switch (model) {
	case FIXED_TIME:
		for (at = rng_exp(rng, 1); at < want; at += rng_exp(rng, 1))
			arrive(a, at, 1);
		break;
	case FIXED_COUNT:
		for (uint64_t i = 0; i < (uint64_t)want; i++)
			arrive(a, at += rng_exp(rng, 1), 1);
		break;
	case EVEN: /* 256 packets/s, each lands here by 1/256: a /8 */
		for (uint64_t i = 0; i < (uint64_t)(want * 256); i++)
			if (rng_below(rng, 256) == 0)
				arrive(a, (double)i / 256, 1);
		break;
	case ON_OFF:
		for (at = 0; at < want;) {
			double phase = fmod(at, 60);

			if (phase >= 10) {
				at += 60 - phase;
				continue;
			}
			at += rng_exp(rng, 6);
			if (at < want && fmod(at, 60) < 10)
				arrive(a, at, 1);
		}
		break;
	case PAIRS:
		for (at = rng_exp(rng, 0.5); at < want; at += rng_exp(rng, 0.5))
			arrive(a, at, 1 + (double)rng_below(rng, 3));
		break;
	case MODEL_N:
		break;
	}
}

static void interval(uint64_t *rng)
{
	enum { TRIALS = 20000 };
	static const double wants[] = { 30, 60, 120, 600, 3000 };

	puts("| arrivals | mean n | covers | mean width / exact | trials with n >= 20 |");
	puts("|---|---|---|---|---|");
	for (enum model model = 0; model < MODEL_N; model++) {
		for (size_t w = 0; w < NR_COUNT(wants); w++) {
			double width = 0, exact = 0;
			size_t used = 0, covered = 0;

			for (size_t i = 0; i < TRIALS; i++) {
				struct arrivals a;
				struct nr_rate rate;
				double lo, hi;

				simulate(model, wants[w], &a, rng);
				double worth =
					fmin(nr_rate_effective((double)a.n, a.k1, a.k2),
					     model == PAIRS
						     ? (double)a.n
						     : nr_rate_effective_gaps(a.n, a.last - a.first,
									      a.gap2));

				if (a.n < 20 || !nr_rate_interval(a.n, worth, a.last - a.first,
								  UINT64_C(1) << 32, &rate))
					continue;
				used++;
				covered += rate.lo <= 1 && 1 <= rate.hi;
				width += rate.hi - rate.lo;
				/* exact for a known time, and, for PAIRS, a known number of choices */
				double each = model == PAIRS ? 2.333 : 1;

				nr_stat_poisson_interval((uint64_t)llround((double)a.n / each),
							 0.95, &lo, &hi);
				exact += (hi - lo) * each / wants[w];
			}
			printf("| %s | %.0f | %.1f %% | %.2f | %zu |\n", model_names[model],
			       wants[w], 100.0 * (double)covered / (double)used, width / exact,
			       used);
		}
	}
}

int main(int argc, char **argv)
{
	uint64_t rng = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

	if (argc > 1 && strcmp(argv[1], "power") == 0)
		power(&rng);
	else if (argc > 1 && strcmp(argv[1], "noise") == 0)
		noise(&rng);
	else if (argc > 1 && strcmp(argv[1], "interval") == 0)
		interval(&rng);
	else
		return (void)fputs("usage: rsdos_power power | noise | interval [SEED]\n", stderr),
		       2;
	return 0;
}
