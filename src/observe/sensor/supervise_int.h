/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * supervise_int: the supervisor's state: children (supervise_child.c), accounts and what happens
 * when (supervise.c), the status file (supervise_status.c).
 */
#include <sys/types.h>

#include "base/notify.h"
#include "base/time.h"
#include "observe/sensor/role.h"

enum nr_child_kind {
	NR_CHILD_SPOOLER,
	NR_CHILD_SHIPPER,
	NR_CHILD_CAPTURE,
	NR_CHILD_PARSER,
	NR_CHILDREN
};

struct nr_child {
	pid_t pid; /* 0: does not run */
	int64_t began_ns, retry_ns;
	unsigned failures;
	int orders; /* our end of its channel; -1: none */
	int statm;  /* its memory, opened before its sandbox hides it; -1: none */
};

enum nr_supervise_state {
	NR_SUPERVISE_RUNNING,	/* a parser runs */
	NR_SUPERVISE_SWITCHING, /* the old one has ended; new pipes are on their way */
	NR_SUPERVISE_DRAINED, /* no more parser is wanted: the capture file has ended, or we stop */
};

struct nr_supervisor {
	const struct nr_settings *settings;
	struct nr_pages pages;
	struct nr_child children[NR_CHILDREN];
	enum nr_supervise_state state;
	uint32_t generation;
	uint32_t spooler_generation; /* newest pipe that the present spooler was given; 0: none */
	bool pipes_stale;	     /* capture or spooler was begun after the pipes went out */
	int parser_in, parser_out;   /* ends for the parser to come; -1: none */
	bool ending;		     /* told to stop, or --read is done */
	bool settled;		     /* the accounts of the last parser are closed */
	int64_t ending_ns, status_ns;
	int exit_status;
	struct nr_notify notify;
	int lock_fd;
};

extern const char *const nr_child_names[NR_CHILDREN];

/** Fork the process. @return 0; -errno */
NR_MUST_CHECK int nr_child_begin(struct nr_supervisor *supervisor, enum nr_child_kind kind);
/** Take note of every child that has ended. @return how many */
unsigned nr_child_reap(struct nr_supervisor *supervisor);
void nr_child_kill(struct nr_supervisor *supervisor, enum nr_child_kind kind, int signal);
/**
 * Pipes of a new generation: capture and spooler get their ends, ours wait for the parser. @return
 * 0; -errno
 */
NR_MUST_CHECK int nr_child_pipes(struct nr_supervisor *supervisor);
/** Close our ends of them. */
void nr_child_pipes_close(struct nr_supervisor *supervisor);
/** How DIR/status and `noroshi-sensor status` see it; every few seconds. */
void nr_supervise_status(struct nr_supervisor *supervisor);
