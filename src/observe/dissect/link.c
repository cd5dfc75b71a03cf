/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/dissect_int.h"

#include <stdio.h>

enum { ETHERTYPE_IP4 = 0x0800, ETHERTYPE_IP6 = 0x86dd, VLAN_TAGS_MAX = 2 };

typedef enum nr_outcome strip(struct nr_view *view, enum nr_link_next *ret_next);

/** Take @p n bytes off the front. */
static bool skip(struct nr_view *view, uint32_t n)
{
	if (view->n < n)
		return false;
	view->p += n;
	view->n -= n;
	view->wire -= n;
	return true;
}

static bool is_vlan(uint16_t ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

/** @p view stands behind @p ethertype. */
static enum nr_outcome ethertype_strip(uint16_t ethertype, struct nr_view *view,
				       enum nr_link_next *ret_next)
{
	for (int tags = 0; tags < VLAN_TAGS_MAX && is_vlan(ethertype); tags++) {
		const uint8_t *tag = view->p;

		if (!skip(view, 4))
			return NR_OUTCOME_LINK_TRUNCATED;
		ethertype = nr_get_be16(tag + 2);
	}
	if (ethertype == ETHERTYPE_IP4)
		*ret_next = NR_LINK_IP4;
	else if (ethertype == ETHERTYPE_IP6)
		*ret_next = NR_LINK_IP6;
	else
		return NR_OUTCOME_NOT_IP; /* also lengths of IEEE 802.3 frames, and a third tag */
	return NR_OUTCOME_OK;
}

static enum nr_outcome ethernet_strip(struct nr_view *view, enum nr_link_next *ret_next)
{
	const uint8_t *p = view->p;

	if (!skip(view, 14))
		return NR_OUTCOME_LINK_TRUNCATED;
	return ethertype_strip(nr_get_be16(p + 12), view, ret_next);
}

static enum nr_outcome sll_strip(struct nr_view *view, enum nr_link_next *ret_next)
{
	const uint8_t *p = view->p;

	if (!skip(view, 16))
		return NR_OUTCOME_LINK_TRUNCATED;
	return ethertype_strip(nr_get_be16(p + 14), view, ret_next);
}

static enum nr_outcome sll2_strip(struct nr_view *view, enum nr_link_next *ret_next)
{
	const uint8_t *p = view->p;

	if (!skip(view, 20))
		return NR_OUTCOME_LINK_TRUNCATED;
	return ethertype_strip(nr_get_be16(p), view, ret_next);
}

/** The address family, in the byte order of a machine we do not know. */
static enum nr_outcome loopback_strip(struct nr_view *view, enum nr_link_next *ret_next)
{
	const uint8_t *p = view->p;

	if (!skip(view, 4))
		return NR_OUTCOME_LINK_TRUNCATED;
	uint32_t le = nr_get_le32(p), be = nr_get_be32(p), family = le < be ? le : be;

	switch (family) {
	case 2:
		*ret_next = NR_LINK_IP4;
		return NR_OUTCOME_OK;
	case 10: /* Linux */
	case 24: /* NetBSD, OpenBSD */
	case 28: /* FreeBSD */
	case 30: /* macOS */
		*ret_next = NR_LINK_IP6;
		return NR_OUTCOME_OK;
	default:
		return NR_OUTCOME_NOT_IP;
	}
}

static enum nr_outcome raw_strip(struct nr_view *view, enum nr_link_next *ret_next)
{
	(void)view;
	*ret_next = NR_LINK_BY_VERSION;
	return NR_OUTCOME_OK;
}

static enum nr_outcome ipv4_strip(struct nr_view *view, enum nr_link_next *ret_next)
{
	(void)view;
	*ret_next = NR_LINK_IP4;
	return NR_OUTCOME_OK;
}

static enum nr_outcome ipv6_strip(struct nr_view *view, enum nr_link_next *ret_next)
{
	(void)view;
	*ret_next = NR_LINK_IP6;
	return NR_OUTCOME_OK;
}

/* LINKTYPE_ numbers by name; those with a function are read. Names: tcpdump.org/linktypes.html */
static const struct {
	uint16_t link;
	const char *name;
	strip *strip;
} links[] = {
	{ 0, "NULL", loopback_strip },
	{ 1, "ETHERNET", ethernet_strip },
	{ 3, "AX25", NULL },
	{ 6, "IEEE802_5", NULL },
	{ 7, "ARCNET_BSD", NULL },
	{ 8, "SLIP", NULL },
	{ 9, "PPP", NULL },
	{ 10, "FDDI", NULL },
	{ 12, "RAW_12", raw_strip }, /* DLT_RAW written as it is: most systems, */
	{ 14, "RAW_14", raw_strip }, /* and OpenBSD */
	{ 50, "PPP_HDLC", NULL },
	{ 51, "PPP_ETHER", NULL },
	{ 100, "ATM_RFC1483", NULL },
	{ 101, "RAW", raw_strip },
	{ 104, "C_HDLC", NULL },
	{ 105, "IEEE802_11", NULL },
	{ 107, "FRELAY", NULL },
	{ 108, "LOOP", loopback_strip },
	{ 113, "LINUX_SLL", sll_strip },
	{ 114, "LTALK", NULL },
	{ 117, "PFLOG", NULL },
	{ 119, "IEEE802_11_PRISM", NULL },
	{ 122, "IP_OVER_FC", NULL },
	{ 123, "SUNATM", NULL },
	{ 127, "IEEE802_11_RADIOTAP", NULL },
	{ 129, "ARCNET_LINUX", NULL },
	{ 138, "APPLE_IP_OVER_IEEE1394", NULL },
	{ 143, "DOCSIS", NULL },
	{ 144, "LINUX_IRDA", NULL },
	{ 147, "USER0", NULL },
	{ 163, "IEEE802_11_AVS", NULL },
	{ 166, "PPP_PPPD", NULL },
	{ 177, "LINUX_LAPD", NULL },
	{ 187, "BLUETOOTH_HCI_H4", NULL },
	{ 189, "USB_LINUX", NULL },
	{ 192, "PPI", NULL },
	{ 195, "IEEE802_15_4_WITHFCS", NULL },
	{ 201, "BLUETOOTH_HCI_H4_WITH_PHDR", NULL },
	{ 202, "AX25_KISS", NULL },
	{ 203, "LAPD", NULL },
	{ 204, "PPP_WITH_DIR", NULL },
	{ 205, "C_HDLC_WITH_DIR", NULL },
	{ 206, "FRELAY_WITH_DIR", NULL },
	{ 209, "IPMB_LINUX", NULL },
	{ 220, "USB_LINUX_MMAPPED", NULL },
	{ 224, "FC_2", NULL },
	{ 225, "FC_2_WITH_FRAME_DELIMS", NULL },
	{ 226, "IPNET", NULL },
	{ 227, "CAN_SOCKETCAN", NULL },
	{ 228, "IPV4", ipv4_strip },
	{ 229, "IPV6", ipv6_strip },
	{ 230, "IEEE802_15_4_NOFCS", NULL },
	{ 231, "DBUS", NULL },
	{ 235, "DVB_CI", NULL },
	{ 237, "STANAG_5066_D_PDU", NULL },
	{ 239, "NFLOG", NULL },
	{ 240, "NETANALYZER", NULL },
	{ 241, "NETANALYZER_TRANSPARENT", NULL },
	{ 242, "IPOIB", NULL },
	{ 243, "MPEG_2_TS", NULL },
	{ 245, "NFC_LLCP", NULL },
	{ 247, "INFINIBAND", NULL },
	{ 248, "SCTP", NULL },
	{ 249, "USBPCAP", NULL },
	{ 251, "BLUETOOTH_LE_LL", NULL },
	{ 253, "NETLINK", NULL },
	{ 258, "PKTAP", NULL },
	{ 259, "EPON", NULL },
	{ 264, "ISO_14443", NULL },
	{ 265, "RDS", NULL },
	{ 272, "NORDIC_BLE", NULL },
	{ 273, "DOCSIS31_XRA31", NULL },
	{ 274, "ETHERNET_MPACKET", NULL },
	{ 276, "LINUX_SLL2", sll2_strip },
	{ 278, "OPENVIZSLA", NULL },
	{ 283, "IEEE802_15_4_TAP", NULL },
	{ 290, "ETW", NULL },
};

enum nr_outcome nr_link_dissect(const struct nr_frame *frame, struct nr_view *view,
				enum nr_link_next *ret_next)
{
	for (size_t i = 0; i < NR_COUNT(links); i++) {
		if (links[i].link != frame->link)
			continue;
		return links[i].strip != NULL ? links[i].strip(view, ret_next)
					      : NR_OUTCOME_LINK_UNKNOWN;
	}
	return NR_OUTCOME_LINK_UNKNOWN;
}

const char *nr_link_name(uint16_t link, char *buf, size_t cap)
{
	for (size_t i = 0; i < NR_COUNT(links); i++) {
		if (links[i].link == link)
			return links[i].name;
	}
	(void)snprintf(buf, cap, "LINKTYPE_%u", (unsigned)link);
	return buf;
}
