/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * sandbox: a process gives up what it will not need, for good, before it touches a hostile byte.
 *
 * Layers   no_new_privs, not dumpable, no core files, limits of memory and descriptors;
 *          capabilities; Landlock: files outside `paths` and TCP ports outside `ports` do not
 *          exist; seccomp: any system call outside the base set and `calls` kills the process, and
 *          memory cannot be made executable.
 * Base set what the C library needs to compute, to read and write descriptors that are open, to
 * sleep and to end.
 *          No new descriptors, no signals to others, no processes.
 * Old kernels  seccomp and Landlock must be there (Linux 5.13), else entering fails; TCP ports need
 *              Linux 6.7, without
 *          them `families` still decides whether there are sockets at all.
 * Sanitizers   builds with one leave out what the sanitizer cannot live with: all but no_new_privs
 * Threads  call it before there are any
 * Source   seccomp(2), landlock(7), capabilities(7)
 */
#include "base/err.h"

struct nr_sandbox_path {
	const char *path; /* one that does not exist is left out */
	bool write;	  /* and create, rename, remove below it */
};

struct nr_sandbox {
	const char *const *calls; /* names, beside the base set; NULL-terminated; NULL: none */
	const struct nr_sandbox_path *paths;
	size_t n_paths;
	const uint16_t *ports; /* TCP ports to connect to */
	size_t n_ports;
	const int *families; /* socket() of these and no other; ended by 0; NULL: none */
	bool keep_net_raw;   /* CAP_NET_RAW stays */
	bool no_filter;	     /* no seccomp: a supervisor that forks who has one */
	uint64_t max_data;   /* bytes (RLIMIT_DATA); 0: as it is */
	uint64_t max_files;  /* descriptors; 0: as it is */
};

/** @return 0; -errno: nothing may be assumed, end the process */
NR_MUST_CHECK int nr_sandbox_enter(const struct nr_sandbox *sandbox, struct nr_err *reterr);
