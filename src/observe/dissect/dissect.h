/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * dissect: from a captured frame to the header fields that matter, or to a named cause why not.
 *
 * In      one frame (borrowed)        Out   struct nr_packet, pointing into the frame
 * Shape   link layer -> IPv4 or IPv6 -> TCP, UDP, ICMP, ICMPv6, other. The outermost IP header counts:
 *         tunnels are named and counted (anomaly bit), never entered. Fragments after the first have no
 *         ports (0). No reassembly, no allocation, no recursion; cost is linear in the header length.
 * Outcome every frame gives exactly one enum nr_outcome; NR_OUTCOME_OK frames may carry anomaly bits.
 * Limits  2 VLAN tags, 8 IPv6 extension headers, 40 bytes of IPv4 or TCP options
 * Source  RFC 791, 8200, 9293, 768, 792, 4443; tcpdump.org link types; IEEE 802.1Q, 802.1ad
 */
#include "base/inet.h"
#include "observe/capture/capture.h"
#include "record/class.h"
#include "record/mark.h"
#include "record/payload.h"

/** Why a frame is not classified; names in nr_outcome_names. Causes of `dropped` in the summary. */
enum nr_outcome {
	NR_OUTCOME_OK,
	NR_OUTCOME_LINK_UNKNOWN, /* link type we do not read; counted by name too */
	NR_OUTCOME_LINK_TRUNCATED,
	NR_OUTCOME_NOT_IP,	 /* ARP, LLDP, MPLS, ... : no IP in the outermost payload */
	NR_OUTCOME_IP_TRUNCATED, /* captured bytes end inside the IP header */
	NR_OUTCOME_IP_MALFORMED, /* version, IHL < 5, total length < header */
	NR_OUTCOME_IP6_CHAIN,	 /* extension chain: more than 8, truncated, or malformed */
	NR_OUTCOME_L4_TRUNCATED, /* captured bytes end inside the TCP, UDP or ICMP header */
	NR_OUTCOME_L4_MALFORMED, /* data offset < 5 or past the end, UDP length < 8 */
	/* causes set after dissection */
	NR_OUTCOME_TIME,	  /* outside --since, --until */
	NR_OUTCOME_FILTERED,	  /* --filter said no */
	NR_OUTCOME_NOT_MONITORED, /* destination is not a monitored address */
	NR_OUTCOME_TABLE_FULL,	  /* a table was at its hard cap */
	NR_OUTCOME_N,
};
extern const char *const nr_outcome_names[]; /* NULL-terminated */

/** Things that are odd but do not stop dissection; each is a counter of its own. */
enum nr_anomaly {
	NR_ANOMALY_TIME_ODD,	  /* claimed time flagged by the capture */
	NR_ANOMALY_TIME_BACKWARD, /* more than 1 s before the newest; set by the flow table */
	NR_ANOMALY_TIME_JUMP,	  /* more than a day after the newest; set by the flow table */
	NR_ANOMALY_FRAGMENT,
	NR_ANOMALY_FRAGMENT_TINY,    /* first fragment shorter than its layer-4 header */
	NR_ANOMALY_FRAGMENT_OVERRUN, /* offset + length past 65,535 */
	NR_ANOMALY_IP_OPTIONS,
	NR_ANOMALY_IP_OPTION_BAD, /* option length 0, 1 or past the header */
	NR_ANOMALY_IP_LENGTH,	  /* total length beyond what was on the wire */
	NR_ANOMALY_IP6_ORDER,	  /* hop-by-hop not first, header repeated */
	NR_ANOMALY_IP6_ROUTING,
	NR_ANOMALY_IP6_JUMBO,
	NR_ANOMALY_IP6_ATOMIC, /* fragment header on a whole packet */
	NR_ANOMALY_TCP_OPTION_BAD,
	NR_ANOMALY_TCP_FLAGS, /* null, SYN+FIN, SYN+RST, FIN without ACK, Xmas */
	NR_ANOMALY_TCP_URGENT,
	NR_ANOMALY_TCP_SYN_DATA,
	NR_ANOMALY_TCP_SYN_ACKNO, /* SYN without ACK flag but with an acknowledgement number */
	NR_ANOMALY_UDP_LENGTH,	  /* UDP length differs from IP payload */
	NR_ANOMALY_PORT_ZERO,
	NR_ANOMALY_SRC_SPECIAL, /* source is unspecified, loopback, multicast, broadcast, reserved */
	NR_ANOMALY_SRC_IS_DST,
	NR_ANOMALY_QUOTE_BAD,	  /* ICMP error whose quoted packet cannot be read */
	NR_ANOMALY_QUOTE_FOREIGN, /* quoted source is not the destination of the error */
	NR_ANOMALY_TUNNEL, /* GRE, IP in IP, 6in4, ESP, AH, L2TP, VXLAN, GTP, Teredo: named in tunnels[] */
	NR_ANOMALY_FRAGMENT_LATER, /* fragment with an offset: no layer-4 header, ports 0, class other */
	NR_ANOMALY_N,
};
extern const char *const nr_anomaly_names[]; /* NULL-terminated */

