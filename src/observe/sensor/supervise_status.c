/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "observe/sensor/supervise_int.h"

enum { TEXT_MAX = 16 << 10, PAGE_KIB = 4 };

/* Pages that the process has for itself. */
static uint64_t own_kib(int statm)
{
	char text[256];
	uint64_t resident = 0, shared = 0;
	ssize_t n = statm >= 0 ? nr_io_pread_full(statm, text, sizeof(text), 0) : 0;
	struct nr_str rest = { text, n > 0 ? (size_t)n : 0 };

	(void)nr_str_word(&rest);
	if (nr_str_u64(nr_str_word(&rest), 0, UINT32_MAX, &resident) < 0 ||
	    nr_str_u64(nr_str_word(&rest), 0, UINT32_MAX, &shared) < 0 || shared > resident)
		return 0;
	return (resident - shared) * PAGE_KIB;
}

static void line(struct nr_buf *out, const char *name, uint64_t value)
{
	nr_buf_addf(out, "%s: %llu\n", name, (unsigned long long)value);
}

static void fill(struct nr_supervisor *s, struct nr_buf *out)
{
	const struct nr_pages *p = &s->pages;
	struct nr_page_totals totals;
	char name[64];

	nr_page_totals(p, &totals);
	line(out, "pid", (uint64_t)getpid());
	line(out, "written", (uint64_t)nr_time_floor_s(nr_time_now()));
	line(out, "connected", nr_get(p->shipper->connected));
	nr_buf_addf(out, "clock_offset_ms: %lld\n",
		    (long long)(nr_get(p->shipper->offset_ns) / 1000000));
	line(out, "certificate_until", (uint64_t)nr_get(p->shipper->valid_until_s));
	line(out, "sandbox", nr_get(p->supervisor->unsafe) == 0);
	line(out, "resident_kib", nr_get(p->supervisor->resident_kib));
	line(out, "received", totals.received);
	line(out, "classified", totals.classified);
	line(out, "lost", totals.lost);
	for (size_t o = 1; o < NR_OUTCOME_N; o++) {
		(void)snprintf(name, sizeof(name), "dropped.%s", nr_outcome_names[o]);
		line(out, name, totals.dropped[o]);
	}
	line(out, "kernel_received", nr_get(p->capture->kernel_received));
	line(out, "kernel_dropped", nr_get(p->capture->kernel_dropped));
	line(out, "parser_restarts", nr_get(p->supervisor->parser_restarts));
	line(out, "epoch", nr_get(p->spooler->epoch));
	line(out, "next_seq", nr_get(p->spooler->next_seq));
	line(out, "acked_seq", nr_get(p->spooler->acked_seq));
	line(out, "waiting", nr_get(p->spooler->waiting));
	line(out, "spool_bytes", nr_get(p->spooler->bytes));
	line(out, "spool_limit", nr_get(p->spooler->limit));
	line(out, "spool_dropped", nr_get(p->spooler->dropped_batches));
	line(out, "spool_damaged", nr_get(p->spooler->damaged_records));
	line(out, "disk_free", nr_get(p->spooler->disk_free));
	line(out, "sent_bytes", nr_get(p->shipper->sent_bytes));
	line(out, "batch_interval_ms", nr_get(p->spooler->interval_ms));
	for (int k = 0; k < NR_CHILDREN; k++) {
		(void)snprintf(name, sizeof(name), "pid.%s", nr_child_names[k]);
		line(out, name, (uint64_t)s->children[k].pid);
	}
}

void nr_supervise_status(struct nr_supervisor *s)
{
	char temp[NR_SETTINGS_PATH + 8];
	struct nr_buf out;
	int self = nr_io_open("/proc/self/statm", O_RDONLY, 0);
	uint64_t kib = own_kib(self);

	if (self >= 0)
		(void)nr_io_close(self); /* only read */
	for (int k = 0; k < NR_CHILDREN; k++)
		kib += s->children[k].pid > 0 ? own_kib(s->children[k].statm) : 0;
	nr_set(s->pages.supervisor->resident_kib, kib);
	nr_buf_init(&out, TEXT_MAX);
	fill(s, &out);
	(void)snprintf(temp, sizeof(temp), "%s.new", s->settings->status_file);
	int fd = nr_io_open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);

	/* not synced: it is worth nothing after a crash, and a flash card wears */
	if (fd >= 0 && out.err == 0 && nr_io_write_all(fd, out.p, out.n) == 0 &&
	    nr_io_rename(temp, s->settings->status_file) < 0)
		nr_log(NR_LOG_DEBUG, "supervisor", "status", "error=cannot rename");
	if (fd >= 0)
		(void)nr_io_close(fd);
	nr_buf_done(&out);
}
