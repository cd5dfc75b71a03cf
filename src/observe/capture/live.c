/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * live: AF_PACKET with TPACKET_V3.
 *
 * Invariants
 *  1  Ring blocks are used in turn. `turn` is the one to look at; while left > 0 it is ours and
 *     `at` is its next packet.
 *  2  From bind() until the socket is in its fanout group a filter drops everything: no packet is
 *     seen by two members.
 *  3  The kernel sets its counters to zero when they are read; nr_live_count() adds them up.
 */
#include "observe/capture/live.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "observe/capture/capture_int.h"
#include "observe/capture/filter.h"
#include "observe/capture/live_filter.h"

enum {
	RING_BLOCK = 256 << 10, /* holds the largest packet offloading makes, 64 KiB and headers */
	RING_MIB = 64,
	RING_MIB_MAX = 2048,
	RING_FRAME = 2048, /* only its divisibility matters to this version of the ring */
	RETIRE_MS = 50,	   /* a ring block that is not full is given to us after this time */
	LINK_ETHERNET = 1,
	LINK_SLL2 = 276,
	SLL2_HEADER = 20,
	VLAN_TAG = 4,
	MACS = 12,
	ETHERNET_HEADER = 14,
	/* where the sender's address stands behind the header of a packet in the ring */
	ADDRESS_AT = (sizeof(struct tpacket3_hdr) + TPACKET_ALIGNMENT - 1) / TPACKET_ALIGNMENT *
		     TPACKET_ALIGNMENT,
};

struct nr_live {
	int fd, wake_fd;
	int index; /* 0: all interfaces */
	bool cooked, loopback;
	uint8_t *ring;
	size_t ring_bytes, n_blocks, turn;
	const struct tpacket3_hdr *at;
	uint32_t left;
	struct nr_filter *filter; /* NULL: none */
	bool filter_here;	  /* the kernel cannot run it on what we make of the packet */
};

static int fail_errno(struct nr_err *reterr, const char *what)
{
	int code = -errno;

	if (code == -EPERM || code == -EACCES)
		return nr_fail(reterr, code, "%s: live capture needs root or CAP_NET_RAW", what);
	return nr_fail(reterr, code, "%s: %s", what, nr_err_text(code));
}

/** Which interface it is and how its frames look. */
static int interface_find(struct nr_live *live, const char *name, struct nr_err *reterr)
{
	struct ifreq req = { 0 };
	size_t n = strlen(name);
	int fd, ret = 0;

	if (strcmp(name, "any") == 0) {
		live->cooked = true;
		return 0;
	}
	if (n >= sizeof(req.ifr_name))
		return nr_fail(reterr, -ENODEV, "no such interface");
	memcpy(req.ifr_name, name, n);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_errno(reterr, "socket");
	if (ioctl(fd, SIOCGIFINDEX, &req) < 0) {
		ret = fail_errno(reterr, "no such interface");
	} else {
		live->index = req.ifr_ifindex;
		if (ioctl(fd, SIOCGIFHWADDR, &req) < 0)
			ret = fail_errno(reterr, "kind of interface");
	}
	nr_io_close(fd);
	live->loopback = req.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
	live->cooked = !live->loopback && req.ifr_hwaddr.sa_family != ARPHRD_ETHER;
	return ret;
}

