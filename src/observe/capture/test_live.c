/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live capture on a veth pair in a network namespace that belongs to this process and goes with it.
 * Needs root and ip(8); skipped by name without them.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/cursor.h"
#include "observe/capture/capture.h"

enum {
	HEADERS = 14 + 20 + 8, /* Ethernet, IPv4, UDP */
	TRIES = 200,	       /* waits of WAIT_MS before a test gives up */
	WAIT_MS = 100,
	N_SHARED = 5000,
	PART = 250, /* frames sent at once; the kernel queues 1,000 between the ends of a pair */
};

extern char **environ;

static int run(char *const argv[])
{
	int status = -1;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
		return -1;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool namespace_ready;

/** A namespace with veth nr0 - nr1 and loopback, and nobody who talks in it but us. */
static int namespace_begin(void **state)
{
	char *const link[] = { "ip",   "link", "add",  "nr0", "type",
			       "veth", "peer", "name", "nr1", NULL };
	char *const ups[][6] = {
		{ "ip", "link", "set", "nr0", "up", NULL },
		{ "ip", "link", "set", "nr1", "up", NULL },
		{ "ip", "link", "set", "lo", "up", NULL },
	};

	(void)state;
	if (unshare(CLONE_NEWNET) != 0)
		return 0;
	(void)write_text("/proc/sys/net/ipv6/conf/all/disable_ipv6",
			 "1"); /* may be built without */
	(void)write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	namespace_ready = run(link) == 0;
	for (size_t i = 0; i < NR_COUNT(ups); i++)
		namespace_ready = namespace_ready && run(ups[i]) == 0;
	return 0;
}

static void need_namespace(void)
{
	if (!namespace_ready) {
		print_message("# no network namespace: not root, or no ip(8)\n");
		skip();
	}
}

static struct nr_capture *open_live(struct nr_capture_options opt)
{
	struct nr_capture *capture = NULL;
	struct nr_err err = { 0 };

	if (nr_capture_open(&opt, &capture, &err) < 0)
		fail_msg("%s", err.msg);
	return capture;
}

static int sender_open(const char *interface)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(interface) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/** An Ethernet frame of IPv4 UDP with a number in its payload. @return its length */
static size_t frame_make(uint8_t *out, uint32_t number, uint16_t port, size_t payload)
{
	static const uint8_t head[HEADERS] = { 2, 0, 0,	   0, 0, 1, 2,	 0,  0,	  0, 0, 2,
					       8, 0, 0x45, 0, 0, 0, 0,	 0,  0,	  0, 9, 17,
					       0, 0, 192,  0, 2, 1, 198, 51, 100, 7 };
	uint16_t ip_len = htons((uint16_t)(28 + payload)), udp_len = htons((uint16_t)(8 + payload));
	uint16_t from = htons((uint16_t)(1024 + number % 50000)), to = htons(port);

	memset(out, 0, HEADERS + payload);
	memcpy(out, head, HEADERS);
	memcpy(out + 16, &ip_len, 2);
	memcpy(out + 34, &from, 2);
	memcpy(out + 36, &to, 2);
	memcpy(out + 38, &udp_len, 2);
	memcpy(out + HEADERS, &number, 4);
	return HEADERS + payload;
}

/** Frames with the numbers [from, from + n). */
static void send_frames(int fd, uint32_t from, uint32_t n, uint16_t port, size_t payload)
{
	uint8_t frame[2000];

	for (uint32_t i = from; i < from + n; i++) {
		size_t len = frame_make(frame, i, port, payload);

		assert_int_equal(send(fd, frame, len, 0), len);
	}
}

/**
 * Send so that the queue between the two ends, which drops without a counter of ours, never fills:
 * after each part wait until the capture's kernel side has seen it.
 */
static void send_paced(struct nr_capture *capture, int fd, uint32_t n, size_t payload)
{
	struct nr_capture_stats stats;

	for (uint32_t at = 0; at < n; at += PART) {
		send_frames(fd, at, PART, 9, payload);
		do {
			sched_yield();
			nr_capture_stats(capture, &stats);
		} while (stats.kernel_received < at + PART);
	}
}

/** Wait until @p want frames came; more than that is a failure. The block holds the last ones. */
static void receive(struct nr_capture *capture, struct nr_block *block, size_t want)
{
	size_t n = 0;

	for (int i = 0; i < TRIES && n < want; i++) {
		struct nr_err err = { 0 };

		if (nr_capture_next(capture, block, WAIT_MS, &err) < 0)
			fail_msg("%s", err.msg);
		n += block->n;
	}
	assert_int_equal(n, want);
}

static void every_frame_arrives_once_whole_and_in_order(void **state)
{
	struct nr_capture_stats stats;
	struct nr_block *block;
	uint32_t n = 0;
	int64_t last = 0;

	(void)state;
	need_namespace();
	nr_auto(nr_capture) capture =
		open_live((struct nr_capture_options){ .interface = "nr1", .promiscuous = true });
	assert_int_equal(nr_block_new(&block), 0);
	int fd = sender_open("nr0");
	send_paced(capture, fd, 5000, 100);
	for (int i = 0; i < TRIES && n < 5000; i++) {
		assert_int_equal(nr_capture_next(capture, block, WAIT_MS, NULL), 0);
		for (size_t k = 0; k < block->n; k++, n++) {
			const struct nr_frame *frame = &block->frames[k];
			uint8_t want[2000];

			assert_int_equal(frame->link, 1);
			assert_int_equal(frame->caplen, frame_make(want, n, 9, 100));
			assert_int_equal(frame->wirelen, frame->caplen);
			assert_memory_equal(frame->data, want, frame->caplen);
			assert_true(frame->ts >= last &&
				    frame->ts > INT64_C(1500000000) * NR_NS_PER_S);
			last = frame->ts;
		}
	}
	assert_int_equal(n, 5000);
	nr_capture_stats(capture, &stats);
	assert_int_equal(stats.frames, 5000);
	assert_int_equal(stats.bytes_captured, 5000 * (HEADERS + 100));
	assert_int_equal(stats.kernel_received, 5000);
	assert_int_equal(stats.kernel_dropped, 0);
	assert_int_equal(stats.bytes_total, 0);
	close(fd);
	nr_block_free(block);
}

static void the_kernel_passes_only_what_the_filter_says(void **state)
{
	struct nr_capture_stats stats;
	struct nr_block *block;

	(void)state;
	need_namespace();
	nr_auto(nr_capture) capture = open_live((struct nr_capture_options){
		.interface = "nr1", .filter = "udp dst port 53 and dst net 198.51.100.0/24" });
	assert_int_equal(nr_block_new(&block), 0);
	int fd = sender_open("nr0");
	send_frames(fd, 0, 300, 9, 100);
	send_frames(fd, 0, 200, 53, 100);
	send_frames(fd, 0, 300, 54, 100);
	receive(capture, block, 200);
	nr_capture_stats(capture, &stats);
	assert_int_equal(stats.kernel_received, 200);
	close(fd);
	nr_block_free(block);
}

static void wrong_interfaces_and_filters_are_named(void **state)
{
	static const struct {
		const char *interface, *filter;
		int code;
		const char *msg;
	} cases[] = {
		{ "absent0", NULL, -ENODEV, "interface absent0: no such interface: " },
		{ "a-name-that-is-too-long-for-linux", NULL, -ENODEV, "no such interface" },
		{ "nr1", "port", NR_EUSAGE, "interface nr1: filter \"port\": " },
	};

	(void)state;
	need_namespace();
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_capture_options opt = { .interface = cases[i].interface,
						  .filter = cases[i].filter };
		struct nr_capture *capture = NULL;
		struct nr_err err = { 0 };

		assert_int_equal(nr_capture_open(&opt, &capture, &err), cases[i].code);
		assert_non_null(strstr(err.msg, cases[i].msg));
		assert_null(capture);
	}
}

