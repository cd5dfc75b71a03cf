/* SPDX-License-Identifier: Apache-2.0 */
/** @file live_filter: the structs of libpcap and of the kernel have the same layout and other names. */
#include "observe/capture/live_filter.h"

#include <pcap/pcap.h>
#include <sys/socket.h>

/* The kernel's struct sock_fprog, whose header cannot be included beside libpcap's. */
struct program {
	unsigned short len;
	const struct bpf_insn *filter;
};

enum { ATTACH_FILTER = SO_ATTACH_FILTER };

static int attach(int fd, const struct bpf_insn *insns, unsigned n)
{
	struct program program = { .len = (unsigned short)n, .filter = insns };

	return setsockopt(fd, SOL_SOCKET, ATTACH_FILTER, &program, sizeof(program));
}

int nr_live_filter_none(int fd)
{
	static const struct bpf_insn none[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

	return attach(fd, none, 1);
}

int nr_live_filter_all(int fd)
{
	static const struct bpf_insn all[] = { BPF_STMT(BPF_RET | BPF_K, (bpf_u_int32)-1) };

	return attach(fd, all, 1);
}

int nr_live_filter_attach(int fd, const struct bpf_program *program)
{
	return attach(fd, program->bf_insns, program->bf_len);
}