static int ring_map(struct nr_live *live, uint32_t mib, struct nr_err *reterr)
{
	int version = TPACKET_V3;
	struct tpacket_req3 req;

	if (mib == 0)
		mib = RING_MIB;
	if (mib > RING_MIB_MAX)
		return nr_fail(reterr, NR_EUSAGE, "a ring of %u MiB, the limit is %d", mib,
			       RING_MIB_MAX);
	live->n_blocks = ((size_t)mib << 20) / RING_BLOCK;
	live->ring_bytes = live->n_blocks * RING_BLOCK;
	req = (struct tpacket_req3){
		.tp_block_size = RING_BLOCK,
		.tp_block_nr = (unsigned)live->n_blocks,
		.tp_frame_size = RING_FRAME,
		.tp_frame_nr = (unsigned)(live->ring_bytes / RING_FRAME),
		.tp_retire_blk_tov = RETIRE_MS,
	};
	if (setsockopt(live->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0)
		return fail_errno(reterr, "ring version");
	if (setsockopt(live->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) < 0)
		return fail_errno(reterr, "ring");
	void *ring = mmap(NULL, live->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, live->fd, 0);
	if (ring == MAP_FAILED)
		return fail_errno(reterr, "ring memory");
	live->ring = ring;
	return 0;
}

static int socket_bind(struct nr_live *live, const struct nr_capture_options *opt,
		       struct nr_err *reterr)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = live->index };

	if (nr_live_filter_none(live->fd) < 0)
		return fail_errno(reterr, "filter");
	if (bind(live->fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return fail_errno(reterr, "bind");
	if (opt->fanout_group != 0) {
		int how = opt->fanout_group | PACKET_FANOUT_HASH << 16;

		if (setsockopt(live->fd, SOL_PACKET, PACKET_FANOUT, &how, sizeof(how)) < 0)
			return fail_errno(reterr, "fanout");
	}
	if (opt->promiscuous && live->index != 0) {
		struct packet_mreq req = { .mr_ifindex = live->index,
					   .mr_type = PACKET_MR_PROMISC };

		if (setsockopt(live->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &req, sizeof(req)) < 0)
			return fail_errno(reterr, "promiscuous mode");
	}
	return 0;
}

/** Give the filter to the kernel, or keep it when what it would see differs from what we deliver. */
static int filter_set(struct nr_live *live, const struct nr_capture_options *opt,
		      struct nr_err *reterr)
{
	uint16_t link = live->cooked ? LINK_SLL2 : LINK_ETHERNET;
	int ret = 0;

	if (opt->filter != NULL && opt->filter[0] != '\0') {
		ret = nr_filter_new(opt->filter, &live->filter, reterr);
		if (ret == 0)
			ret = nr_filter_explain(live->filter, link, reterr);
		if (ret < 0)
			return ret;
		/* the kernel runs it before we add a cooked header, or put a VLAN tag back */
		live->filter_here = live->cooked || strstr(opt->filter, "vlan") != NULL;
	}
	if (live->filter == NULL || live->filter_here)
		ret = nr_live_filter_all(live->fd);
	else
		ret = nr_live_filter_attach(live->fd, nr_filter_program(live->filter, link));
	return ret < 0 ? fail_errno(reterr, "filter") : 0;
}

static int socket_start(struct nr_live *live, const struct nr_capture_options *opt,
			struct nr_err *reterr)
{
	int ret = interface_find(live, opt->interface, reterr);

	if (ret < 0)
		return ret;
	/* protocol 0: nothing arrives before bind() */
	live->fd = socket(AF_PACKET, (live->cooked ? SOCK_DGRAM : SOCK_RAW) | SOCK_CLOEXEC, 0);
	if (live->fd < 0)
		return fail_errno(reterr, "packet socket");
	ret = ring_map(live, opt->ring_mib, reterr);
	if (ret == 0)
		ret = socket_bind(live, opt, reterr);
	if (ret == 0)
		ret = filter_set(live, opt, reterr);
	return ret;
}

int nr_live_new(const struct nr_capture_options *opt, int wake_fd, struct nr_live **ret_live,
		struct nr_err *reterr)
{
	struct nr_live *live = calloc(1, sizeof(*live));
	char shown[64];
	int ret;

	if (live == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	live->fd = -1;
	live->wake_fd = wake_fd;
	ret = socket_start(live, opt, reterr);
	if (ret < 0) {
		nr_live_free(live);
		nr_str_escape(nr_str_from(opt->interface), shown, sizeof(shown));
		nr_err_prefix(reterr, "interface %s", shown);
		return ret;
	}
	*ret_live = live;
	return 0;
}

struct nr_live *nr_live_free(struct nr_live *live)
{
	if (live == NULL)
		return NULL;
	if (live->ring != NULL)
		munmap(live->ring, live->ring_bytes);
	if (live->fd >= 0)
		nr_io_close(live->fd);
	nr_filter_free(live->filter);
	free(live);
	return NULL;
}

static struct tpacket_hdr_v1 *block_head(const struct nr_live *live)
{
	struct tpacket_block_desc *desc =
		(struct tpacket_block_desc *)(live->ring + live->turn * RING_BLOCK);

	return &desc->hdr.bh1;
}

/** @return true when the ring block in turn is, or now becomes, ours */
static bool ring_take(struct nr_live *live)
{
	struct tpacket_hdr_v1 *head = block_head(live);

	if (live->left > 0)
		return true;
	while (__atomic_load_n(&head->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) {
		live->left = head->num_pkts;
		live->at = (const struct tpacket3_hdr *)(live->ring + live->turn * RING_BLOCK +
							 head->offset_to_first_pkt);
		if (live->left > 0)
			return true;
		__atomic_store_n(&head->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		live->turn = (live->turn + 1) % live->n_blocks;
		head = block_head(live);
	}
	return false;
}

/** Go to the next packet; the last one gives the ring block back. */
static void ring_step(struct nr_live *live)
{
	if (--live->left > 0) {
		live->at = (const struct tpacket3_hdr *)((const uint8_t *)live->at +
							 live->at->tp_next_offset);
		return;
	}
	__atomic_store_n(&block_head(live)->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	live->turn = (live->turn + 1) % live->n_blocks;
}

/** LINKTYPE_LINUX_SLL2 header from the address the kernel gives with the packet. */
static void cooked_write(uint8_t *dst, const struct sockaddr_ll *from)
{
	uint32_t index = htonl((uint32_t)from->sll_ifindex);
	uint16_t kind = htons(from->sll_hatype);

	memset(dst, 0, SLL2_HEADER);
	memcpy(dst, &from->sll_protocol, 2);
	memcpy(dst + 4, &index, 4);
	memcpy(dst + 8, &kind, 2);
	dst[10] = from->sll_pkttype;
	dst[11] = from->sll_halen;
	memcpy(dst + 12, from->sll_addr, sizeof(from->sll_addr));
}

/** Copy the packet at live->at to @p dst and describe it. */
static void packet_copy(const struct nr_live *live, uint8_t *dst, struct nr_frame *frame)
{
	const struct tpacket3_hdr *at = live->at;
	const uint8_t *bytes = (const uint8_t *)at + at->tp_mac;
	const struct sockaddr_ll *from =
		(const struct sockaddr_ll *)((const uint8_t *)at + ADDRESS_AT);
	size_t front = 0, added = 0;

	if (live->cooked) {
		cooked_write(dst, from);
		added = SLL2_HEADER;
	} else if ((at->tp_status & TP_STATUS_VLAN_VALID) != 0 &&
		   at->tp_snaplen >= ETHERNET_HEADER) {
		bool typed = (at->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
		uint16_t type = htons(typed ? at->hv1.tp_vlan_tpid : ETH_P_8021Q);
		uint16_t tag = htons((uint16_t)at->hv1.tp_vlan_tci);

		front = MACS;
		added = VLAN_TAG;
		memcpy(dst, bytes, front);
		memcpy(dst + front, &type, 2);
		memcpy(dst + front + 2, &tag, 2);
	}
	memcpy(dst + front + added, bytes + front, at->tp_snaplen - front);
	*frame = (struct nr_frame){
		.ts = (int64_t)at->tp_sec * NR_NS_PER_S + at->tp_nsec,
		.data = dst,
		.caplen = at->tp_snaplen + (uint32_t)added,
		.wirelen = at->tp_len + (uint32_t)added,
		.link = live->cooked ? LINK_SLL2 : LINK_ETHERNET,
	};
}

/** On the loopback interface every packet passes twice; the way out is left out. */
static bool is_echo(const struct nr_live *live)
{
	const struct sockaddr_ll *from =
		(const struct sockaddr_ll *)((const uint8_t *)live->at + ADDRESS_AT);

	if (from->sll_pkttype != PACKET_OUTGOING)
		return false;
	return live->loopback || from->sll_hatype == ARPHRD_LOOPBACK;
}

/** Copy packets while the ring has them and the block has room. */
static void ring_drain(struct nr_live *live, struct nr_block *block, struct nr_capture_stats *stats)
{
	size_t used = 0;

	while (block->n < NR_CAPTURE_BLOCK_FRAMES && ring_take(live)) {
		struct nr_frame *frame = &block->frames[block->n];

		if (is_echo(live)) {
			ring_step(live);
			continue;
		}
		if (block->mem_cap - used < live->at->tp_snaplen + (size_t)SLL2_HEADER)
			break;
		packet_copy(live, block->mem + used, frame);
		ring_step(live);
		if (live->filter_here && nr_filter_match(live->filter, frame) != 1)
			continue;
		used += frame->caplen;
		block->n++;
		stats->bytes_captured += frame->caplen;
		stats->bytes_wire += frame->wirelen;
	}
	stats->frames += block->n;
	stats->bytes_read += used;
}

int nr_live_next(struct nr_live *live, struct nr_block *block, int wait_ms,
		 struct nr_capture_stats *stats, struct nr_err *reterr)
{
	struct pollfd fds[2] = { { .fd = live->fd, .events = POLLIN | POLLERR },
				 { .fd = live->wake_fd, .events = POLLIN } };
	int ret = nr_block_grow(block, NR_CAPTURE_BLOCK_BYTES);

	block->n = 0;
	if (ret < 0)
		return nr_fail(reterr, ret, "no memory for a block");
	ring_drain(live, block, stats);
	if (block->n > 0)
		return 0;
	if (poll(fds, 2, wait_ms) > 0 && (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
		int error = 0;
		socklen_t n = sizeof(error);

		if (getsockopt(live->fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error != 0)
			return nr_fail(reterr, -error, "the interface went away: %s",
				       nr_err_text(-error));
	}
	ring_drain(live, block, stats);
	return 0;
}

void nr_live_count(struct nr_live *live, struct nr_capture_stats *stats)
{
	struct tpacket_stats_v3 kernel = { 0 };
	socklen_t n = sizeof(kernel);

	if (getsockopt(live->fd, SOL_PACKET, PACKET_STATISTICS, &kernel, &n) < 0)
		return;
	stats->kernel_received += kernel.tp_packets;
	stats->kernel_dropped += kernel.tp_drops;
}
