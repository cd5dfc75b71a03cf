/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/ingest/ingest.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/inet.h"
#include "base/log.h"
#include "serve/ingest/ingest_int.h"

enum { STACK = 512 << 10, BACKOFF_MS = 100, V6_NETWORK = 8 };
#define ALIVE_NS (30 * NR_NS_PER_S)

const char *const nr_ingest_count_names[] = {
	[NR_INGEST_ACCEPTED] = "accepted",
	[NR_INGEST_REFUSED_FULL] = "refused_full",
	[NR_INGEST_REFUSED_ADDRESS] = "refused_address",
	[NR_INGEST_REFUSED_RESOURCES] = "refused_resources",
	[NR_INGEST_REFUSED_IDENTITY] = "refused_identity",
	[NR_INGEST_REFUSED_PROTOCOL] = "refused_protocol",
	[NR_INGEST_REFUSED_SLOW] = "refused_slow",
	[NR_INGEST_REFUSED_REVOKED] = "refused_revoked",
	[NR_INGEST_REFUSED_TWIN] = "refused_twin",
	[NR_INGEST_REFUSED_VERSION] = "refused_version",
	[NR_INGEST_REFUSED_STOPPING] = "refused_stopping",
	[NR_INGEST_SESSIONS_BEGUN] = "sessions_begun",
	[NR_INGEST_BATCHES] = "batches",
	[NR_INGEST_OBSERVATIONS] = "observations",
	[NR_INGEST_BYTES] = "bytes",
	[NR_INGEST_HOLES] = "holes",
	[NR_INGEST_REPEATS] = "repeats",
	[NR_INGEST_OLD] = "old_repeats",
	[NR_INGEST_GAPS] = "gaps",
	[NR_INGEST_CONFLICTS] = "conflicts",
	[NR_INGEST_OLD_EPOCHS] = "old_epochs",
	[NR_INGEST_FUTURE_EPOCHS] = "future_epochs",
	[NR_INGEST_DAMAGED] = "damaged",
	[NR_INGEST_BUSY] = "busy",
	[NR_INGEST_ACKS] = "acks",
	[NR_INGEST_BEATS] = "beats",
	[NR_INGEST_RENEWALS] = "renewals",
	[NR_INGEST_TWIN_ALARMS] = "twin_alarms",
};
_Static_assert(NR_COUNT(nr_ingest_count_names) == NR_INGEST_COUNT_N, "each count has a name");

int64_t nr_ingest_now(const struct nr_ingest *ingest)
{
	const struct nr_ingest_options *o = &ingest->options;

	return o->now_ns != NULL ? o->now_ns(o->ctx) : nr_time_now().ns;
}

int64_t nr_ingest_mono(const struct nr_ingest *ingest)
{
	const struct nr_ingest_options *o = &ingest->options;

	return o->mono_ns != NULL ? o->mono_ns(o->ctx) : nr_mono_now().ns;
}

void nr_ingest_complain(struct nr_ingest *ingest, const struct nr_slot *slot, const char *words)
{
	int64_t minute = nr_mono_now().ns / (60 * NR_NS_PER_S) + 1;
	size_t oldest = 0;
	bool said = false;

	(void)pthread_mutex_lock(&ingest->said_lock);
	for (size_t i = 0; i < NR_COUNT(ingest->said) && !said; i++) {
		said = ingest->said[i].minute == minute &&
		       memcmp(ingest->said[i].address, slot->address, sizeof(slot->address)) == 0;
		if (ingest->said[i].minute < ingest->said[oldest].minute)
			oldest = i;
	}
	if (!said) {
		ingest->said[oldest].minute = minute;
		memcpy(ingest->said[oldest].address, slot->address, sizeof(slot->address));
	}
	(void)pthread_mutex_unlock(&ingest->said_lock);
	if (!said)
		nr_log(NR_LOG_WARNING, "ingest", "refused", "address=%s reason=\"%s\"",
		       slot->address_text, words);
}

/* ---- slots ---- */

