/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_ingest DIR [SENSORS [ROWS [SECONDS [RATE]]]]: what a hub's port takes. SENSORS (4) threads send batches of ROWS
 * (20,000) observations, encoded before, over TLS on loopback to the ingest server with a real journal under DIR, for
 * SECONDS (10): RATE batches a second each, one after the other, or as fast as the window allows (0, the default).
 * The journal's thread commits every 5 ms or 256 KiB, as in the hub. Printed: what was acknowledged, acknowledgement
 * times from the first byte sent to the ACK read, and processor time of the hub's half and of the senders' half.
 *
 * The observations: random sources, one of 65,536 destinations, a few ports much more than others, as a telescope sees.
 */
#include <dirent.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/ingest/ingest.h"

enum { SENSORS_MAX = 64, WAIT_MS = 60000, TIMES_MAX = 1 << 16, COMMIT_US = 5000 };

struct bench {
	const char *dir;
	unsigned n_sensors, rows, seconds, rate;
	struct nr_pki_pair authority, hub;
	struct nr_journal *journal;
	struct nr_ledger *ledger;
	pthread_mutex_t lock;
	struct nr_intake intake;
	struct nr_ingest *ingest;
	struct nr_buf payload;
	atomic_bool stop;
	int64_t until_ns;
};

struct sender {
	struct bench *bench;
	pthread_t thread;
	unsigned number;
	struct nr_tls *tls;
	struct nr_digest previous;
	uint64_t sent, acked;
	int64_t sent_ns[NR_MESSAGE_WINDOW]; /* by number */
	int64_t *times;			    /* ns */
	size_t n_times;
	double cpu_s;
};

static void die(const char *what, const struct nr_err *err)
{
	fprintf(stderr, "bench_ingest: %s: %s\n", what, err != NULL ? err->msg : "");
	exit(1);
}

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

static void encode(struct bench *b)
{
	static const uint16_t ports[] = { 23, 23, 23, 22, 80, 443, 8080, 445, 3389, 2323 };
	struct nr_batch_encoder *encoder = NULL;
	uint64_t seed = 1;

	if (nr_batch_encoder_new(&encoder) < 0)
		die("no memory", NULL);
	for (unsigned i = 0; i < b->rows; i++) {
		struct nr_observation o = { .tick = 1800000000 };

		o.src = nr_ip_v4((uint32_t)next(&seed));
		o.dst = nr_ip_v4(0xc6330000 | (uint32_t)next(&seed) % 65536);
		o.sport = (uint16_t)next(&seed);
		o.dport = next(&seed) % 4 == 0 ? (uint16_t)next(&seed)
					       : ports[next(&seed) % NR_COUNT(ports)];
		o.first = (uint32_t)(next(&seed) % 1000000 * 1000);
		o.last = o.first;
		o.proto = 6;
		o.packets = 1;
		o.bytes = 40;
		o.tcp_flags = 2;
		o.window = (uint16_t)(next(&seed) % 4 * 1024);
		o.ttl_min = o.ttl_max = (uint8_t)(40 + next(&seed) % 30);
		if (nr_batch_encoder_add(encoder, &o, 1) != 1)
			die("too many rows", NULL);
	}
	nr_buf_init(&b->payload, NR_BATCH_SIZE_MAX);
	if (nr_batch_encoder_finish(encoder, &b->payload) < 0)
		die("cannot encode", NULL);
	nr_batch_encoder_free(encoder);
}

/* ---- the hub ---- */

static int save_ledger(void *ctx, struct nr_buf *out)
{
	return nr_ledger_save(((struct bench *)ctx)->ledger, out);
}

static int64_t now_ns(void *ctx)
{
	(void)ctx;
	return nr_time_now().ns;
}

static void hub_open(struct bench *b)
{
	static const char *const hosts[] = { "127.0.0.1", NULL };
	struct nr_journal_options journal = {
		.dir = b->dir, .ledger = save_ledger, .ledger_ctx = b, .now_ns = now_ns
	};
	struct nr_pki_wish wish = { .purpose = NR_PKI_AUTHORITY,
				    .name = "authority",
				    .now = nr_time_now(),
				    .valid_s = 86400 };
	struct nr_ingest_options options = { .listen = "127.0.0.1:0",
					     .hub = &b->hub,
					     .intake = &b->intake,
					     .bytes_per_s = UINT64_C(10000000000) };
	struct nr_journal_recovery recovery;
	struct nr_err err = { .msg = "" };

	if (nr_pki_make(&wish, NULL, &b->authority, &err) < 0)
		die("authority", &err);
	wish.purpose = NR_PKI_SERVER;
	wish.hosts = hosts;
	wish.identity = "urn:noroshi:hub:00112233-4455-4677-8899-aabbccddeeff";
	if (nr_pki_make(&wish, &b->authority, &b->hub, &err) < 0)
		die("hub", &err);
	options.authority = nr_buf_str(&b->authority.certificate);
	if (nr_ledger_new(&b->ledger) < 0 ||
	    nr_journal_open(&journal, &b->journal, &recovery, &err) < 0)
		die("journal", &err);
	(void)pthread_mutex_init(&b->lock, NULL);
	b->intake =
		(struct nr_intake){ .journal = b->journal, .ledger = b->ledger, .lock = &b->lock };
	if (nr_ingest_new(&options, &b->ingest, &err) < 0)
		die("ingest", &err);
}

