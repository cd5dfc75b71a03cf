/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: what is written is read, deadlines hold, ends are told apart; and other programs as peers. */
#include <spawn.h>
#include <sys/wait.h>

#include "base/test_tls.h"

enum { LARGE = 20 << 20 };

static struct {
	struct nr_pki_pair authority, hub, sensor;
	struct nr_tls_context *server, *client;
} world;

static int setup(void **state)
{
	struct nr_pki_wish hub = tls_wish(NR_PKI_SERVER), sensor = tls_wish(NR_PKI_CLIENT);
	struct nr_tls_options options = { .server = true, .now = tls_now };

	(void)state;
	world.authority = tls_authority("authority");
	world.hub = tls_pair(&hub, &world.authority);
	world.sensor = tls_pair(&sensor, &world.authority);
	options.authority = nr_buf_str(&world.authority.certificate);
	options.certificate = nr_buf_str(&world.hub.certificate);
	options.key = nr_buf_str(&world.hub.key);
	assert_int_equal(nr_tls_context_new(&options, &world.server, NULL), 0);
	options.server = false;
	options.certificate = nr_buf_str(&world.sensor.certificate);
	options.key = nr_buf_str(&world.sensor.key);
	assert_int_equal(nr_tls_context_new(&options, &world.client, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	nr_tls_context_free(world.server);
	nr_tls_context_free(world.client);
	nr_pki_pair_done(&world.authority);
	nr_pki_pair_done(&world.hub);
	nr_pki_pair_done(&world.sensor);
	return 0;
}

/* ---- two ends in one process ---- */

struct ends {
	struct nr_tls *server, *client;
	int fd; /* of the server's socket */
};

static void *open_server(void *arg)
{
	struct ends *ends = arg;

	if (nr_tls_open(world.server, ends->fd, NULL, TLS_WAIT_MS, &ends->server, NULL) < 0)
		ends->server = NULL;
	return NULL;
}

static struct ends open_ends(void)
{
	struct ends ends = { NULL, NULL, -1 };
	pthread_t thread;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ends.fd = pair[0];
	assert_int_equal(pthread_create(&thread, NULL, open_server, &ends), 0);
	assert_int_equal(nr_tls_open(world.client, pair[1], "127.0.0.1", TLS_WAIT_MS, &ends.client,
				     NULL),
			 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_non_null(ends.server);
	assert_string_equal(nr_tls_peer(ends.server)->identity, TLS_SENSOR);
	assert_string_equal(nr_tls_peer(ends.client)->identity, TLS_HUB);
	return ends;
}

static void close_ends(struct ends *ends)
{
	nr_tls_free(ends->client);
	nr_tls_free(ends->server);
}

static void *write_large(void *arg)
{
	struct ends *ends = arg;
	uint8_t *bytes = malloc(LARGE);

	for (size_t i = 0; bytes != NULL && i < LARGE; i++)
		bytes[i] = (uint8_t)(i * 31 >> 8);
	if (bytes == NULL || nr_tls_write(ends->client, bytes, LARGE, TLS_WAIT_MS) < 0)
		nr_tls_end(ends->client);
	free(bytes);
	return NULL;
}

static void what_is_written_is_read(void **state)
{
	struct ends ends = open_ends();
	uint8_t *bytes = malloc(LARGE);
	pthread_t thread;

	(void)state;
	assert_non_null(bytes);
	assert_int_equal(pthread_create(&thread, NULL, write_large, &ends), 0);
	assert_int_equal(nr_tls_read_full(ends.server, bytes, LARGE, TLS_WAIT_MS), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (size_t i = 0; i < LARGE; i++)
		assert_true(bytes[i] == (uint8_t)(i * 31 >> 8));
	free(bytes);
	close_ends(&ends);
}

static void reading_gives_up_at_its_deadline(void **state)
{
	struct ends ends = open_ends();
	int64_t begin = nr_mono_now().ns;
	char bytes[2];

	(void)state;
	assert_int_equal(nr_tls_read(ends.server, bytes, 1, 0), -ETIMEDOUT);
	assert_int_equal(nr_tls_read(ends.server, bytes, 1, -1), -ETIMEDOUT);
	assert_int_equal(nr_tls_read(ends.server, bytes, 1, 50), -ETIMEDOUT);
	assert_int_equal(nr_tls_write(ends.client, "a", 1, 1000), 0);
	assert_int_equal(nr_tls_read_full(ends.server, bytes, 2, 50), -ETIMEDOUT);
	assert_true(nr_mono_now().ns - begin >= 100 * 1000000);
	assert_int_equal(nr_tls_write(ends.client, "bc", 2, 1000), 0);
	assert_int_equal(nr_tls_read(ends.server, bytes, 1, 1000), 1);
	assert_int_equal(nr_tls_pending(ends.server), 1);
	assert_int_equal(nr_tls_read(ends.server, bytes, 2, 0), 1);
	close_ends(&ends);
}

static void writing_gives_up_at_its_deadline_and_the_stream_with_it(void **state)
{
	struct ends ends = open_ends();
	static uint8_t bytes[4 << 20];

	(void)state;
	assert_int_equal(nr_tls_write(ends.client, bytes, sizeof(bytes), 50), -ETIMEDOUT);
	assert_int_equal(nr_tls_write(ends.client, bytes, 1, 50), -ECONNRESET);
	close_ends(&ends);
}

static void a_goodbye_is_told_from_a_cut_line(void **state)
{
	struct ends ends = open_ends();
	char byte;

	(void)state;
	nr_tls_end(ends.client);
	assert_int_equal(nr_tls_read(ends.server, &byte, 1, 1000), 0);
	assert_int_equal(nr_tls_write(ends.server, "x", 1, 1000), 0); /* the other way goes on */
	assert_int_equal(nr_tls_read(ends.client, &byte, 1, 1000), 1);
	close_ends(&ends);

	ends = open_ends();
	assert_int_equal(shutdown(nr_tls_fd(ends.client), SHUT_RDWR), 0);
	assert_int_equal(nr_tls_read(ends.server, &byte, 1, 1000), -ECONNRESET);
	close_ends(&ends);

	ends = open_ends();
	nr_tls_end(ends.client);
	assert_int_equal(nr_tls_read_full(ends.server, &byte, 1, 1000), -ECONNRESET);
	close_ends(&ends);
}

static void a_changed_bit_ends_the_stream(void **state)
{
	struct ends ends = open_ends();
	char byte;

	(void)state;
	assert_int_equal(send(nr_tls_fd(ends.client),
			      "\x17\x03\x03\x00\x16"
			      "0123456789abcdef012345",
			      27, MSG_NOSIGNAL),
			 27);
	assert_int_equal(nr_tls_read(ends.server, &byte, 1, 1000), -EPROTO);
	close_ends(&ends);
}

/* ---- plain TCP ---- */

static void addresses_have_a_form(void **state)
{
	static const char *const bad[] = { "",
					   "127.0.0.1",
					   ":1",
					   "::1:80",
					   "[::1]",
					   "127.0.0.1:x",
					   "127.0.0.1:65536",
					   "[]:1",
					   "127.0.0.1:",
					   "127.0.0.1:-1" };
	struct nr_err err;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(bad); i++) {
		assert_int_equal(nr_net_connect(bad[i], 100, &err), -EINVAL);
		assert_int_equal(nr_net_listen(bad[i], &port, &err), -EINVAL);
	}
}

static void a_port_is_chosen_and_reached_or_refused(void **state)
{
	struct nr_err err;
	char where[32];
	uint16_t port;
	int fd, to;

	(void)state;
	fd = nr_net_listen("127.0.0.1:0", &port, &err);
	assert_true(fd >= 0 && port > 0);
	(void)snprintf(where, sizeof(where), "127.0.0.1:%u", port);
	to = nr_net_connect(where, 1000, &err);
	assert_true(to >= 0);
	(void)close(to);
	(void)close(fd);
	assert_int_equal(nr_net_connect(where, 1000, &err), -ECONNREFUSED);
}

/* ---- other programs ---- */

static void write_file(const char *path, const struct nr_buf *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text->p, 1, text->n, file), text->n);
	assert_int_equal(fclose(file), 0);
}

/* Run a program with "y" as its input. @return its exit status; 127 when it is not there */
static int run(char *const argv[])
{
	posix_spawn_file_actions_t actions;
	extern char **environ;
	int in[2], status = 0;
	pid_t pid;

	assert_int_equal(pipe(in), 0);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	(void)posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	(void)posix_spawn_file_actions_addclose(&actions, in[1]);
	(void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	(void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	nr_require(argv[0] != NULL);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) != 0)
		status = 127 << 8;
	(void)close(in[0]);
	if (status == 0) {
		assert_int_equal(write(in[1], "y", 1), 1);
		(void)usleep(200000); /* they end at the end of their input, heard or not */
		(void)close(in[1]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	} else {
		(void)close(in[1]);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct foreign_case {
	const char *name, *argv[12]; /* PORT, AT, CRT, KEY are put in */
	bool good;
};

static const struct foreign_case foreign[] = {
	{ "openssl with its certificate",
	  { "openssl", "s_client", "-connect", "AT", "-tls1_3", "-cert", "CRT", "-key", "KEY" },
	  true },
	{ "openssl without one", { "openssl", "s_client", "-connect", "AT", "-tls1_3" }, false },
	{ "openssl with TLS 1.2",
	  { "openssl", "s_client", "-connect", "AT", "-tls1_2", "-cert", "CRT", "-key", "KEY" },
	  false },
	{ "openssl with a cipher of 1.2",
	  { "openssl", "s_client", "-connect", "AT", "-no_tls1_3", "-cert", "CRT", "-key", "KEY" },
	  false },
	{ "gnutls-cli with its certificate",
	  { "gnutls-cli", "--insecure", "--no-ca-verification", "-p", "PORT", "--x509certfile",
	    "CRT", "--x509keyfile", "KEY", "127.0.0.1" },
	  true },
	{ "gnutls-cli without one",
	  { "gnutls-cli", "--insecure", "--no-ca-verification", "-p", "PORT", "127.0.0.1" },
	  false },
};

static void put_in(const struct foreign_case *c, char *const words[][2], char *argv[13])
{
	size_t n = 0;

	for (; n < NR_COUNT(c->argv) && c->argv[n] != NULL; n++) {
		argv[n] = (char *)(uintptr_t)c->argv[n];
		for (size_t w = 0; w < 4; w++)
			if (strcmp(argv[n], words[w][0]) == 0)
				argv[n] = words[w][1];
	}
	argv[n] = NULL;
}

static void other_programs_are_served_and_refused_alike(void **state)
{
	struct nr_tls_options options = { .server = true,
					  .authority = nr_buf_str(&world.authority.certificate),
					  .certificate = nr_buf_str(&world.hub.certificate),
					  .key = nr_buf_str(&world.hub.key),
					  .now = tls_now,
					  .peer_kind = "sensor" };
	struct tls_server server = tls_server_new(&options);
	char dir[] = "/tmp/nr-tls-XXXXXX", crt[64], key[64], port[8], at[32];
	char *const words[][2] = { { "CRT", crt }, { "KEY", key }, { "PORT", port }, { "AT", at } };
	unsigned n_run = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(crt, sizeof(crt), "%s/crt", dir);
	(void)snprintf(key, sizeof(key), "%s/key", dir);
	(void)snprintf(port, sizeof(port), "%u", server.port);
	(void)snprintf(at, sizeof(at), "127.0.0.1:%u", server.port);
	write_file(crt, &world.sensor.certificate);
	write_file(key, &world.sensor.key);
	server.timeout_ms = 3000;
	for (size_t i = 0; i < NR_COUNT(foreign); i++) {
		char *argv[13];

		put_in(&foreign[i], words, argv);
		tls_server_start(&server);
		if (run(argv) == 127) {
			(void)close(tls_plain(server.port)); /* it waits for somebody */
			tls_server_wait(&server);
			print_message("# %s: not here\n", argv[0]);
			continue;
		}
		tls_server_wait(&server);
		n_run++;
		if (server.open != foreign[i].good)
			fail_msg("%s: %s", foreign[i].name, server.err.msg);
	}
	tls_server_done(&server);
	(void)unlink(crt);
	(void)unlink(key);
	(void)rmdir(dir);
	if (n_run == 0)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(reading_gives_up_at_its_deadline),
		cmocka_unit_test(writing_gives_up_at_its_deadline_and_the_stream_with_it),
		cmocka_unit_test(a_goodbye_is_told_from_a_cut_line),
		cmocka_unit_test(a_changed_bit_ends_the_stream),
		cmocka_unit_test(addresses_have_a_form),
		cmocka_unit_test(a_port_is_chosen_and_reached_or_refused),
		cmocka_unit_test(other_programs_are_served_and_refused_alike),
	};

	if (nr_crypt_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