static void wake(const struct nr_slot *slot)
{
	uint64_t one = 1;

	/* Full means that it was woken 2^64 times already. */
	if (write(slot->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void *session_thread(void *arg)
{
	struct nr_slot *slot = arg;

	nr_ingest_session(slot);
	atomic_store(&slot->wants, UINT64_MAX);
	(void)pthread_mutex_lock(&slot->ingest->slots_lock);
	slot->state = NR_SLOT_DONE;
	(void)pthread_mutex_unlock(&slot->ingest->slots_lock);
	return NULL;
}

/* Was it heard lately, and is its line not closed? Under the lock. */
static bool is_alive(const struct nr_slot *slot, int64_t now)
{
	struct pollfd line = { .fd = slot->fd, .events = POLLRDHUP };

	if (atomic_load(&slot->end) || atomic_load(&slot->leaving) || slot->fd < 0)
		return false;
	if (poll(&line, 1, 0) > 0 && (line.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
		return false;
	return now - atomic_load(&slot->heard_ns) < ALIVE_NS;
}

int nr_ingest_claim(struct nr_slot *slot, struct nr_uuid sensor)
{
	struct nr_ingest *ingest = slot->ingest;
	int64_t now = nr_ingest_mono(ingest);
	int ret = 0;

	(void)pthread_mutex_lock(&ingest->slots_lock);
	for (size_t i = 0; i < NR_COUNT(ingest->slots); i++) {
		struct nr_slot *other = &ingest->slots[i];

		if (other->state != NR_SLOT_SESSION || !nr_uuid_eq(other->sensor, sensor))
			continue;
		if (is_alive(other, now)) {
			atomic_store(&other->contested, true);
			ret = -EBUSY;
		} else {
			atomic_store(&other->end, true);
			wake(other);
		}
	}
	if (ret == 0) {
		slot->state = NR_SLOT_SESSION;
		slot->sensor = sensor;
		atomic_store(&slot->heard_ns, now);
	}
	(void)pthread_mutex_unlock(&ingest->slots_lock);
	return ret;
}

/* Threads that came to their end are waited for, which takes no time. */
static void reap(struct nr_ingest *ingest)
{
	for (size_t i = 0; i < NR_COUNT(ingest->slots); i++) {
		struct nr_slot *slot = &ingest->slots[i];
		bool done;

		(void)pthread_mutex_lock(&ingest->slots_lock);
		done = slot->state == NR_SLOT_DONE;
		(void)pthread_mutex_unlock(&ingest->slots_lock);
		if (!done)
			continue;
		(void)pthread_join(slot->thread, NULL);
		(void)pthread_mutex_lock(&ingest->slots_lock);
		slot->state = NR_SLOT_FREE;
		(void)pthread_mutex_unlock(&ingest->slots_lock);
	}
}

/* A slot for a peer at @p address, or the reason why there is none. */
static struct nr_slot *slot_take(struct nr_ingest *ingest, const uint8_t address[16],
				 enum nr_ingest_count *ret_reason)
{
	unsigned n_same = 0, n_handshakes = 0;
	struct nr_slot *slot = NULL;

	(void)pthread_mutex_lock(&ingest->slots_lock);
	for (size_t i = 0; i < NR_COUNT(ingest->slots); i++) {
		struct nr_slot *at = &ingest->slots[i];

		if (at->state == NR_SLOT_FREE) {
			slot = slot == NULL ? at : slot;
			continue;
		}
		n_same += memcmp(at->address, address, sizeof(at->address)) == 0;
		n_handshakes += at->state == NR_SLOT_HANDSHAKE;
	}
	*ret_reason = n_same >= NR_INGEST_PER_ADDRESS ? NR_INGEST_REFUSED_ADDRESS
						      : NR_INGEST_REFUSED_FULL;
	if (n_same >= NR_INGEST_PER_ADDRESS || n_handshakes >= NR_INGEST_HANDSHAKES)
		slot = NULL;
	if (slot != NULL) {
		slot->state = NR_SLOT_HANDSHAKE;
		memcpy(slot->address, address, sizeof(slot->address));
	}
	(void)pthread_mutex_unlock(&ingest->slots_lock);
	return slot;
}

static bool is_taken(struct nr_slot *slot)
{
	bool taken;

	(void)pthread_mutex_lock(&slot->ingest->slots_lock);
	taken = slot->state != NR_SLOT_FREE;
	(void)pthread_mutex_unlock(&slot->ingest->slots_lock);
	return taken;
}

static void slot_give_back(struct nr_slot *slot)
{
	(void)pthread_mutex_lock(&slot->ingest->slots_lock);
	slot->state = NR_SLOT_FREE;
	(void)pthread_mutex_unlock(&slot->ingest->slots_lock);
}

/* ---- accepting ---- */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

/* What limits count: an IPv4 address, or the network of an IPv6 address, which has as many as it likes. */
static void address_of(const union address *from, uint8_t key[16], char text[NR_INGEST_ADDRESS])
{
	struct nr_ip ip = nr_ip_v4(0);
	char printed[NR_IP_TEXT];

	if (from->any.sa_family == AF_INET6)
		memcpy(ip.b, &from->v6.sin6_addr, sizeof(ip.b));
	else
		ip = nr_ip_v4(ntohl(from->v4.sin_addr.s_addr));
	(void)nr_ip_print(ip, printed);
	(void)snprintf(text, NR_INGEST_ADDRESS, "%s", printed);
	memcpy(key, ip.b, 16);
	if (!nr_ip_is_v4(ip))
		memset(key + V6_NETWORK, 0, 16 - V6_NETWORK);
}

static int start_thread(struct nr_slot *slot)
{
	pthread_attr_t attr;
	int ret = pthread_attr_init(&attr);

	if (ret != 0)
		return -ret;
	ret = pthread_attr_setstacksize(&attr, STACK);
	if (ret == 0)
		ret = pthread_create(&slot->thread, &attr, session_thread, slot);
	(void)pthread_attr_destroy(&attr);
	return -ret;
}

static void start_session(struct nr_ingest *ingest, int fd, const union address *from)
{
	char text[NR_INGEST_ADDRESS];
	enum nr_ingest_count reason;
	struct nr_slot *slot;
	uint8_t address[16];
	int one = 1;

	address_of(from, address, text);
	slot = slot_take(ingest, address, &reason);
	if (slot == NULL) {
		nr_ingest_count(ingest, reason, 1);
		(void)close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* speed alone */
	slot->fd = fd;
	memcpy(slot->address_text, text, sizeof(text));
	atomic_store(&slot->end, false);
	atomic_store(&slot->leaving, false);
	atomic_store(&slot->contested, false);
	atomic_store(&slot->ask_revoked, false);
	atomic_store(&slot->wants, UINT64_MAX);
	if (start_thread(slot) < 0) {
		nr_ingest_count(ingest, NR_INGEST_REFUSED_RESOURCES, 1);
		slot_give_back(slot);
		(void)close(fd);
	}
}

/* No descriptor is left: the spare one is given up to take the peer and close it, so that it does not hang. */
static void accept_without_fd(struct nr_ingest *ingest)
{
	struct pollfd stop = { .fd = ingest->stop_fd, .events = POLLIN };
	int fd;

	nr_ingest_count(ingest, NR_INGEST_REFUSED_RESOURCES, 1);
	if (ingest->spare_fd >= 0)
		(void)close(ingest->spare_fd);
	fd = accept4(ingest->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		(void)close(fd);
	ingest->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)poll(&stop, 1, BACKOFF_MS);
}

static void accept_one(struct nr_ingest *ingest)
{
	union address from = { .any = { .sa_family = AF_UNSPEC } };
	socklen_t n = sizeof(from);
	int fd = accept4(ingest->listen_fd, &from.any, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		nr_ingest_count(ingest, NR_INGEST_ACCEPTED, 1);
		start_session(ingest, fd, &from);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		accept_without_fd(ingest);
	}
}

static void *accept_thread(void *arg)
{
	struct nr_ingest *ingest = arg;
	struct pollfd wait[2] = {
		{ .fd = ingest->stop_fd, .events = POLLIN },
		{ .fd = ingest->listen_fd, .events = POLLIN },
	};

	while (wait[0].revents == 0) {
		int ready = poll(wait, 2, 1000);

		reap(ingest);
		if (ready > 0 && wait[1].revents != 0)
			accept_one(ingest);
	}
	return NULL;
}

/* ---- life ---- */

static int open_fds(struct nr_ingest *ingest, struct nr_err *reterr)
{
	ingest->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ingest->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < NR_COUNT(ingest->slots); i++) {
		struct nr_slot *slot = &ingest->slots[i];

		slot->ingest = ingest;
		slot->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (slot->wake_fd < 0)
			return nr_fail(reterr, -errno, "ingest: %s", nr_err_text(-errno));
	}
	if (ingest->stop_fd < 0 || ingest->spare_fd < 0)
		return nr_fail(reterr, -EMFILE, "ingest: %s", nr_err_text(-EMFILE));
	return 0;
}

static int64_t now_s(void *ctx)
{
	return nr_time_floor_s((struct nr_time){ nr_ingest_now(ctx) });
}

static int start(struct nr_ingest *ingest, struct nr_err *reterr)
{
	const struct nr_ingest_options *o = &ingest->options;
	struct nr_tls_options tls = {
		.server = true,
		.authority = o->authority,
		.certificate = nr_buf_str(&o->hub->certificate),
		.key = nr_buf_str(&o->hub->key),
		.now = now_s,
		.now_ctx = ingest,
		.peer_kind = "sensor",
	};
	int ret = nr_ingest_known_init(ingest);

	if (ret < 0)
		return nr_fail(reterr, ret, "ingest: %s", nr_err_text(ret));
	ret = open_fds(ingest, reterr);
	if (ret == 0)
		ret = nr_tls_context_new(&tls, &ingest->tls, reterr);
	if (ret == 0)
		ret = nr_net_listen(o->listen, &ingest->port, reterr);
	if (ret < 0)
		return ret;
	ingest->listen_fd = ret;
	ret = pthread_create(&ingest->acceptor, NULL, accept_thread, ingest);
	if (ret != 0)
		return nr_fail(reterr, -ret, "ingest: %s", nr_err_text(-ret));
	ingest->accepting = true;
	return 0;
}

int nr_ingest_new(const struct nr_ingest_options *options, struct nr_ingest **ret_ingest,
		  struct nr_err *reterr)
{
	struct nr_ingest *ingest = calloc(1, sizeof(*ingest));
	int ret;

	if (ingest == NULL)
		return nr_fail(reterr, -ENOMEM, "ingest: %s", nr_err_text(-ENOMEM));
	ingest->options = *options;
	ingest->listen_fd = ingest->stop_fd = ingest->spare_fd = -1;
	for (size_t i = 0; i < NR_COUNT(ingest->slots); i++)
		ingest->slots[i].wake_fd = -1;
	(void)pthread_mutex_init(&ingest->slots_lock, NULL);
	(void)pthread_mutex_init(&ingest->known_lock, NULL);
	(void)pthread_mutex_init(&ingest->said_lock, NULL);
	atomic_store(&ingest->durable, nr_journal_durable(options->intake->journal));
	ret = start(ingest, reterr);
	if (ret < 0) {
		nr_ingest_free(ingest);
		return ret;
	}
	*ret_ingest = ingest;
	return 0;
}

static void wake_all(struct nr_ingest *ingest)
{
	for (size_t i = 0; i < NR_COUNT(ingest->slots); i++)
		wake(&ingest->slots[i]);
}

static void close_all(struct nr_ingest *ingest)
{
	const int fds[] = { ingest->listen_fd, ingest->stop_fd, ingest->spare_fd };

	for (size_t i = 0; i < NR_COUNT(fds); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	for (size_t i = 0; i < NR_COUNT(ingest->slots); i++)
		if (ingest->slots[i].wake_fd >= 0)
			(void)close(ingest->slots[i].wake_fd);
}

struct nr_ingest *nr_ingest_free(struct nr_ingest *ingest)
{
	uint64_t one = 1;

	if (ingest == NULL)
		return NULL;
	atomic_store(&ingest->stopping, true);
	if (ingest->accepting) {
		if (write(ingest->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one))
			(void)pthread_join(ingest->acceptor, NULL);
		wake_all(ingest);
		for (size_t i = 0; i < NR_COUNT(ingest->slots); i++)
			if (is_taken(&ingest->slots[i])) /* and nobody takes another */
				(void)pthread_join(ingest->slots[i].thread, NULL);
	}
	close_all(ingest);
	nr_tls_context_free(ingest->tls);
	nr_ingest_known_done(ingest);
	(void)pthread_mutex_destroy(&ingest->slots_lock);
	(void)pthread_mutex_destroy(&ingest->known_lock);
	(void)pthread_mutex_destroy(&ingest->said_lock);
	free(ingest);
	return NULL;
}

uint16_t nr_ingest_port(const struct nr_ingest *ingest)
{
	return ingest->port;
}

/* ---- orders ---- */

void nr_ingest_durable(struct nr_ingest *ingest, uint64_t at)
{
	atomic_store(&ingest->durable, at);
	for (size_t i = 0; i < NR_COUNT(ingest->slots); i++)
		if (atomic_load(&ingest->slots[i].wants) <= at)
			wake(&ingest->slots[i]);
}

void nr_ingest_full(struct nr_ingest *ingest, bool full)
{
	atomic_store(&ingest->full, full);
}

void nr_ingest_stop(struct nr_ingest *ingest)
{
	atomic_store(&ingest->stopping, true);
	wake_all(ingest);
}

void nr_ingest_revoked(struct nr_ingest *ingest)
{
	for (size_t i = 0; i < NR_COUNT(ingest->slots); i++)
		atomic_store(&ingest->slots[i].ask_revoked, true);
	wake_all(ingest);
}

void nr_ingest_counts(const struct nr_ingest *ingest, uint64_t ret_counts[NR_INGEST_COUNT_N])
{
	for (size_t i = 0; i < NR_INGEST_COUNT_N; i++)
		ret_counts[i] = atomic_load_explicit(&ingest->counts[i], memory_order_relaxed);
}

unsigned nr_ingest_sessions(struct nr_ingest *ingest)
{
	unsigned n = 0;

	(void)pthread_mutex_lock(&ingest->slots_lock);
	for (size_t i = 0; i < NR_COUNT(ingest->slots); i++)
		n += ingest->slots[i].state == NR_SLOT_SESSION;
	(void)pthread_mutex_unlock(&ingest->slots_lock);
	return n;
}
