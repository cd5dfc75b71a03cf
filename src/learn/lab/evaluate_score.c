/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine said against what the oracle knows. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/stat.h"
#include "learn/lab/evaluate.h"

enum { SLACK_S = 2 }; /* flows are handed over by the second */

void nr_lab_samples_add(struct nr_lab_samples *samples, double v)
{
	if (samples->n == samples->cap) {
		size_t cap = samples->cap == 0 ? 1024 : samples->cap * 2;
		double *grown = realloc(samples->v, cap * sizeof(*grown));

		if (grown == NULL)
			return; /* a quantile of fewer samples */
		samples->v = grown;
		samples->cap = cap;
	}
	samples->v[samples->n++] = v;
}

static int by_value(const void *va, const void *vb)
{
	double a = *(const double *)va, b = *(const double *)vb;

	return a < b ? -1 : a > b;
}

double nr_lab_samples_quantile(struct nr_lab_samples *samples, double q)
{
	if (samples->n == 0)
		return 0;
	qsort(samples->v, samples->n, sizeof(samples->v[0]), by_value);
	return samples->v[(size_t)(q * (double)(samples->n - 1))];
}

static void note(struct nr_lab_evaluation *all, const char *fmt, ...) NR_PRINTF(2, 3);

static void note(struct nr_lab_evaluation *all, const char *fmt, ...)
{
	va_list args;

	if (all->n_notes == NR_LAB_NOTES)
		return;
	va_start(args, fmt);
	(void)vsnprintf(all->notes[all->n_notes++], sizeof(all->notes[0]), fmt, args);
	va_end(args);
}

static bool is_actor(const struct nr_lab_known *known, const char *actor)
{
	return known != NULL && known->label.actor != NULL &&
	       strcmp(known->label.actor, actor) == 0;
}

/* Packets that a source must have sent before its tool's mark can decide; 0: it has none that decides. */
static uint32_t mark_need(const struct nr_lab_label *label)
{
	for (unsigned m = 0; m < NR_MARK_N && label->tool != NULL; m++) {
		const struct nr_mark_info *info = &nr_marks[m];

		if (strcmp(info->name, label->tool) != 0)
			continue;
		if (info->kind == NR_MARK_KIND_TRAIT)
			return 0;
		return (uint32_t)(info->packets_alone > 0 ? info->packets_alone : info->packets) +
		       info->pair;
	}
	return 0;
}

/* SYN-ACK scanners are left to rsdos.v1: by their headers they answer, they do not ask. */
static bool is_scanning(const struct nr_lab_known *known)
{
	return is_actor(known, "scanner") && strcmp(known->label.kind, "synack_scan") != 0;
}

static bool is_due(const struct nr_lab_known *known, const struct nr_lab_visit *visit)
{
	uint32_t need = mark_need(&known->label);

	return visit->n_few >= 3 || (need > 0 && visit->packets >= need);
}

static bool is_pair_tool(const struct nr_lab_label *label)
{
	for (unsigned m = 0; m < NR_MARK_N && label->tool != NULL; m++)
		if (strcmp(nr_marks[m].name, label->tool) == 0)
			return nr_marks[m].pair;
	return false;
}

/* Right, though it could not be asked for: the other half of a pair may lie in the visit before. */
static bool is_fair(const struct nr_lab_known *known, const struct nr_lab_visit *visit)
{
	uint32_t need = mark_need(&known->label);

	return is_due(known, visit) ||
	       (is_pair_tool(&known->label) && visit->older != 0 && visit->packets + 1 >= need);
}

static struct nr_lab_kind_row *kind_row(struct nr_lab_evaluation *all,
					const struct nr_lab_label *label)
{
	for (size_t i = 0; i < all->n_kinds; i++)
		if (strcmp(all->kinds[i].kind, label->kind) == 0)
			return &all->kinds[i];
	if (all->n_kinds == NR_LAB_KINDS)
		return NULL;
	all->kinds[all->n_kinds] = (struct nr_lab_kind_row){ .kind = label->kind,
							     .tool = label->tool };
	return &all->kinds[all->n_kinds++];
}

