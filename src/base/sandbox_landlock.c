/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sandbox_int.h"

/* Newer than the headers of Debian 12. */
enum { ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_NET = 4, ABI_SCOPE = 6, RULE_NET_PORT = 2 };
enum { BIND_TCP = 1, CONNECT_TCP = 2, SCOPE_ALL = 3 };
#define ACCESS_TRUNCATE (UINT64_C(1) << 14)

struct ruleset {
	uint64_t fs, net, scoped;
};
struct port_rule {
	uint64_t access, port;
};

#define READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITES                                                           \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |     \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define ON_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)

static int add_path(int rules, const struct nr_sandbox_path *path, uint64_t handled)
{
	uint64_t wanted = READS;
	struct stat st;
	int fd = open(path->path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (path->write)
		wanted |= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
			  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |
			  ACCESS_TRUNCATE;
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		wanted &= ON_FILES;
	struct landlock_path_beneath_attr rule = { .allowed_access = wanted & handled,
						   .parent_fd = fd };
	long r = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);

	r = r < 0 ? -errno : 0;
	(void)close(fd);
	return (int)r;
}

static int fill(int rules, const struct nr_sandbox *sandbox, const struct ruleset *handled)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sandbox->n_paths; i++)
		r = add_path(rules, &sandbox->paths[i], handled->fs);
	for (size_t i = 0; r == 0 && handled->net != 0 && i < sandbox->n_ports; i++) {
		struct port_rule rule = { CONNECT_TCP, sandbox->ports[i] };

		if (syscall(SYS_landlock_add_rule, rules, RULE_NET_PORT, &rule, 0) < 0)
			r = -errno;
	}
	if (r == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		r = -errno;
	return r;
}

int nr_sandbox_landlock(const struct nr_sandbox *sandbox, struct nr_err *reterr)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset handled = { .fs = READS | WRITES | LANDLOCK_ACCESS_FS_EXECUTE };
	size_t size = sizeof(handled.fs);

	if (abi < 0)
		return nr_fail(reterr, -errno, "sandbox: this kernel has no Landlock: %s",
			       nr_err_text(-errno));
	if (abi >= ABI_REFER)
		handled.fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= ABI_TRUNCATE)
		handled.fs |= ACCESS_TRUNCATE;
	if (abi >= ABI_NET && !sandbox->no_filter) {
		handled.net = BIND_TCP | CONNECT_TCP;
		size = offsetof(struct ruleset, scoped);
	}
	if (abi >= ABI_SCOPE &&
	    !sandbox->no_filter) { /* no abstract sockets, no signals to outside */
		handled.scoped = SCOPE_ALL;
		size = sizeof(handled);
	}
	long rules = syscall(SYS_landlock_create_ruleset, &handled, size, 0);

	if (rules < 0)
		return nr_fail(reterr, -errno, "sandbox: Landlock: %s", nr_err_text(-errno));
	int r = fill((int)rules, sandbox, &handled);

	(void)close((int)rules);
	return r < 0 ? nr_fail(reterr, r, "sandbox: Landlock: %s", nr_err_text(r)) : 0;
}