enum nr_tunnel {
	NR_TUNNEL_NONE,
	NR_TUNNEL_IPIP,
	NR_TUNNEL_6IN4,
	NR_TUNNEL_GRE,
	NR_TUNNEL_ESP,
	NR_TUNNEL_AH,
	NR_TUNNEL_L2TP,
	NR_TUNNEL_VXLAN,
	NR_TUNNEL_GENEVE,
	NR_TUNNEL_GTP,
	NR_TUNNEL_TEREDO,
	NR_TUNNEL_WIREGUARD,
	NR_TUNNEL_N,
};
extern const char *const nr_tunnel_names[]; /* NULL-terminated */

enum {
	NR_TCP_FIN = 1,
	NR_TCP_SYN = 2,
	NR_TCP_RST = 4,
	NR_TCP_PSH = 8,
	NR_TCP_ACK = 16,
	NR_TCP_URG = 32
};

struct nr_packet {
	int64_t ts;
	uint32_t tick, offset; /* ts in seconds and nanoseconds; set after dissection, by prepare */
	struct nr_ip src, dst, quoted_dst;
	const uint8_t *payload; /* layer-4 payload as captured; NULL when none */
	uint32_t payload_len;	/* captured bytes of it */
	uint32_t ip_len;	/* IP total length (IPv6: 40 + payload length) */
	uint32_t seq, ack;
	uint32_t opt_hash; /* fixed hash of the sequence of TCP option kinds and lengths; 0: none */
	uint32_t payload_hash; /* fixed hash of the first 64 payload bytes; 0: none */
	uint32_t anomalies;    /* bits over enum nr_anomaly */
	uint16_t sport, dport; /* ICMP: 0, type << 8 | code; 0 when there are no ports */
	uint16_t ip_id;	       /* IPv4; 0 for IPv6 */
	uint16_t window;
	uint16_t quoted_dport;
	uint16_t marks;	      /* bits over enum nr_mark: single-packet marks */
	uint8_t quoted_proto; /* 0: nothing quoted */
	uint8_t proto;	      /* layer 4 protocol after extension headers */
	uint8_t ttl;
	uint8_t tcp_flags;
	uint8_t traffic_class; /* enum nr_class */
	uint8_t payload_class; /* enum nr_payload */
	uint8_t tunnel;	       /* enum nr_tunnel */
	uint8_t is_v4;
};

/* Values of opt_hash for sequences of options that are often seen. */
#define NR_OPTIONS_MSS	    UINT32_C(0x8d65f6dd) /* MSS: nmap -sS */
#define NR_OPTIONS_MSS_SACK UINT32_C(0xba59e35e) /* MSS, NOP, NOP, SACK: old Windows */
#define NR_OPTIONS_WINDOWS  UINT32_C(0xed1933a7) /* MSS, NOP, WS, NOP, NOP, SACK: Windows, ZMap 4 */
#define NR_OPTIONS_LINUX    UINT32_C(0xf5d04b5c) /* MSS, SACK, TS, NOP, WS */
#define NR_OPTIONS_APPLE    UINT32_C(0xdc5e7a56) /* MSS, NOP, WS, NOP, NOP, TS, SACK, end */

/** Header fields only: everything but traffic_class, payload_class, payload_hash and marks. */
enum nr_outcome nr_dissect(const struct nr_frame *frame, struct nr_packet *ret_packet);
/**
 * Fixed hash of the sequence of option kinds and lengths in the @p n bytes behind the TCP header: values
 * do not count, the end-of-list option ends it. 0 when n is 0, never otherwise.
 */
uint32_t nr_tcp_options_hash(const uint8_t *options, size_t n, bool *ret_bad);
/** Name of a LINKTYPE_ number: "ETHERNET", ... ; "LINKTYPE_n" spelled into @p buf when unknown. */
const char *nr_link_name(uint16_t link, char *buf, size_t cap);