static void score_tool(const struct nr_lab_said *said, const struct nr_lab_known *known,
		       struct nr_lab_evaluation *all)
{
	struct nr_lab_kind_row *row = kind_row(all, &known->label);

	if (row == NULL)
		return;
	if (said->tools == 0 && said->packets < mark_need(&known->label)) {
		row->few++;
		return;
	}
	row->sources++;
	row->unnamed += said->tools == 0;
	for (unsigned m = 0; m < NR_MARK_N; m++)
		row->named[m] += said->tools >> m & 1;
}

static void score_visit(const struct nr_lab_said *said, struct nr_lab_visit *visit,
			struct nr_lab_scan_row *row)
{
	visit->is_found = true;
	if (said->detected == 0)
		return;
	nr_lab_samples_add(&row->wait_packets, said->detected_packets);
	nr_lab_samples_add(&row->wait_s, (double)(said->detected - visit->first) / 1e9);
	row->late += visit->third_at != 0 &&
		     said->detected > visit->third_at + SLACK_S * NR_NS_PER_S;
}

/* One source record at level scanner or above: is there a visit that it is right about? */
static bool score_said(const struct nr_lab_trial *trial, const struct nr_lab_said *said,
		       struct nr_lab_scan_row *row, struct nr_lab_evaluation *all)
{
	struct nr_lab_known *known = nr_lab_oracle_find(&trial->oracle, said->src);
	struct nr_lab_visit *visit = known != NULL
					     ? nr_lab_oracle_visit(&trial->oracle, known->newest)
					     : NULL;
	bool is_right = false;

	for (; visit != NULL && visit->last >= said->first;
	     visit = nr_lab_oracle_visit(&trial->oracle, visit->older))
		if (visit->first <= said->last && is_scanning(known) && is_fair(known, visit)) {
			score_visit(said, visit, row);
			is_right = true;
		}
	if (is_right)
		score_tool(said, known, all);
	return is_right;
}

static void print_ip(struct nr_ip ip, char text[NR_IP_TEXT])
{
	(void)nr_ip_print(ip, text);
}

static const struct nr_lab_finding *finding_at(const struct nr_lab_trial *trial, uint32_t i)
{
	const struct nr_lab_finding *finding = nr_table_at(&trial->findings, i);

	nr_require(finding != NULL);
	return finding;
}

static struct nr_lab_known *victim_of(const struct nr_lab_trial *trial,
				      const struct nr_lab_finding *finding)
{
	struct nr_ip ip;

	if (nr_ip_parse(nr_str_from(finding->subject), &ip) < 0)
		return NULL;
	return nr_lab_oracle_find(&trial->oracle, ip);
}

static bool is_malware(const struct nr_lab_known *known)
{
	for (unsigned m = 0; m < NR_MARK_N && known != NULL && known->label.tool != NULL; m++)
		if (strcmp(nr_marks[m].name, known->label.tool) == 0)
			return nr_marks[m].kind == NR_MARK_KIND_MALWARE;
	return false;
}

/*
 * One packet with Mirai's mark decides on a tool, two on an infection: chance hits are too many. Conficker's
 * pattern must hold for 16 destinations where half of the addresses show it, with their repeats.
 */
static uint32_t infection_need(const struct nr_lab_label *label)
{
	return strcmp(label->tool, "conficker") == 0 ? 48 + 12 : 2;
}

/* Infected: sent enough packets with a mark of malware in one visit. Each address counts once. */
static void score_infections(struct nr_lab_trial *trial, size_t size, uint64_t seed,
			     struct nr_lab_evaluation *all)
{
	struct nr_lab_scan_row *row = &all->scan[size];

