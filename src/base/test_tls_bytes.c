/* SPDX-License-Identifier: Apache-2.0 */
/* What is not TLS, and handshakes that end anywhere or never: refused in time, and the next good peer is served. */
#include <poll.h>

#include "base/test_tls_world.h"

static const struct {
	const char *name;
	struct nr_str bytes;
	const char *words;
} plain[] = {
	{ "nothing", { "", 0 }, "went away" },
	{ "one byte", NR_STR("\x16"), "went away" },
	{ "an HTTP request", NR_STR("GET / HTTP/1.1\r\nHost: hub\r\n\r\n"), "" },
	{ "a message of ours without TLS",
	  NR_STR("\x18\x00\x00\x00\x01\x01\x00\x00"
		 "AAAAAAAABBBBBBBBCCCCCCCC"),
	  "" },
	{ "an SSH greeting", NR_STR("SSH-2.0-OpenSSH_9.2\r\n"), "" },
	{ "zeros", NR_STR("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "" },
	{ "an SSL 2 hello",
	  NR_STR("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80\x02\x00\x80\x03\x00\x80"
		 "\x04\x00\x80\x05\x00\x80\x06\x00\x40\x07\x00\xc0"
		 "0123456789abcdef"),
	  "" },
	{ "an alert", NR_STR("\x15\x03\x03\x00\x02\x02\x28"), "" },
	{ "application data first", NR_STR("\x17\x03\x03\x00\x05hello"), "" },
	{ "a record that is too long", NR_STR("\x16\x03\x01\xff\xff\x01\x00\x00\x00"), "" },
	{ "a record without content", NR_STR("\x16\x03\x01\x00\x00\x16\x03\x01\x00\x00"), "" },
	{ "a hello of 16 MiB", NR_STR("\x16\x03\x01\x00\x04\x01\xff\xff\xff"), "" },
	{ "a server's hello",
	  NR_STR("\x16\x03\x03\x00\x2c\x02\x00\x00\x28\x03\x03"
		 "0123456789abcdef0123456789abcdef\x00\x13\x01\x00\x00\x00"),
	  "" },
};

static void what_is_not_tls_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_COUNT(plain); i++) {
		int fd;

		tls_server_start(&world.server);
		fd = tls_plain(world.server.port);
		if (plain[i].bytes.n > 0)
			assert_int_equal(send(fd, plain[i].bytes.p, plain[i].bytes.n, MSG_NOSIGNAL),
					 (ssize_t)plain[i].bytes.n);
		(void)shutdown(fd, SHUT_WR); /* it may have hung up already */
		expect_refused(plain[i].name, plain[i].words, -1);
		(void)close(fd);
	}
}

/* Between a good client and the server: lets through so many bytes each way, then closes both. */
struct relay {
	int left, right; /* sockets */
	size_t limit[2]; /* to the server, to the client */
	size_t seen[2];
	int pause_ms; /* between bytes to the server; 0: none */
	pthread_t thread;
};

static bool relay_some(struct relay *r, int from, int to, int way)
{
	uint8_t buf[4096];
	size_t want = nr_min_size(sizeof(buf), r->limit[way] - r->seen[way]);
	ssize_t n;

	if (r->pause_ms > 0 && way == 0) {
		(void)poll(NULL, 0, r->pause_ms);
		want = 1;
	}
	n = want > 0 ? recv(from, buf, want, 0) : 0;
	if (n <= 0 || send(to, buf, (size_t)n, MSG_NOSIGNAL) != n)
		return false;
	r->seen[way] += (size_t)n;
	return r->seen[way] < r->limit[way];
}

static void *relay_run(void *arg)
{
	struct relay *r = arg;
	struct pollfd wait[2] = { { .fd = r->left, .events = POLLIN },
				  { .fd = r->right, .events = POLLIN } };
	bool going = r->limit[0] > 0 && r->limit[1] > 0;

	while (going && poll(wait, 2, TLS_WAIT_MS) > 0) {
		if (wait[0].revents != 0)
			going = relay_some(r, r->left, r->right, 0);
		if (going && wait[1].revents != 0)
			going = relay_some(r, r->right, r->left, 1);
	}
	(void)close(r->left);
	(void)close(r->right);
	return NULL;
}

/* A good client through a relay. @return what the client got */
static int talk_through(struct relay *r)
{
	struct nr_err err;
	int pair[2], ret;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	tls_server_start(&world.server);
	r->left = pair[1];
	r->right = tls_plain(world.server.port);
	assert_int_equal(pthread_create(&r->thread, NULL, relay_run, r), 0);
	ret = tls_talk(world.good, pair[0], "127.0.0.1", &err);
	assert_int_equal(pthread_join(r->thread, NULL), 0);
	tls_server_wait(&world.server);
	return ret;
}

static void a_handshake_cut_at_any_byte_harms_nobody(void **state)
{
	struct relay whole = { .limit = { SIZE_MAX, SIZE_MAX } };

	(void)state;
	assert_int_equal(talk_through(&whole), 0);
	for (int way = 0; way < 2; way++)
		for (size_t cut = 0; cut + 64 < whole.seen[way];
		     cut++) { /* the end is the byte and goodbye */
			struct relay r = { .limit = { SIZE_MAX, SIZE_MAX } };

			r.limit[way] = cut;
			assert_true(talk_through(&r) < 0);
			assert_true(world.server.ret <= 0);
		}
	serve_a_good_one("a cut handshake");
}

static void a_handshake_byte_by_byte_ends_at_its_deadline(void **state)
{
	struct relay r = { .limit = { SIZE_MAX, SIZE_MAX }, .pause_ms = 5 };
	int64_t begin = nr_mono_now().ns;

	(void)state;
	world.server.timeout_ms = 300;
	assert_true(talk_through(&r) < 0);
	world.server.timeout_ms = 5000;
	assert_false(world.server.open);
	assert_int_equal(world.server.ret, -ETIMEDOUT);
	assert_true(nr_mono_now().ns - begin < 3 * NR_NS_PER_S);
	serve_a_good_one("a slow handshake");
}

static void a_line_that_stays_silent_ends_at_its_deadline(void **state)
{
	int fd;

	(void)state;
	world.server.timeout_ms = 100;
	tls_server_start(&world.server);
	fd = tls_plain(world.server.port);
	tls_server_wait(&world.server);
	world.server.timeout_ms = 5000;
	assert_int_equal(world.server.ret, -ETIMEDOUT);
	(void)close(fd);
	serve_a_good_one("a silent line");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_tls_is_refused),
		cmocka_unit_test(a_handshake_cut_at_any_byte_harms_nobody),
		cmocka_unit_test(a_handshake_byte_by_byte_ends_at_its_deadline),
		cmocka_unit_test(a_line_that_stays_silent_ends_at_its_deadline),
	};

	if (nr_crypt_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
