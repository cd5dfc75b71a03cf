/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/sensor/channel.h"

#include "base/cmocka.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static void a_head_comes_out_as_it_went_in(void **state)
{
	struct nr_spool_entry in = { .made_ns = 5,
				     .rows = 65536,
				     .packets = UINT64_C(1) << 40,
				     .first_tick = -3,
				     .last_tick = 9,
				     .payload = { NULL, NR_BATCH_SIZE_MAX } };
	struct nr_spool_entry out;
	uint8_t head[NR_HANDOVER_HEAD];

	(void)state;
	nr_handover_write(&in, head);
	assert_int_equal(nr_handover_read(head, &out), 0);
	assert_int_equal(out.rows, in.rows);
	assert_int_equal(out.packets, in.packets);
	assert_int_equal(out.first_tick, in.first_tick);
	assert_int_equal(out.last_tick, in.last_tick);
	assert_int_equal(out.made_ns, in.made_ns);
	assert_int_equal(out.payload.n, in.payload.n);
}

static void a_parser_that_lies_is_refused(void **state)
{
	const struct nr_spool_entry good = { .rows = 1,
					     .packets = 1,
					     .first_tick = 1,
					     .last_tick = 1,
					     .payload = { NULL, NR_BATCH_HEADER } };
	struct nr_spool_entry bad[] = { good, good, good, good, good };
	struct nr_spool_entry out;
	uint8_t head[NR_HANDOVER_HEAD];

	(void)state;
	bad[0].rows = 0;
	bad[1].rows = NR_BATCH_ROWS + 1;
	bad[2].payload.n = NR_BATCH_HEADER - 1;
	bad[3].payload.n = NR_BATCH_SIZE_MAX + 1;
	bad[4].first_tick = 2;
	for (size_t i = 0; i < NR_COUNT(bad); i++) {
		nr_handover_write(&bad[i], head);
		assert_int_equal(nr_handover_read(head, &out), NR_EDAMAGED);
	}
	nr_handover_write(&good, head);
	assert_int_equal(nr_handover_read(head, &out), 0);
	head[0] ^= 1;
	assert_int_equal(nr_handover_read(head, &out), NR_EDAMAGED);
	head[0] ^= 1;
	head[12] = 1;
	assert_int_equal(nr_handover_read(head, &out), NR_EDAMAGED);
}

static void an_order_brings_its_descriptor(void **state)
{
	struct nr_order order = { .kind = NR_ORDER_PIPE, .value = 7 }, got;
	int ends[2], pipes[2], fd;
	char byte = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(nr_order_receive(ends[1], &got, &fd), 0);
	assert_int_equal(nr_order_send(ends[0], order, pipes[1]), 0);
	assert_int_equal(nr_order_receive(ends[1], &got, &fd), 1);
	assert_true(fd >= 0);
	assert_int_equal(got.kind, NR_ORDER_PIPE);
	assert_int_equal(got.value, 7);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	order.kind = NR_ORDER_STOP;
	assert_int_equal(nr_order_send(ends[0], order, -1), 0);
	assert_int_equal(nr_order_receive(ends[1], &got, &fd), 1);
	assert_int_equal(fd, -1);
	(void)close(ends[0]);
	assert_int_equal(nr_order_receive(ends[1], &got, &fd), -ECONNRESET);
	(void)close(ends[1]);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_comes_out_as_it_went_in),
		cmocka_unit_test(a_parser_that_lies_is_refused),
		cmocka_unit_test(an_order_brings_its_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
