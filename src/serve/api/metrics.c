/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus text 0.0.4: everything that is counted, never with an address in a label. */
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "serve/hub/hub_int.h"

static void head(struct nr_buf *out, const char *name, const char *type, const char *help)
{
	nr_buf_addf(out, "# HELP noroshi_%s %s\n# TYPE noroshi_%s %s\n", name, help, name, type);
}

static void counter(struct nr_buf *out, const char *name, const char *help, uint64_t v)
{
	head(out, name, "counter", help);
	nr_buf_addf(out, "noroshi_%s %llu\n", name, (unsigned long long)v);
}

static void gauge(struct nr_buf *out, const char *name, const char *help, double v)
{
	head(out, name, "gauge", help);
	nr_buf_addf(out, "noroshi_%s %.17g\n", name, v);
}

static void add_process(const struct nr_hub *hub, struct nr_buf *out)
{
	unsigned long pages = 0, size = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	char line[128];

	if (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		struct nr_str rest = nr_str_from(line);
		uint64_t v;

		if (nr_str_u64(nr_str_word(&rest), 0, UINT64_MAX, &v) == 0)
			size = (unsigned long)v;
		if (nr_str_u64(nr_str_word(&rest), 0, UINT64_MAX, &v) == 0)
			pages = (unsigned long)v;
	}
	if (f != NULL)
		(void)fclose(f);
	(void)size;
	gauge(out, "resident_memory_bytes", "Memory of this process.",
	      (double)pages * (double)sysconf(_SC_PAGESIZE));
	gauge(out, "start_time_seconds", "When the hub started.", (double)hub->started.ns / 1e9);
	head(out, "build_info", "gauge", "The version that runs.");
	nr_buf_addf(out, "noroshi_build_info{version=\"%s\"} 1\n", hub->version);
}

static void add_journal(struct nr_hub *hub, struct nr_buf *out)
{
	struct statvfs fs;

	gauge(out, "journal_durable_place", "Place of the journal that is on the disk.",
	      (double)nr_journal_durable(hub->core->journal));
	gauge(out, "journal_waiting_bytes", "Appended, not on the disk yet.",
	      (double)nr_journal_waiting(hub->core->journal));
	counter(out, "journal_commits_total", "Commits of the journal.", hub->commits);
	head(out, "journal_commit_seconds_total", "counter", "Time spent in commits.");
	nr_buf_addf(out, "noroshi_journal_commit_seconds_total %.9f\n",
		    (double)hub->commit_ns / 1e9);
	counter(out, "journal_commit_errors_total", "Commits that failed, disk full included.",
		hub->commit_errors);
	gauge(out, "journal_disk_full", "1 while new data is refused for want of room.",
	      atomic_load(&hub->core->disk_full) ? 1 : 0);
	gauge(out, "journal_failed", "1 after the journal failed: nothing is acknowledged.",
	      atomic_load(&hub->failed) != 0 ? 1 : 0);
	if (statvfs(hub->core->home.dir, &fs) == 0)
		gauge(out, "disk_free_bytes", "Room where the hub's directory lies.",
		      (double)fs.f_bavail * (double)fs.f_frsize);
}

static void add_ingest(struct nr_hub *hub, struct nr_buf *out)
{
	uint64_t counts[NR_INGEST_COUNT_N];
	char name[96];

	nr_ingest_counts(hub->ingest, counts);
	for (size_t i = 0; i < NR_INGEST_COUNT_N; i++) {
		(void)snprintf(name, sizeof(name), "ingest_%s_total", nr_ingest_count_names[i]);
		counter(out, name, "Sensors' port: see docs/operator/hub.md.", counts[i]);
	}
	gauge(out, "ingest_sessions", "Sensors connected now.", nr_ingest_sessions(hub->ingest));
}

static void add_ledger(struct nr_hub *hub, struct nr_buf *out)
{
	struct nr_ledger_row sum = { 0 };
	size_t n;

	nr_core_lock(hub->core);
	n = nr_ledger_count(hub->core->ledger);
	for (size_t i = 0; i < n; i++) {
		const struct nr_ledger_row *row = nr_ledger_at(hub->core->ledger, i);

		sum.batches += row->batches;
		sum.repeats += row->repeats + row->old;
		sum.conflicts += row->conflicts;
		sum.gaps += row->gaps;
		sum.lost += row->lost;
		sum.observations_lost += row->observations_lost;
	}
	nr_core_unlock(hub->core);
	gauge(out, "sensors_known", "Sensors that ever delivered.", (double)n);
	counter(out, "sensor_batches_total", "Batches of all sensors.", sum.batches);
	counter(out, "sensor_repeats_total", "Batches that came again.", sum.repeats);
	counter(out, "sensor_conflicts_total", "Numbers that came with other content.",
		sum.conflicts);
	counter(out, "sensor_gaps_total", "Gaps in the numbers.", sum.gaps);
	counter(out, "sensor_batches_lost_total", "Batches named by gaps.", sum.lost);
	counter(out, "sensor_observations_lost_total", "Observations named by gaps.",
		sum.observations_lost);
}

static double behind(const struct nr_hub *hub, uint64_t at)
{
	uint64_t durable = nr_journal_durable(hub->core->journal);

	return durable > at ? (double)(durable - at) : 0;
}

