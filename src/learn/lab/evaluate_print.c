/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluation as tables in Markdown and as JSON. */
#include "base/json.h"
#include "base/time.h"
#include "learn/lab/evaluate.h"

static const char *const models[NR_LAB_MODELS] = { "poisson", "regular", "bursty",
						   "repeats (Linux connect)",
						   "permuting (masscan)" };

static double ratio(double part, double all)
{
	return all > 0 ? part / all : 0;
}

static void print_scan(struct nr_lab_evaluation *all, struct nr_buf *out)
{
	struct nr_lab_scan_row sum = { 0 };

	nr_buf_addf(
		out,
		"### scan.v1, level scanner\n\n"
		"| N | simulated | packets | scanners | found | recall | wrong | precision | packets to detection "
		"(median, 95 %%) | seconds (median, 95 %%) | late |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < NR_LAB_SIZES; i++) {
		struct nr_lab_scan_row *row = &all->scan[i];
		char span[NR_SPAN_TEXT];

		if (row->truth == 0)
			continue;
		(void)nr_span_print_human(row->duration, span);
		nr_buf_addf(
			out,
			"| %s | %s | %llu | %llu | %llu | %.3f %% | %llu | %.3f %% | %.0f, %.0f "
			"| %.1f, %.0f | %llu |\n",
			nr_lab_size_names[i], span, (unsigned long long)row->packets,
			(unsigned long long)row->truth, (unsigned long long)row->found,
			100 * ratio((double)row->found, (double)row->truth),
			(unsigned long long)row->wrong,
			100 * ratio((double)row->found, (double)(row->found + row->wrong)),
			nr_lab_samples_quantile(&row->wait_packets, 0.5),
			nr_lab_samples_quantile(&row->wait_packets, 0.95),
			nr_lab_samples_quantile(&row->wait_s, 0.5),
			nr_lab_samples_quantile(&row->wait_s, 0.95), (unsigned long long)row->late);
		sum.packets += row->packets;
		sum.truth += row->truth;
		sum.found += row->found;
		sum.wrong += row->wrong;
	}
	nr_buf_addf(out, "| all | | %llu | %llu | %llu | %.3f %% | %llu | %.3f %% | | | |\n\n",
		    (unsigned long long)sum.packets, (unsigned long long)sum.truth,
		    (unsigned long long)sum.found,
		    100 * ratio((double)sum.found, (double)sum.truth),
		    (unsigned long long)sum.wrong,
		    100 * ratio((double)sum.found, (double)(sum.found + sum.wrong)));
}

static void print_infections(const struct nr_lab_evaluation *all, struct nr_buf *out)
{
	nr_buf_addf(out,
		    "### infect.v1: machines that sent enough packets with a mark of malware\n\n"
		    "| N | infected | found | share | wrong |\n|--:|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < NR_LAB_SIZES; i++) {
		const struct nr_lab_scan_row *row = &all->scan[i];

		if (row->infected > 0)
			nr_buf_addf(out, "| %s | %llu | %llu | %.2f %% | %llu |\n",
				    nr_lab_size_names[i], (unsigned long long)row->infected,
				    (unsigned long long)row->infected_found,
				    100 * ratio((double)row->infected_found, (double)row->infected),
				    (unsigned long long)row->infected_wrong);
	}
	nr_buf_addf(out, "\n");
}

static void print_tools(const struct nr_lab_evaluation *all, struct nr_buf *out)
{
	nr_buf_addf(
		out,
		"### Tools: what they are (rows) and what they were called\n\n| sent by | sources |");
	for (unsigned m = 0; m < NR_MARK_N; m++)
		if (nr_marks[m].kind != NR_MARK_KIND_TRAIT)
			nr_buf_addf(out, " %s |", nr_marks[m].name);
	nr_buf_addf(out, " no name | too few packets |\n|---|--:|");
	for (unsigned m = 0; m < NR_MARK_N; m++)
		if (nr_marks[m].kind != NR_MARK_KIND_TRAIT)
			nr_buf_addf(out, "--:|");
	nr_buf_addf(out, "--:|--:|\n");
	for (size_t i = 0; i < all->n_kinds; i++) {
		const struct nr_lab_kind_row *row = &all->kinds[i];

		nr_buf_addf(out, "| %s | %llu |", row->kind, (unsigned long long)row->sources);
		for (unsigned m = 0; m < NR_MARK_N; m++)
			if (nr_marks[m].kind != NR_MARK_KIND_TRAIT)
				nr_buf_addf(out, " %llu |", (unsigned long long)row->named[m]);
		nr_buf_addf(out, " %llu | %llu |\n", (unsigned long long)row->unnamed,
			    (unsigned long long)row->few);
	}
	nr_buf_addf(out, "\n");
}

