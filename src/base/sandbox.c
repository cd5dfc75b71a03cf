/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sandbox_int.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { SET_MDWE = 65, MDWE_REFUSE_EXEC_GAIN = 1, CAP_LAST = 63 };

/* ---- capabilities ---- */

static int drop_capabilities(bool keep_net_raw)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	uint32_t kept = keep_net_raw ? UINT32_C(1) << CAP_NET_RAW : 0;

	/* without CAP_SETPCAP the bounding set stays: no_new_privs makes it harmless */
	for (int c = 0; c <= CAP_LAST; c++)
		if (!(keep_net_raw && c == CAP_NET_RAW))
			(void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (kept != 0) { /* only as far as we have it */
		if (syscall(SYS_capget, &head, data) < 0)
			return -errno;
		kept &= data[0].permitted;
	}
	data[0] = (struct __user_cap_data_struct){ .effective = kept, .permitted = kept };
	data[1] = (struct __user_cap_data_struct){ 0 };
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/* ---- limits ---- */

static int limit(__rlimit_resource_t what, uint64_t value)
{
	struct rlimit now;

	if (getrlimit(what, &now) < 0)
		return -errno;
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
		value = now.rlim_max;
	now = (struct rlimit){ .rlim_cur = value, .rlim_max = value };
	return setrlimit(what, &now) < 0 ? -errno : 0;
}

static int set_limits(const struct nr_sandbox *sandbox)
{
	int r = limit(RLIMIT_CORE, 0);

	if (r == 0 && sandbox->max_data > 0)
		r = limit(RLIMIT_DATA, sandbox->max_data);
	if (r == 0 && sandbox->max_files > 0)
		r = limit(RLIMIT_NOFILE, sandbox->max_files);
	return r;
}

/* ---- system calls ---- */

static const char *const base_calls[] = {
	"read",
	"readv",
	"write",
	"writev",
	"close",
	"fstat",
	"newfstatat",
	"lseek",
	"munmap",
	"mremap",
	"brk",
	"madvise",
	"futex",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	"exit",
	"exit_group",
	"clock_gettime",
	"clock_getres",
	"gettimeofday",
	"time",
	"nanosleep",
	"clock_nanosleep",
	"restart_syscall",
	"getpid",
	"gettid",
	"getppid",
	"tgkill",
	"getrandom",
	"poll",
	"ppoll",
	"sched_yield",
	"rseq",
	"set_robust_list",
	"getrusage",
	"getuid",
	"geteuid",
	"membarrier",
	"sched_getaffinity",
	"get_robust_list",
};

static int allow(scmp_filter_ctx filter, const char *name)
{
	int call = seccomp_syscall_resolve_name(name);

	if (call == __NR_SCMP_ERROR)
		return -EINVAL;
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);

	return r == -EDOM ? 0 : r; /* not on this processor */
}

/* Memory that can be executed is never asked for; a library that tries learns that it cannot. */
static int allow_memory(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp plain = { .arg = 2,
					    .op = SCMP_CMP_MASKED_EQ,
					    .datum_a = PROT_EXEC };
	const struct scmp_arg_cmp exec = {
		.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = PROT_EXEC
	};
	int r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &plain);

	if (r == 0)
		r = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mmap), 1, &exec);
	return r;
}

static int allow_sockets(scmp_filter_ctx filter, const int *families)
{
	int r = 0;

	for (; r == 0 && families != NULL && *families != 0; families++) {
		struct scmp_arg_cmp family = { .op = SCMP_CMP_EQ,
					       .datum_a = (scmp_datum_t)*families };

		r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, &family);
	}
	return r;
}

static int filter_calls(const struct nr_sandbox *sandbox, struct nr_err *reterr)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	const char *failed = NULL;
	int r = 0;

	if (filter == NULL)
		return nr_fail(reterr, -ENOMEM, "sandbox: no memory for the filter");
	for (size_t i = 0; r == 0 && i < NR_COUNT(base_calls); i++)
		r = allow(filter, failed = base_calls[i]);
	for (const char *const *call = sandbox->calls; r == 0 && call != NULL && *call != NULL;
	     call++)
		r = allow(filter, failed = *call);
	if (r == 0) {
		failed = NULL;
		r = allow_memory(filter);
	}
	if (r == 0)
		r = allow_sockets(filter, sandbox->families);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	if (r < 0)
		return nr_fail(reterr, r, "sandbox: filter of system calls%s%s: %s",
			       failed != NULL ? ", " : "", failed != NULL ? failed : "",
			       nr_err_text(r));
	return 0;
}

int nr_sandbox_enter(const struct nr_sandbox *sandbox, struct nr_err *reterr)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return nr_fail(reterr, -errno, "sandbox: no_new_privs: %s", nr_err_text(-errno));
	if (SANITIZED)
		return 0;
	int r = set_limits(sandbox);

	if (r < 0)
		return nr_fail(reterr, r, "sandbox: limits: %s", nr_err_text(r));
	r = drop_capabilities(sandbox->keep_net_raw);
	if (r < 0)
		return nr_fail(reterr, r, "sandbox: capabilities: %s", nr_err_text(r));
	if (!sandbox->no_filter && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return nr_fail(reterr, -errno, "sandbox: dumpable: %s", nr_err_text(-errno));
	(void)prctl(SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0,
		    0); /* since Linux 6.3; the filter says it too */
	r = nr_sandbox_landlock(sandbox, reterr);
	if (r == 0 && !sandbox->no_filter)
		r = filter_calls(sandbox, reterr);
	return r;
}