	for (uint32_t i = 0; i < trial->findings.n; i++) {
		const struct nr_lab_finding *finding = finding_at(trial, i);
		struct nr_lab_known *known;

		if (strcmp(finding->kind, "infection") != 0)
			continue;
		known = victim_of(trial, finding);
		if (is_malware(known)) {
			known->is_found = true;
			continue;
		}
		row->infected_wrong++;
		note(all, "scan size %s seed %llu: %s (%s) is not infected",
		     nr_lab_size_names[size], (unsigned long long)seed, finding->subject,
		     known != NULL && known->label.kind != NULL ? known->label.kind : "?");
	}
	for (uint32_t i = 0; i < trial->oracle.known.n; i++) {
		const struct nr_lab_known *known = nr_table_at(&trial->oracle.known, i);
		const struct nr_lab_visit *v = nr_lab_oracle_visit(&trial->oracle, known->newest);
		if (!is_malware(known))
			continue;
		uint32_t need = infection_need(&known->label);

		while (v != NULL && v->packets < need)
			v = nr_lab_oracle_visit(&trial->oracle, v->older);
		row->infected += v != NULL;
		row->infected_found += v != NULL && known->is_found;
	}
}

void nr_lab_score_scan(struct nr_lab_trial *trial, size_t size, uint64_t seed,
		       struct nr_lab_evaluation *all)
{
	struct nr_lab_scan_row *row = &all->scan[size];
	char text[NR_IP_TEXT];

	row->packets += trial->packets;
	row->refused += trial->n_refused;
	row->sources += trial->oracle.known.n;
	score_infections(trial, size, seed, all);
	for (uint32_t i = 0; i < trial->said.n; i++) {
		const struct nr_lab_said *said = nr_table_at(&trial->said, i);

		if (score_said(trial, said, row, all))
			continue;
		const struct nr_lab_known *known = nr_lab_oracle_find(&trial->oracle, said->src);

		row->wrong++;
		print_ip(said->src, text);
		note(all, "scan size %s seed %llu: %s (%s) is no scanner", nr_lab_size_names[size],
		     (unsigned long long)seed, text,
		     known != NULL && known->label.kind != NULL ? known->label.kind : "?");
	}
	for (uint32_t i = 0; i < trial->oracle.known.n; i++) {
		const struct nr_lab_known *known = nr_table_at(&trial->oracle.known, i);

		if (!is_scanning(known))
			continue;
		for (const struct nr_lab_visit *v =
			     nr_lab_oracle_visit(&trial->oracle, known->newest);
		     v != NULL; v = nr_lab_oracle_visit(&trial->oracle, v->older)) {
			if (!is_due(known, v))
				continue;
			row->truth++;
			row->found += v->is_found;
			if (v->is_found)
				continue;
			print_ip(known->src, text);
			note(all,
			     "scan size %s seed %llu: %s (%s, %u packets, %u destinations or more) was not found",
			     nr_lab_size_names[size], (unsigned long long)seed, text,
			     known->label.kind, v->packets, v->n_few);
		}
	}
}

static unsigned model_of(const struct nr_lab_known *known)
{
	if (strcmp(known->label.kind, "linux") == 0)
		return 3;
	return strcmp(known->label.kind, "masscan") == 0 ? 4 : known->arrival;
}