static void print_rate(const char *size, const char *model, const struct nr_lab_rate_row *row,
		       struct nr_buf *out)
{
	double n = (double)row->sources;

	if (row->sources > 0)
		nr_buf_addf(out, "| %s | %s | %llu | %.2f %% | %.1f %% | %.1f %% | %.2f |\n", size,
			    model, (unsigned long long)row->sources, 100 * (double)row->covered / n,
			    100 * row->width / n, 100 * row->exact_width / n,
			    ratio(row->width, row->exact_width));
}

static void print_rates(const struct nr_lab_evaluation *all, struct nr_buf *out)
{
	nr_buf_addf(
		out,
		"### Rate intervals (95 %%), sources with at least 20 packets\n\n"
		"| N | arrivals | sources | contain the truth | mean width | of the exact interval | ratio |\n"
		"|--:|---|--:|--:|--:|--:|--:|\n");
	for (size_t m = 0; m < NR_LAB_MODELS; m++) {
		struct nr_lab_rate_row sum = { 0 };

		for (size_t i = 0; i < NR_LAB_SIZES; i++) {
			const struct nr_lab_rate_row *row = &all->rates[i][m];

			print_rate(nr_lab_size_names[i], models[m], row, out);
			sum.sources += row->sources;
			sum.covered += row->covered;
			sum.width += row->width;
			sum.exact_width += row->exact_width;
		}
		print_rate("all", models[m], &sum, out);
	}
	nr_buf_addf(out, "\n");
}