/** @p n tags before the EtherType. */
static size_t tag(uint8_t *frame, size_t len, const uint16_t *types, const uint16_t *ids, size_t n)
{
	memmove(frame + 12 + 4 * n, frame + 12, len - 12);
	for (size_t i = 0; i < n; i++) {
		uint16_t type = htons(types[i]), id = htons(ids[i]);

		memcpy(frame + 12 + 4 * i, &type, 2);
		memcpy(frame + 14 + 4 * i, &id, 2);
	}
	return len + 4 * n;
}

static void vlan_tags_that_the_kernel_takes_out_are_put_back(void **state)
{
	static const struct {
		uint16_t types[2], ids[2];
		size_t n;
	} cases[] = {
		{ { 0x8100 }, { 7 }, 1 },
		{ { 0x8100 }, { 0xe00a }, 1 }, /* priority 7 */
		{ { 0x88a8, 0x8100 }, { 20, 7 }, 2 },
	};
	static const char *const filters[] = { NULL, "vlan" };

	(void)state;
	need_namespace();
	for (size_t f = 0; f < NR_COUNT(filters); f++) {
		struct nr_block *block;
		nr_auto(nr_capture) capture = open_live(
			(struct nr_capture_options){ .interface = "nr1", .filter = filters[f] });
		int fd = sender_open("nr0");

		assert_int_equal(nr_block_new(&block), 0);
		for (size_t i = 0; i < NR_COUNT(cases); i++) {
			uint8_t frame[2000];
			size_t len = frame_make(frame, 0, 9, 60);

			len = tag(frame, len, cases[i].types, cases[i].ids, cases[i].n);
			assert_int_equal(send(fd, frame, len, 0), len);
			receive(capture, block, 1);
			assert_int_equal(block->frames[0].caplen, len);
			assert_int_equal(block->frames[0].wirelen, len);
			assert_memory_equal(block->frames[0].data, frame, len);
		}
		close(fd);
		nr_block_free(block);
	}
}