static void *commit_thread(void *arg)
{
	struct bench *b = arg;
	struct nr_err err;

	while (!atomic_load(&b->stop)) {
		if (nr_journal_waiting(b->journal) < 256 << 10)
			(void)usleep(COMMIT_US);
		if (nr_journal_commit(b->journal, &err) < 0)
			die("commit", &err);
		if (!atomic_load(&b->stop))
			nr_ingest_durable(b->ingest, nr_journal_durable(b->journal));
	}
	return NULL;
}

/* ---- sensors ---- */

static void send_message(struct sender *s, const struct nr_message *message)
{
	struct nr_buf out;

	nr_buf_init(&out, NR_MESSAGE_HEAD + NR_MESSAGE_MAX);
	if (nr_message_write(message, &out) < 0 || nr_tls_write(s->tls, out.p, out.n, WAIT_MS) < 0)
		die("cannot send", NULL);
	nr_buf_done(&out);
}

static void read_message(struct sender *s, struct nr_message *message)
{
	uint8_t head[NR_MESSAGE_HEAD], type, body[1024];
	struct nr_err err = { .msg = "" };
	uint32_t length = 0;

	if (nr_tls_read_full(s->tls, head, sizeof(head), WAIT_MS) < 0 ||
	    nr_message_head(head, &type, &length, &err) < 0 || length > sizeof(body) ||
	    nr_tls_read_full(s->tls, body, length, WAIT_MS) < 0 ||
	    nr_message_read(type, (struct nr_bytes){ body, length }, message, &err) < 0)
		die("cannot read", &err);
	if (message->type == NR_MESSAGE_REFUSE)
		die(message->refuse.words, NULL);
}

static void read_acks(struct sender *s)
{
	struct nr_message message;
	int64_t now;

	read_message(s, &message);
	now = nr_mono_now().ns;
	if (message.type != NR_MESSAGE_ACK)
		die("something else than an ACK", NULL);
	for (; s->acked < message.ack.seq; s->acked++)
		if (s->n_times < TIMES_MAX)
			s->times[s->n_times++] = now -
						 s->sent_ns[(s->acked + 1) % NR_MESSAGE_WINDOW];
}

static bool has_input(struct sender *s, int timeout_ms)
{
	struct pollfd wait = { .fd = nr_tls_fd(s->tls), .events = POLLIN };

	return nr_tls_pending(s->tls) > 0 || poll(&wait, 1, timeout_ms) > 0;
}

static void send_batch(struct sender *s)
{
	struct nr_message message = { .type = NR_MESSAGE_BATCH,
				      .batch = { .epoch = 1700000000,
						 .seq = ++s->sent,
						 .previous = s->previous,
						 .payload = { s->bench->payload.p,
							      s->bench->payload.n } } };

	s->sent_ns[s->sent % NR_MESSAGE_WINDOW] = nr_mono_now().ns;
	s->previous = nr_message_digest(&message.batch);
	send_message(s, &message);
}

static void talk(struct sender *s)
{
	int64_t interval = s->bench->rate > 0 ? NR_NS_PER_S / s->bench->rate : 0;
	int64_t due = nr_mono_now().ns + interval * s->number / s->bench->n_sensors;

	while (nr_mono_now().ns < s->bench->until_ns) {
		int64_t left = (due - nr_mono_now().ns) / 1000000;

		while (s->sent - s->acked >= NR_MESSAGE_WINDOW - 1 ||
		       has_input(s, left > 0 ? (int)left : 0)) {
			read_acks(s);
			left = (due - nr_mono_now().ns) / 1000000;
		}
		if (nr_mono_now().ns < due)
			continue;
		send_batch(s);
		due += interval;
		if (interval == 0)
			due = 0;
	}
	while (s->acked < s->sent)
		read_acks(s);
}

static void join_hub(struct sender *s)
{
	struct nr_message message = { .type = NR_MESSAGE_HELLO,
				      .hello = { .program = "bench", .epoch = 1, .next_seq = 1 } };
	char identity[NR_PKI_IDENTITY_TEXT], where[64];
	struct nr_pki_wish wish = { .purpose = NR_PKI_CLIENT,
				    .name = "sensor",
				    .identity = identity,
				    .now = nr_time_now(),
				    .valid_s = 86400 };
	struct nr_tls_options options = { .authority =
						  nr_buf_str(&s->bench->authority.certificate) };
	struct nr_tls_context *context;
	struct nr_pki_pair pair;
	struct nr_err err = { .msg = "" };
	int fd;

	nr_pki_identity_print("sensor", nr_uuid_new(), identity);
	if (nr_pki_make(&wish, &s->bench->authority, &pair, &err) < 0)
		die("sensor", &err);
	options.certificate = nr_buf_str(&pair.certificate);
	options.key = nr_buf_str(&pair.key);
	(void)snprintf(where, sizeof(where), "127.0.0.1:%u", nr_ingest_port(s->bench->ingest));
	fd = nr_net_connect(where, WAIT_MS, &err);
	if (fd < 0 || nr_tls_context_new(&options, &context, &err) < 0 ||
	    nr_tls_open(context, fd, "127.0.0.1", WAIT_MS, &s->tls, &err) < 0)
		die("connect", &err);
	message.hello.clock_ns = nr_time_now().ns;
	send_message(s, &message);
	read_message(s, &message);
}