void nr_lab_score_rates(struct nr_lab_trial *trial, size_t size, struct nr_lab_evaluation *all)
{
	for (uint32_t i = 0; i < trial->said.n; i++) {
		const struct nr_lab_said *said = nr_table_at(&trial->said, i);
		const struct nr_lab_known *known = nr_lab_oracle_find(&trial->oracle, said->src);
		double lo, hi, truth, per_packet;

		if (!is_scanning(known) || said->packets < 20 || !said->has_rate ||
		    said->packets != known->packets)
			continue;
		struct nr_lab_rate_row *row = &all->rates[size][model_of(known)];

		/* the exact interval of one who knows the model: begin, end, and what is independent */
		uint64_t independent = known->arrival == NR_LAB_BURSTY
					       ? (known->arrivals + NR_LAB_BURST - 1) / NR_LAB_BURST
					       : known->arrivals;
		nr_stat_poisson_interval(independent, 0.95, &lo, &hi);
		lo *= (double)said->packets / (double)independent;
		hi *= (double)said->packets / (double)independent;
		per_packet = NR_LAB_SPACE / (double)trial->n_v4 /
			     ((double)(known->end - known->start) / 1e9);
		truth = known->label.rate;
		row->sources++;
		row->covered += said->rate_lo <= truth && truth <= said->rate_hi;
		row->width += (said->rate_hi - said->rate_lo) / truth;
		row->exact_width += (hi - lo) * per_packet / truth;
	}
}

static bool is_carpet(const struct nr_lab_trial *trial, const struct nr_lab_finding *finding)
{
	struct nr_prefix prefix;

	if (nr_prefix_parse(nr_str_from(finding->subject), &prefix) < 0)
		return false;
	for (size_t i = 0; i < trial->oracle.n_campaigns; i++) {
		const struct nr_lab_label *campaign = &trial->oracle.campaigns[i];

		if (campaign->has_prefix && nr_prefix_has(prefix, campaign->prefix.ip))
			return true;
	}
	return false;
}

static struct nr_lab_rsdos_row *strength_row(struct nr_lab_evaluation *all, size_t size,
					     uint64_t n_v4, double rate)
{
	double strength = rate / (0.5 * NR_LAB_SPACE / (double)n_v4);

	for (size_t i = 0; i < NR_LAB_STRENGTHS; i++)
		if (strength < nr_lab_strengths[i] * 1.4)
			return &all->rsdos[size][i];
	return &all->rsdos[size][NR_LAB_STRENGTHS - 1];
}

static void score_attack(struct nr_lab_trial *trial, size_t size, uint64_t seed,
			 const struct nr_lab_finding *finding, struct nr_lab_evaluation *all)
{
	struct nr_lab_known *known = victim_of(trial, finding);

	if (!is_actor(known, "victim")) {
		all->rsdos_more[size].wrong++;
		note(all, "rsdos size %s seed %llu: %s (%s) is no victim", nr_lab_size_names[size],
		     (unsigned long long)seed, finding->subject,
		     known != NULL && known->label.kind != NULL ? known->label.kind : "?");
		return;
	}
	if (known->label.campaign != 0)
		return;
	struct nr_lab_rsdos_row *row = strength_row(all, size, trial->n_v4, known->label.rate);

	row->moore += finding->is_moore;
	if (known->is_found)
		return;
	known->is_found = true;
	row->found++;
	nr_lab_samples_add(&row->latency_s, (double)(finding->detected - known->first) / 1e9);
}

static void note_missed_carpets(const struct nr_lab_trial *trial, size_t size, uint64_t seed,
				struct nr_lab_evaluation *all)
{
	for (size_t i = 0; i < trial->oracle.n_campaigns; i++) {
		const struct nr_lab_label *campaign = &trial->oracle.campaigns[i];
		struct nr_ip first = campaign->prefix.ip;
		char text[NR_PREFIX_TEXT];
		bool is_found = !campaign->has_prefix;

		for (uint32_t k = 0; k < trial->findings.n && !is_found; k++) {
			struct nr_prefix said;

			is_found = nr_prefix_parse(nr_str_from(finding_at(trial, k)->subject),
						   &said) == 0 &&
				   nr_prefix_has(said, campaign->prefix.ip);
		}
		if (is_found)
			continue;
		const struct nr_lab_known *victim = nr_lab_oracle_find(&trial->oracle, first);

		(void)nr_prefix_print(campaign->prefix, text);
		note(all, "rsdos size %s seed %llu: carpet on %s (%s) was not found",
		     nr_lab_size_names[size], (unsigned long long)seed, text,
		     victim != NULL ? victim->label.kind : "?");
	}
}

