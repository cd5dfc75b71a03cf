/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notify.h"

#include "base/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void what_is_sent_arrives(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct nr_notify notify;
	char got[64] = { 0 };

	(void)state;
	/* an abstract name: nothing is left behind */
	int n = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "nr_notify_%d",
			 (int)getpid());
	int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[128];

	assert_int_equal(bind(manager, (const struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)),
			 0);
	(void)snprintf(name, sizeof(name), "@%s", addr.sun_path + 1);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "30000000", 1), 0);
	nr_notify_init(&notify);
	assert_true(notify.fd >= 0);
	assert_int_equal(notify.watchdog_ns, INT64_C(30000000000));
	nr_notify_send(&notify, "READY=1");
	assert_int_equal(recv(manager, got, sizeof(got) - 1, 0), 7);
	assert_string_equal(got, "READY=1");
	(void)close(manager);
	nr_notify_send(&notify, "STOPPING=1"); /* nobody there: no harm */
	nr_notify_done(&notify);
}

static void without_a_manager_nothing_happens(void **state)
{
	static const char *const names[] = {
		NULL, "", "x", "@", "relative/path", "/does/not/exist"
	};
	struct nr_notify notify;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(names); i++) {
		if (names[i] == NULL)
			(void)unsetenv("NOTIFY_SOCKET");
		else
			(void)setenv("NOTIFY_SOCKET", names[i], 1);
		nr_notify_init(&notify);
		assert_int_equal(notify.fd, -1);
		nr_notify_send(&notify, "READY=1");
		nr_notify_done(&notify);
	}
	(void)setenv("WATCHDOG_PID", "1", 1); /* meant for another process */
	nr_notify_init(&notify);
	assert_int_equal(notify.watchdog_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sent_arrives),
		cmocka_unit_test(without_a_manager_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