static void print_rsdos(struct nr_lab_evaluation *all, struct nr_buf *out)
{
	nr_buf_addf(
		out,
		"### rsdos.v1: attacks of 5 to 20 minutes by victim rate (1 = 0.5 packets/s in the telescope, "
		"what the Moore rule needs)\n\n"
		"| N | victim rate | packets/s | attacks | found | recall | Moore rule | seconds to detection "
		"(median, 95 %%) |\n|--:|--:|--:|--:|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < NR_LAB_SIZES; i++)
		for (size_t s = 0; s < NR_LAB_STRENGTHS; s++) {
			static const uint64_t n_v4[NR_LAB_SIZES] = { 64,    1024,   4096,
								     65536, 475136, 1 << 24 };
			struct nr_lab_rsdos_row *row = &all->rsdos[i][s];

			if (row->attacks > 0)
				nr_buf_addf(
					out,
					"| %s | %g | %.3g | %llu | %llu | %.1f %% | %.1f %% | %.0f, %.0f |\n",
					nr_lab_size_names[i], nr_lab_strengths[s],
					nr_lab_strengths[s] * 0.5 * NR_LAB_SPACE / (double)n_v4[i],
					(unsigned long long)row->attacks,
					(unsigned long long)row->found,
					100 * ratio((double)row->found, (double)row->attacks),
					100 * ratio((double)row->moore, (double)row->attacks),
					nr_lab_samples_quantile(&row->latency_s, 0.5),
					nr_lab_samples_quantile(&row->latency_s, 0.95));
		}
	nr_buf_addf(out, "\n| N | carpets | found | false findings beside |\n|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < NR_LAB_SIZES; i++)
		if (all->rsdos_more[i].carpets > 0)
			nr_buf_addf(out, "| %s | %llu | %llu | %llu |\n", nr_lab_size_names[i],
				    (unsigned long long)all->rsdos_more[i].carpets,
				    (unsigned long long)all->rsdos_more[i].found,
				    (unsigned long long)all->rsdos_more[i].wrong);
	nr_buf_addf(out, "\n");
}

static double weeks_of(const struct nr_lab_false_row *row)
{
	return (double)row->exposure / 1e9 / (7 * 86400);
}

static void print_false(const struct nr_lab_false_row *row, struct nr_buf *out)
{
	double weeks = weeks_of(row);

	nr_buf_addf(out,
		    "### False findings on a /16 without any attack\n\n"
		    "Exposure: %.1f weeks in %llu worlds, %llu packets of %llu sources.\n\n"
		    "| finding | false | a week |\n|---|--:|--:|\n",
		    weeks, (unsigned long long)row->worlds, (unsigned long long)row->packets,
		    (unsigned long long)row->sources);
	nr_buf_addf(out, "| rsdos.v1 attack | %llu | %.2f |\n", (unsigned long long)row->attacks,
		    ratio((double)row->attacks, weeks));
	nr_buf_addf(out, "| rsdos.v1 carpet | %llu | %.2f |\n", (unsigned long long)row->carpets,
		    ratio((double)row->carpets, weeks));
	nr_buf_addf(out, "| infect.v1 infection | %llu | %.2f |\n",
		    (unsigned long long)row->infections, ratio((double)row->infections, weeks));
	nr_buf_addf(out, "| other | %llu | %.2f |\n\n", (unsigned long long)row->others,
		    ratio((double)row->others, weeks));
}

void nr_lab_evaluation_print(const struct nr_lab_evaluate_options *options,
			     struct nr_lab_evaluation *all, struct nr_buf *out)
{
	if (options->parts & NR_LAB_PART_SCAN) {
		print_scan(all, out);
		print_tools(all, out);
		print_infections(all, out);
	}
	if (options->parts & NR_LAB_PART_RATES)
		print_rates(all, out);
	if (options->parts & NR_LAB_PART_RSDOS)
		print_rsdos(all, out);
	if (options->parts & NR_LAB_PART_FALSE)
		print_false(&all->quiet, out);
	if (all->n_notes > 0)
		nr_buf_addf(out, "First errors:\n\n");
	for (size_t i = 0; i < all->n_notes; i++)
		nr_buf_addf(out, "- %s\n", all->notes[i]);
}

static void put(struct nr_json *json, const char *key, uint64_t v)
{
	nr_json_key(json, key);
	nr_json_u64(json, v);
}

static void put_f64(struct nr_json *json, const char *key, double v)
{
	nr_json_key(json, key);
	nr_json_f64(json, v);
}

static void put_str(struct nr_json *json, const char *key, const char *v)
{
	nr_json_key(json, key);
	nr_json_str(json, nr_str_from(v));
}

static void open_row(struct nr_json *json, size_t size)
{
	nr_json_object(json);
	put_str(json, "size", nr_lab_size_names[size]);
}

static void json_scan(struct nr_lab_evaluation *all, struct nr_json *json)
{
	nr_json_key(json, "scan");
	nr_json_array(json);
	for (size_t i = 0; i < NR_LAB_SIZES; i++) {
		struct nr_lab_scan_row *row = &all->scan[i];

		if (row->truth == 0)
			continue;
		open_row(json, i);
		put(json, "n", row->n_v4);
		put_f64(json, "seconds", (double)row->duration / 1e9);
		put(json, "packets", row->packets);
		put(json, "truth", row->truth);
		put(json, "found", row->found);
		put(json, "wrong", row->wrong);
		put(json, "late", row->late);
		put(json, "refused", row->refused);
		put(json, "infected", row->infected);
		put(json, "infected_found", row->infected_found);
		put(json, "infected_wrong", row->infected_wrong);
		put_f64(json, "packets_median", nr_lab_samples_quantile(&row->wait_packets, 0.5));
		put_f64(json, "packets_p95", nr_lab_samples_quantile(&row->wait_packets, 0.95));
		put_f64(json, "seconds_median", nr_lab_samples_quantile(&row->wait_s, 0.5));
		put_f64(json, "seconds_p95", nr_lab_samples_quantile(&row->wait_s, 0.95));
		nr_json_object_end(json);
	}
	nr_json_array_end(json);
	nr_json_key(json, "tools");
	nr_json_array(json);
	for (size_t i = 0; i < all->n_kinds; i++) {
		nr_json_object(json);
		put_str(json, "kind", all->kinds[i].kind);
		put(json, "sources", all->kinds[i].sources);
		for (unsigned m = 0; m < NR_MARK_N; m++)
			put(json, nr_marks[m].name, all->kinds[i].named[m]);
		put(json, "unnamed", all->kinds[i].unnamed);
		put(json, "few", all->kinds[i].few);
		nr_json_object_end(json);
	}
	nr_json_array_end(json);
}

static void json_rates(const struct nr_lab_evaluation *all, struct nr_json *json)
{
	nr_json_key(json, "rates");
	nr_json_array(json);
	for (size_t i = 0; i < NR_LAB_SIZES; i++)
		for (size_t m = 0; m < NR_LAB_MODELS; m++) {
			const struct nr_lab_rate_row *row = &all->rates[i][m];

			if (row->sources == 0)
				continue;
			open_row(json, i);
			put_str(json, "arrivals", models[m]);
			put(json, "sources", row->sources);
			put(json, "covered", row->covered);
			put_f64(json, "width", row->width / (double)row->sources);
			put_f64(json, "exact_width", row->exact_width / (double)row->sources);
			nr_json_object_end(json);
		}
	nr_json_array_end(json);
}

static void json_rsdos(struct nr_lab_evaluation *all, struct nr_json *json)
{
	nr_json_key(json, "rsdos");
	nr_json_array(json);
	for (size_t i = 0; i < NR_LAB_SIZES; i++)
		for (size_t s = 0; s < NR_LAB_STRENGTHS; s++) {
			struct nr_lab_rsdos_row *row = &all->rsdos[i][s];

			if (row->attacks == 0)
				continue;
			open_row(json, i);
			put_f64(json, "strength", nr_lab_strengths[s]);
			put(json, "attacks", row->attacks);
			put(json, "found", row->found);
			put(json, "moore", row->moore);
			put_f64(json, "seconds_median",
				nr_lab_samples_quantile(&row->latency_s, 0.5));
			nr_json_object_end(json);
		}
	nr_json_array_end(json);
	nr_json_key(json, "carpets");
	nr_json_array(json);
	for (size_t i = 0; i < NR_LAB_SIZES; i++) {
		open_row(json, i);
		put(json, "carpets", all->rsdos_more[i].carpets);
		put(json, "found", all->rsdos_more[i].found);
		put(json, "wrong", all->rsdos_more[i].wrong);
		nr_json_object_end(json);
	}
	nr_json_array_end(json);
}

void nr_lab_evaluation_json(const struct nr_lab_evaluate_options *options,
			    struct nr_lab_evaluation *all, struct nr_buf *out)
{
	struct nr_json json;

	nr_json_init(&json, out);
	nr_json_object(&json);
	put(&json, "seed_lo", options->seed_lo);
	put(&json, "seed_hi", options->seed_hi);
	json_scan(all, &json);
	json_rates(all, &json);
	json_rsdos(all, &json);
	nr_json_key(&json, "false");
	nr_json_object(&json);
	put_f64(&json, "weeks", weeks_of(&all->quiet));
	put(&json, "packets", all->quiet.packets);
	put(&json, "attacks", all->quiet.attacks);
	put(&json, "carpets", all->quiet.carpets);
	put(&json, "infections", all->quiet.infections);
	put(&json, "others", all->quiet.others);
	nr_json_object_end(&json);
	nr_json_key(&json, "notes");
	nr_json_array(&json);
	for (size_t i = 0; i < all->n_notes; i++)
		nr_json_str(&json, nr_str_from(all->notes[i]));
	nr_json_array_end(&json);
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
}