/* Attacks that even the published rule should see. */
static void note_missed(const struct nr_lab_trial *trial, size_t size, uint64_t seed,
			struct nr_lab_evaluation *all)
{
	double moore = 0.5 * NR_LAB_SPACE / (double)trial->n_v4;
	char text[NR_IP_TEXT];

	for (uint32_t i = 0; i < trial->oracle.known.n; i++) {
		const struct nr_lab_known *known = nr_table_at(&trial->oracle.known, i);

		if (!is_actor(known, "victim") || known->label.campaign != 0 || known->is_found ||
		    known->label.rate < moore * 0.99)
			continue;
		print_ip(known->src, text);
		note(all,
		     "rsdos size %s seed %llu: %s (%s, %llu packets, %u destinations) was not found",
		     nr_lab_size_names[size], (unsigned long long)seed, text, known->label.kind,
		     (unsigned long long)known->packets, known->distinct);
	}
}

void nr_lab_score_rsdos(struct nr_lab_trial *trial, size_t size, uint64_t seed,
			struct nr_lab_evaluation *all)
{
	for (uint32_t i = 0; i < trial->oracle.known.n; i++) {
		const struct nr_lab_known *known = nr_table_at(&trial->oracle.known, i);

		if (is_actor(known, "victim") && known->label.campaign == 0)
			strength_row(all, size, trial->n_v4, known->label.rate)->attacks++;
	}
	for (size_t i = 0; i < trial->oracle.n_campaigns; i++)
		all->rsdos_more[size].carpets += trial->oracle.campaigns[i].has_prefix;
	for (uint32_t i = 0; i < trial->findings.n; i++) {
		const struct nr_lab_finding *finding = finding_at(trial, i);

		if (strcmp(finding->detector, "rsdos.v1") != 0)
			continue;
		if (strcmp(finding->kind, "attack") == 0) {
			score_attack(trial, size, seed, finding, all);
		} else if (is_carpet(trial, finding)) {
			all->rsdos_more[size].found++;
		} else {
			all->rsdos_more[size].wrong++;
			note(all, "rsdos size %s seed %llu: no carpet on %s",
			     nr_lab_size_names[size], (unsigned long long)seed, finding->subject);
		}
	}
	note_missed(trial, size, seed, all);
	note_missed_carpets(trial, size, seed, all);
}

void nr_lab_score_false(struct nr_lab_trial *trial, uint64_t seed, int64_t exposure,
			struct nr_lab_evaluation *all)
{
	struct nr_lab_false_row *row = &all->quiet;

	row->worlds++;
	row->packets += trial->packets;
	row->sources += trial->oracle.known.n;
	row->exposure += exposure;
	for (uint32_t i = 0; i < trial->findings.n; i++) {
		const struct nr_lab_finding *finding = finding_at(trial, i);
		const struct nr_lab_known *known = victim_of(trial, finding);
		const char *tool = known != NULL ? known->label.tool : NULL;

		if (strcmp(finding->kind, "campaign") == 0) {
			row->campaigns++; /* there are scanners: not false */
			continue;
		}
		if (strcmp(finding->kind, "infection") == 0) {
			if (tool != NULL &&
			    (strcmp(tool, "mirai") == 0 || strcmp(tool, "conficker") == 0))
				continue;
			row->infections++;
		} else if (strcmp(finding->kind, "attack") == 0) {
			row->attacks++;
		} else if (strcmp(finding->kind, "carpet") == 0) {
			row->carpets++;
		} else {
			row->others++;
		}
		note(all, "false seed %llu: %s %s of %s (%s)", (unsigned long long)seed,
		     finding->detector, finding->kind, finding->subject,
		     known != NULL && known->label.kind != NULL ? known->label.kind : "?");
	}
}