static void *send_thread(void *arg)
{
	struct sender *s = arg;
	struct rusage usage;

	talk(s);
	if (getrusage(RUSAGE_THREAD, &usage) == 0)
		s->cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	return NULL;
}

/* ---- the figures ---- */

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double ms_at(const int64_t *times, size_t n, double share)
{
	return n > 0 ? (double)times[(size_t)((double)(n - 1) * share)] / 1e6 : 0;
}

static void report(const struct bench *b, struct sender *senders, double seconds)
{
	static int64_t times[SENSORS_MAX * TIMES_MAX];
	struct rusage usage;
	double sender_s = 0, all_s = 0;
	uint64_t acked = 0;
	size_t n = 0;

	for (unsigned i = 0; i < b->n_sensors; i++) {
		acked += senders[i].acked;
		sender_s += senders[i].cpu_s;
		memcpy(times + n, senders[i].times, senders[i].n_times * sizeof(times[0]));
		n += senders[i].n_times;
	}
	qsort(times, n, sizeof(times[0]), compare_times);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		all_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	printf("sensors %u, rows a batch %u, bytes a batch %zu (%.1f an observation)\n",
	       b->n_sensors, b->rows, b->payload.n, (double)b->payload.n / b->rows);
	printf("acknowledged %llu batches in %.2f s: %.0f observations/s, %.1f MB/s\n",
	       (unsigned long long)acked, seconds, (double)acked * b->rows / seconds,
	       (double)acked * (double)b->payload.n / seconds / 1e6);
	printf("ack p50 %.1f ms, p99 %.1f ms, max %.1f ms\n", ms_at(times, n, 0.5),
	       ms_at(times, n, 0.99), ms_at(times, n, 1));
	printf("processor: hub %.2f s (%.0f ns an observation), senders %.2f s, of %.2f s\n",
	       all_s - sender_s, (all_s - sender_s) * 1e9 / ((double)acked * b->rows), sender_s,
	       seconds);
	printf("resident %ld KiB\n", usage.ru_maxrss);
}

static unsigned argument(int argc, char **argv, int i, unsigned otherwise, unsigned most)
{
	uint64_t v = otherwise;

	if (i < argc && nr_str_u64(nr_str_from(argv[i]), 0, most, &v) < 0)
		die("a number, please", NULL);
	return (unsigned)v;
}

static void remove_all(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	char path[4096];

	while (d != NULL && (e = readdir(d)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		(void)unlink(path);
	}
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(dir);
}

int main(int argc, char **argv)
{
	static struct sender senders[SENSORS_MAX];
	struct bench b = { .n_sensors = argument(argc, argv, 2, 4, SENSORS_MAX),
			   .rows = argument(argc, argv, 3, 20000, NR_BATCH_ROWS),
			   .seconds = argument(argc, argv, 4, 10, 3600),
			   .rate = argument(argc, argv, 5, 0, 1000) };
	pthread_t committer;
	char dir[4096];
	int64_t begin;

	if (argc < 2 || nr_crypt_init() < 0)
		die("usage", NULL);
	(void)snprintf(dir, sizeof(dir), "%s/bench-ingest-XXXXXX", argv[1]);
	b.dir = mkdtemp(dir);
	if (b.dir == NULL)
		die("cannot make a directory there", NULL);
	encode(&b);
	hub_open(&b);
	if (pthread_create(&committer, NULL, commit_thread, &b) != 0)
		die("no thread", NULL);
	for (unsigned i = 0; i < b.n_sensors; i++) {
		senders[i] = (struct sender){ .bench = &b,
					      .number = i,
					      .times = calloc(TIMES_MAX, sizeof(int64_t)) };
		join_hub(&senders[i]);
	}
	begin = nr_mono_now().ns;
	b.until_ns = begin + b.seconds * NR_NS_PER_S;
	for (unsigned i = 0; i < b.n_sensors; i++)
		if (pthread_create(&senders[i].thread, NULL, send_thread, &senders[i]) != 0)
			die("no thread", NULL);
	for (unsigned i = 0; i < b.n_sensors; i++)
		(void)pthread_join(senders[i].thread, NULL);
	report(&b, senders, (double)(nr_mono_now().ns - begin) / 1e9);
	atomic_store(&b.stop, true);
	(void)pthread_join(committer, NULL);
	nr_ingest_free(b.ingest);
	nr_journal_close(b.journal);
	nr_ledger_free(b.ledger);
	remove_all(b.dir);
	return 0;
}
