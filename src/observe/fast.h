/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * fast: the overwhelmingly common packet in one straight line, from frame to packed flow entry.
 *
 * Covers   Ethernet or RAW, IPv4 without options, not in pieces, TCP without payload, all captured, its time the
 *          watermark's second, and nothing odd about it (no enum nr_anomaly). On a telescope that is
 *          most of what comes. Everything else takes the general way (dissect, classify, pack), which covers
 *          these packets too: test_fast.c compares the two.
 * Why      a packet costs about as many nanoseconds as instructions allow; here there is no struct nr_packet in
 *          between, no call, and no branch that neighbours in the input could make guess wrong
 * Threads  pure
 */
#include "observe/classify/classify_int.h"
#include "observe/dissect/dissect_int.h"
#include "observe/flow/flow4.h"
#include "observe/nets.h"

enum nr_fast { NR_FAST_NO, NR_FAST_OK, NR_FAST_NOT_MONITORED };

static inline uint64_t nr_fast_load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static inline void nr_fast_store64(struct nr_flow4 *e, size_t at, uint64_t v)
{
	memcpy((uint8_t *)e + at, &v, 8);
}

#define NR_FAST_PAIR_OF(first, second)                                                  \
	_Static_assert(offsetof(struct nr_flow4, second) ==                             \
				       offsetof(struct nr_flow4, first) +               \
					       sizeof(((struct nr_flow4 *)0)->first) && \
			       offsetof(struct nr_flow4, second) % 8 != 0,              \
		       #first " and " #second " are written together")
NR_FAST_PAIR_OF(tick, bytes_lo);
NR_FAST_PAIR_OF(packets, first);
NR_FAST_PAIR_OF(last, opt_hash);
NR_FAST_PAIR_OF(payload_hash, window);
NR_FAST_PAIR_OF(tcp_flags, ttl_min);
NR_FAST_PAIR_OF(ttl_min, ttl_max);
NR_FAST_PAIR_OF(ttl_max, flags);
NR_FAST_PAIR_OF(flags, marks);

#define NR_FAST_MARK(condition, mark) ((uint64_t)(condition) << (8 * (mark)))

/** nr_mark_bits() of a TCP packet without payload, as the first eight bytes of nr_flow4.marks. */
static inline uint64_t nr_fast_marks(const struct nr_flow4 *e, uint32_t seq, uint32_t id,
				     uint32_t opt_hash, uint32_t window, uint32_t ttl)
{
	uint32_t dst = (uint32_t)e->addr, dport = (uint32_t)(e->ports >> 32) & 0xffff;
	uint64_t marks =
		NR_FAST_MARK(seq == dst, NR_MARK_MIRAI) |
		NR_FAST_MARK(((id ^ dst ^ dport ^ seq) & 0xffff) == 0, NR_MARK_MASSCAN) |
		NR_FAST_MARK(id == 54321, NR_MARK_ZMAP) |
		NR_FAST_MARK((window == 65535) & (opt_hash == NR_OPTIONS_WINDOWS) & (ttl > 200),
			     NR_MARK_ZMAP_NEW) |
		NR_FAST_MARK((dport == 445) & ((dst & 0x00800080) == 0), NR_MARK_CONFICKER);

	if (NR_UNLIKELY(window == 14600))
		marks |= NR_FAST_MARK(nr_mark_is_hajime_port((uint16_t)dport), NR_MARK_HAJIME);
	return marks;
}
_Static_assert(NR_MARK_MIRAI < 8 && NR_MARK_MASSCAN < 8 && NR_MARK_ZMAP < 8 &&
		       NR_MARK_ZMAP_NEW < 8 && NR_MARK_CONFICKER < 8 && NR_MARK_HAJIME < 8,
	       "in the first eight bytes");

/** nr_pair_bits() of the same. */
static inline uint64_t nr_fast_pair_bits(uint32_t flags, uint32_t ack, uint32_t opt_hash,
					 uint32_t window, uint32_t ttl, uint64_t marks)
{
	uint32_t is_syn = flags == NR_TCP_SYN;
	uint32_t nmap = (ack == 0) & (opt_hash == NR_OPTIONS_MSS) & (ttl <= 64) & (window >= 1024) &
			(window <= 4096) & ((window & 1023) == 0) &
			((marks >> (8 * NR_MARK_MASSCAN) & 1) == 0);

	return NR_PAIR_USED | is_syn * NR_PAIR_SYN | (is_syn & nmap) * NR_PAIR_NMAP |
	       (is_syn & (uint32_t)(marks >> (8 * NR_MARK_MIRAI)) & 1) * NR_PAIR_MIRAI;
}

/** What follows the IP header at @p ip; the addresses stand in @p e. @return false: something is odd */
static inline __attribute__((always_inline)) bool nr_fast_tcp(const uint8_t *ip, uint32_t hlen,
							      uint32_t offset, struct nr_flow4 *e)
{
	const uint8_t *tcp = ip + 20;
	uint32_t flags = tcp[13], ttl = ip[8], window = nr_get_be16(tcp + 14);
	uint32_t ports = nr_get_be32(tcp), seq = nr_get_be32(tcp + 4), ack = nr_get_be32(tcp + 8);
	uint64_t options = nr_tcp_options_short(tcp, hlen);
	bool no_port = ports < 0x10000 || (ports & 0xffff) == 0;

	if (NR_UNLIKELY((options >> 32) != 0 || nr_tcp_anomalies(flags, ack, no_port, false) != 0 ||
			nr_v4_is_special(ip[12]) || (uint32_t)(e->addr >> 32) == (uint32_t)e->addr))
		return false;
	uint32_t opt_hash = (uint32_t)options;
	uint64_t is_syn = (flags & 63) == NR_TCP_SYN;

	e->ports = (uint64_t)ports << 32 | 6u << 24 |
		   (uint32_t)nr_class_of_tcp((uint8_t)flags) << 16;
	uint64_t marks = nr_fast_marks(e, seq, nr_get_be16(ip + 4), opt_hash, window, ttl) &
			 (0 - is_syn);
	uint64_t pair = nr_fast_pair_bits(flags, ack, opt_hash, window, ttl, marks);

	nr_fast_store64(e, offsetof(struct nr_flow4, packets), 1 | (uint64_t)offset << 32);
	nr_fast_store64(e, offsetof(struct nr_flow4, last), seq | (uint64_t)opt_hash << 32);
	nr_fast_store64(e, offsetof(struct nr_flow4, payload_hash), (uint64_t)window << 32);
	nr_fast_store64(e, offsetof(struct nr_flow4, tcp_flags),
			flags | ttl << 8 | ttl << 16 | marks << 32);
	nr_fast_store64(e, offsetof(struct nr_flow4, tcp_flags) + 8,
			marks >> 32 | pair << (8 * (NR_FLOW4_PAIR - 4)));
	return true;
}
_Static_assert(NR_PAYLOAD_NONE == 0 && offsetof(struct nr_flow4, tcp_flags) % 8 == 0,
	       "written whole");

/**
 * Does the frame look like one of these? No branch on what its neighbour may not be. @return the offset of the IP
 * header + 1; 0: take the general way
 */
static inline uint32_t nr_fast_candidate(const struct nr_frame *frame)
{
	/* version 4, 20 bytes of header; neither a later fragment nor more of them */
	const uint64_t plain_mask = UINT64_C(0xff3f0000000000ff), plain = 0x45;
	/* a file has one link type, and hardly a frame is shorter: these can be foretold */
	uint32_t at = frame->link == 1 ? 14 : 0;

	if (NR_UNLIKELY(at == 0 && frame->link != 101 && frame->link != 228) ||
	    NR_UNLIKELY(frame->caplen < at + 40))
		return 0;
	const uint8_t *ip = frame->data + at;
	uint32_t total = nr_get_be16(ip + 2), hlen = (uint32_t)(ip[32] >> 4) * 4;
	uint32_t is_ip = at == 0 || nr_get_be16(ip - 2) == 0x0800;
	uint32_t is_tcp = ((nr_fast_load64(ip) & plain_mask) == plain) & (ip[9] == 6) &
			  (hlen >= 20) & (20 + hlen == total) & (total <= frame->caplen - at);

	return (is_ip & is_tcp & (frame->flags == 0)) * (at + 1);
}

/**
 * @p at from nr_fast_candidate(); @p tick and @p offset: the frame's time, in the watermark's second; @p nets
 * may be NULL. @return NR_FAST_NO: @p e holds nothing, take the general way
 */
static inline enum nr_fast nr_fast_pack_at(const struct nr_frame *frame, uint32_t at, uint32_t tick,
					   uint32_t offset, const struct nr_nets *nets,
					   struct nr_flow4 *e)
{
	const uint8_t *ip = frame->data + at - 1;
	uint32_t total = nr_get_be16(ip + 2);

	e->addr = __builtin_bswap64(nr_fast_load64(ip + 12));
	nr_fast_store64(e, offsetof(struct nr_flow4, tick), tick | (uint64_t)total << 32);
	if (NR_UNLIKELY(!nr_fast_tcp(ip, total - 20, offset, e)))
		return NR_FAST_NO;
	return nets == NULL || nr_nets_has_v4(nets, (uint32_t)e->addr) ? NR_FAST_OK
								       : NR_FAST_NOT_MONITORED;
}

/** Both of them. */
static inline enum nr_fast nr_fast_pack(const struct nr_frame *frame, uint32_t tick,
					uint32_t offset, const struct nr_nets *nets,
					struct nr_flow4 *e)
{
	uint32_t at = nr_fast_candidate(frame);

	return at != 0 ? nr_fast_pack_at(frame, at, tick, offset, nets, e) : NR_FAST_NO;
}