static void what_a_tiny_ring_loses_is_counted_exactly(void **state)
{
	struct nr_capture_stats stats;
	struct nr_block *block;
	size_t n = 0;
	int idle = 0;

	(void)state;
	need_namespace();
	nr_auto(nr_capture) capture =
		open_live((struct nr_capture_options){ .interface = "nr1", .ring_mib = 1 });
	assert_int_equal(nr_block_new(&block), 0);
	int fd = sender_open("nr0");
	send_paced(capture, fd, 10000, 1000); /* nobody reads: ten times what the ring holds */
	while (idle < 3) {
		assert_int_equal(nr_capture_next(capture, block, WAIT_MS, NULL), 0);
		n += block->n;
		idle = block->n > 0 ? 0 : idle + 1;
	}
	nr_capture_stats(capture, &stats);
	assert_int_equal(stats.kernel_received, 10000);
	assert_int_equal(stats.kernel_dropped, 10000 - n);
	assert_in_range(n, 100, 5000);
	nr_capture_stats(capture,
			 &stats); /* counters of the kernel are not lost, nor added twice */
	assert_int_equal(stats.kernel_received, 10000);
	close(fd);
	nr_block_free(block);
}

struct member {
	struct nr_capture *capture;
	uint8_t *seen; /* one byte a frame number */
	size_t n;
	int code;
	pthread_t thread;
};

static void *member_run(void *arg)
{
	struct member *member = arg;
	struct nr_block *block;

	if (nr_block_new(&block) < 0)
		return NULL;
	while (!nr_capture_ended(member->capture)) {
		int ret = nr_capture_next(member->capture, block, -1, NULL);

		if (ret < 0)
			member->code = ret;
		for (size_t i = 0; i < block->n; i++) {
			uint32_t number;

			memcpy(&number, block->frames[i].data + HEADERS, 4);
			member->seen[number % N_SHARED]++;
		}
		__atomic_fetch_add(&member->n, block->n, __ATOMIC_RELAXED);
	}
	nr_block_free(block);
	return NULL;
}

static size_t members_n(struct member *members)
{
	return __atomic_load_n(&members[0].n, __ATOMIC_RELAXED) +
	       __atomic_load_n(&members[1].n, __ATOMIC_RELAXED);
}

