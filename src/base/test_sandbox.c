/* SPDX-License-Identifier: Apache-2.0 */
/* Each case is a child process that closes the sandbox and then tries something. */
#include "base/sandbox.h"

#include "base/cmocka.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static const char *folder; /* of the test; what stands in it may be written */

static int try_compute(void)
{
	char *p = malloc(1 << 20);

	return p == NULL ? 1 : (p[5] = 1, free(p), write(STDERR_FILENO, "", 0) < 0);
}

static int try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int try_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0;
}

static int try_open(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int try_write(void)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/file", folder);
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? errno : 0;
}

static int try_exec_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int try_mprotect(void)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_WRITE) < 0;
}

static int try_fork(void)
{
	return fork() < 0;
}

static int try_exec(void)
{
	return execl("/bin/true", "true", NULL) < 0;
}

static int try_ptrace(void)
{
	return syscall(SYS_ptrace, 0, 0, 0, 0) < 0;
}

static int try_connect(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? errno : 0;
}

static int outcome(const struct nr_sandbox *sandbox, int (*attempt)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(nr_sandbox_enter(sandbox, NULL) < 0 ? 100 : attempt());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void what_was_not_asked_for_is_gone(void **state)
{
	static const char *const opens[] = { "openat", NULL };
	static const char *const connects[] = { "connect", NULL };
	static const int families[] = { AF_INET, 0 };
	static const uint16_t ports[] = { 10 };
	const struct nr_sandbox_path paths[] = { { folder, true }, { "/does/not/exist", false } };
	const struct nr_sandbox none = { .max_files = 16, .max_data = 64 << 20 };
	const struct nr_sandbox files = { .calls = opens, .paths = paths, .n_paths = 2 };
	const struct nr_sandbox net = {
		.calls = connects, .families = families, .ports = ports, .n_ports = 1
	};
	const struct {
		const struct nr_sandbox *sandbox;
		int (*attempt)(void);
		int want, or_else; /* or_else: on kernels before 6.7 */
	} cases[] = {
		{ &none, try_compute, 0, 0 },
		{ &none, try_socket, -SIGSYS, -SIGSYS },
		{ &none, try_open, -SIGSYS, -SIGSYS },
		{ &none, try_fork, -SIGSYS, -SIGSYS },
		{ &none, try_exec, -SIGSYS, -SIGSYS },
		{ &none, try_ptrace, -SIGSYS, -SIGSYS },
		{ &none, try_mprotect, -SIGSYS, -SIGSYS },
		{ &none, try_exec_memory, EPERM, EPERM },
		{ &files, try_open, EACCES, EACCES },
		{ &files, try_write, 0, 0 },
		{ &files, try_socket, -SIGSYS, -SIGSYS },
		{ &net, try_socket, 0, 0 },
		{ &net, try_unix_socket, -SIGSYS, -SIGSYS },
		{ &net, try_connect, EACCES, ECONNREFUSED },
		{ &net, try_open, -SIGSYS, -SIGSYS },
	};

	(void)state;
	if (SANITIZED)
		skip();
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		int got = outcome(cases[i].sandbox, cases[i].attempt);

		if (got != cases[i].want && got != cases[i].or_else)
			fail_msg("case %zu: %d, want %d", i, got, cases[i].want);
	}
}

static void there_is_no_way_back(void **state)
{
	const struct nr_sandbox none = { .max_files = 16 };

	(void)state;
	if (SANITIZED)
		skip();
	/* whoever asks for more afterwards uses calls that are gone */
	assert_int_equal(outcome(&none, try_ptrace), -SIGSYS);
	assert_true(outcome(&(struct nr_sandbox){ .no_filter = true }, try_compute) == 0);
}

int main(void)
{
	char name[] = "/tmp/nr_test_sandbox_XXXXXX";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_not_asked_for_is_gone),
		cmocka_unit_test(there_is_no_way_back),
	};

	folder = mkdtemp(name);
	if (folder == NULL)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/file", folder);
	(void)unlink(path);
	(void)rmdir(folder);
	return failed;
}