static void add_engine(struct nr_hub *hub, struct nr_buf *out)
{
	struct nr_follow_counts counts;
	struct nr_online_counts online;

	nr_follow_engine_counts(hub->engine, &counts, &online);
	gauge(out, "engine_behind_entries", "Entries of the journal not seen by the detectors yet.",
	      behind(hub, counts.at));
	gauge(out, "engine_failed", "1 after the engine stopped.", counts.failed ? 1 : 0);
	counter(out, "engine_observations_total", "Observations seen by the detectors.",
		online.observations);
	counter(out, "engine_late_total", "Observations after their second was closed.",
		online.late);
	counter(out, "engine_backlog_total", "Observations of imports and spools.", online.backlog);
	counter(out, "engine_early_total", "Observations let in early: too many were waiting.",
		online.early);
	counter(out, "engine_refused_total", "Observations that cannot be.", online.refused);
	counter(out, "engine_left_out_total", "Entries that could not be used.", counts.left_out);
	counter(out, "engine_revisions_total", "Revisions of findings written.", counts.findings);
	gauge(out, "engine_table_refused", "Entries that tables refused at their caps.",
	      (double)online.table_refused);
	gauge(out, "engine_monitored_addresses", "IPv4 addresses monitored now.",
	      (double)online.monitored_v4);
	gauge(out, "engine_watermark_seconds", "Detection has passed this second.",
	      online.watermark > 0 ? (double)online.watermark : 0);
	gauge(out, "engine_snapshot_place", "Place of the newest snapshot.",
	      (double)counts.snapshot_at);
}

static void add_store(struct nr_hub *hub, struct nr_buf *out)
{
	struct nr_follow_counts counts;

	if (hub->store == NULL)
		return;
	nr_follow_store_counts(hub->store, &counts);
	gauge(out, "store_behind_entries", "Entries of the journal not in the store yet.",
	      behind(hub, counts.at));
	gauge(out, "store_failed", "1 after the store stopped.", counts.failed ? 1 : 0);
	counter(out, "store_left_out_total", "Observations the store could not take.",
		counts.left_out);
}

static void add_logins(struct nr_hub *hub, struct nr_buf *out)
{
	struct nr_login_counts counts;

	nr_logins_counts(hub->logins, &counts);
	counter(out, "logins_total", "Sessions begun with a password.", counts.logins);
	counter(out, "login_wrong_total",
		"Passwords that were wrong, of accounts that are none too.", counts.wrong);
	counter(out, "login_wrong_codes_total", "One-time codes that were wrong or used.",
		counts.wrong_codes);
	counter(out, "login_limited_total", "Tries refused for their number.", counts.limited);
	counter(out, "login_busy_total", "Tries refused because too many came at once.",
		counts.busy);
}

static void add_http(struct nr_hub *hub, struct nr_buf *out)
{
	struct nr_http_counts counts;

	if (hub->http == NULL)
		return;
	nr_http_counts(hub->http, &counts);
	head(out, "http_answers_total", "counter", "Answers by first digit of their status.");
	for (unsigned i = 2; i < 6; i++)
		nr_buf_addf(out, "noroshi_http_answers_total{status=\"%uxx\"} %llu\n", i,
			    (unsigned long long)counts.answers[i]);
	counter(out, "http_requests_total", "Requests begun.", counts.requests);
	counter(out, "http_refused_strict_total", "Requests refused for their form.",
		counts.refused_strict);
	counter(out, "http_refused_token_total", "Requests without a token in force.",
		counts.refused_token);
	counter(out, "http_refused_origin_total", "Requests with a cookie from pages of others.",
		counts.refused_origin);
	counter(out, "http_cut_off_total", "Answers ended because who asked was no longer allowed.",
		counts.cut_off);
	counter(out, "http_tokens_exposed_total", "Tokens seen in a URL or Referer.",
		counts.exposed);
	counter(out, "http_limited_total", "Requests refused for their number.", counts.limited);
	counter(out, "http_timed_out_total", "Connections ended because they were slow.",
		counts.timed_out);
	counter(out, "http_answer_bytes_total", "Bytes of answers.", counts.bytes);
	gauge(out, "http_streams", "Streams of events open now.", (double)counts.streams);
	counter(out, "http_streams_refused_total", "Streams refused: as many as a reader may have.",
		counts.streams_refused);
	counter(out, "http_streams_slow_total", "Streams ended because nobody took what they said.",
		counts.streams_slow);
	counter(out, "http_crowded_out_total",
		"Connections without token or session that made room for others.",
		counts.crowded_out);
	gauge(out, "http_connections", "Connections open now.", (double)counts.connections);
}

static int get_metrics(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	struct nr_hub *hub = ctx;

	(void)rq;
	reply->type = "text/plain; version=0.0.4; charset=utf-8";
	add_process(hub, &reply->body);
	add_journal(hub, &reply->body);
	add_ingest(hub, &reply->body);
	add_ledger(hub, &reply->body);
	add_engine(hub, &reply->body);
	add_store(hub, &reply->body);
	add_http(hub, &reply->body);
	add_logins(hub, &reply->body);
	return 0;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/metrics", OPERATOR, .handle = get_metrics),
};

const struct nr_http_group nr_api_metrics = { "metrics", routes, NR_COUNT(routes) };