static void two_threads_of_a_fanout_group_share_the_frames_each_exactly_once(void **state)
{
	struct member members[2] = { 0 };
	struct nr_capture_stats stats[2];
	int fd;

	(void)state;
	need_namespace();
	for (size_t i = 0; i < 2; i++) {
		members[i].seen = calloc(1, N_SHARED);
		assert_non_null(members[i].seen);
		members[i].capture = open_live(
			(struct nr_capture_options){ .interface = "nr1", .fanout_group = 77 });
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&members[i].thread, NULL, member_run, &members[i]),
				 0);
	fd = sender_open("nr0");
	/* a lost frame would hang here: the test runner's time limit ends it */
	for (uint32_t at = 0; at < N_SHARED; at += PART) {
		send_frames(fd, at, PART, 9, 60);
		while (members_n(members) < at + PART)
			sched_yield();
	}
	for (size_t i = 0; i < 2; i++) {
		nr_capture_stop(members[i].capture); /* wakes a thread that waits without limit */
		assert_int_equal(pthread_join(members[i].thread, NULL), 0);
		nr_capture_stats(members[i].capture, &stats[i]);
		assert_int_equal(members[i].code, 0);
		assert_int_equal(stats[i].kernel_dropped, 0);
		assert_int_equal(stats[i].kernel_received, members[i].n);
		assert_in_range(members[i].n, N_SHARED / 4, N_SHARED / 4 * 3);
	}
	for (size_t i = 0; i < N_SHARED; i++)
		assert_int_equal(members[0].seen[i] + members[1].seen[i], 1);
	close(fd);
	for (size_t i = 0; i < 2; i++) {
		nr_capture_free(members[i].capture);
		free(members[i].seen);
	}
}

static void a_packet_on_loopback_is_seen_once(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(9999),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct nr_capture_stats stats;
	struct nr_block *block;
	int fd;

	(void)state;
	need_namespace();
	nr_auto(nr_capture) capture = open_live(
		(struct nr_capture_options){ .interface = "lo", .filter = "udp dst port 9999" });
	assert_int_equal(nr_block_new(&block), 0);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < 10; i++)
		(void)sendto(fd, "hello", 5, MSG_NOSIGNAL, (const struct sockaddr *)&to,
			     sizeof(to));
	nr_capture_stats(capture, &stats);
	size_t sent = stats.kernel_received /
		      2; /* every other send meets the refusal of the one before */
	assert_in_range(sent, 5, 10);
	receive(capture, block, sent);
	assert_int_equal(block->frames[0].link, 1);
	assert_int_equal(block->frames[0].caplen, HEADERS + 5);
	close(fd);
	nr_block_free(block);
}

static void all_interfaces_together_are_cooked_and_filtered(void **state)
{
	struct nr_block *block;
	size_t n = 0, out = 0;

	(void)state;
	need_namespace();
	nr_auto(nr_capture) capture = open_live(
		(struct nr_capture_options){ .interface = "any", .filter = "udp dst port 53" });
	assert_int_equal(nr_block_new(&block), 0);
	int fd = sender_open("nr0");
	send_frames(fd, 0, 50, 53, 100);
	send_frames(fd, 0, 50, 54, 100);
	for (int i = 0; i < TRIES && n < 100; i++) {
		assert_int_equal(nr_capture_next(capture, block, WAIT_MS, NULL), 0);
		for (size_t k = 0; k < block->n; k++, n++) {
			const struct nr_frame *frame = &block->frames[k];
			uint8_t want[2000];

			assert_int_equal(frame->link, 276);
			assert_int_equal(frame->caplen, 20 + 20 + 8 + 100);
			assert_int_equal(nr_get_be16(frame->data), 0x0800);
			assert_int_equal(nr_get_be16(frame->data + 8), 1); /* ARPHRD_ETHER */
			out += frame->data[10] == PACKET_OUTGOING;
			frame_make(want, 0, 53, 100);
			assert_memory_equal(frame->data + 20, want + 14, 20);
		}
	}
	assert_int_equal(n, 100); /* once on its way out of nr0, once into nr1 */
	assert_int_equal(out, 50);
	close(fd);
	nr_block_free(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_arrives_once_whole_and_in_order),
		cmocka_unit_test(the_kernel_passes_only_what_the_filter_says),
		cmocka_unit_test(wrong_interfaces_and_filters_are_named),
		cmocka_unit_test(vlan_tags_that_the_kernel_takes_out_are_put_back),
		cmocka_unit_test(what_a_tiny_ring_loses_is_counted_exactly),
		cmocka_unit_test(two_threads_of_a_fanout_group_share_the_frames_each_exactly_once),
		cmocka_unit_test(a_packet_on_loopback_is_seen_once),
		cmocka_unit_test(all_interfaces_together_are_cooked_and_filtered),
	};

	return cmocka_run_group_tests(tests, namespace_begin, NULL);
}
