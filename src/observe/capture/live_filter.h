/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file live_filter: filter programs on a packet socket. Its own file: the kernel's header and libpcap's clash. */
struct bpf_program;

/** Let nothing through. @return 0; -1 with errno */
int nr_live_filter_none(int fd);
/** Let everything through. */
int nr_live_filter_all(int fd);
/** Let through what @p program says. */
int nr_live_filter_attach(int fd, const struct bpf_program *program);
