/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/dissect_int.h"

/** RFC 792 and RFC 4443: type, code, checksum, four bytes that depend on the type. */
enum { HEADER = 8, HEADER6_MIN = 4 };

/** ICMP errors, which quote the packet they are about. */
static bool is_error(uint8_t type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static bool is_error6(uint8_t type)
{
	return type >= 1 && type <= 4;
}

/** Length checks and the fields common to both. @return false when there is nothing to go on with */
static bool header_read(struct nr_view l4, uint32_t min, struct nr_packet *pkt,
			enum nr_outcome *ret)
{
	*ret = NR_OUTCOME_OK;
	if (l4.wire < min && (pkt->anomalies & NR_BIT(NR_ANOMALY_FRAGMENT)) != 0)
		pkt->anomalies |= NR_BIT(NR_ANOMALY_FRAGMENT_TINY);
	else if (l4.wire < min)
		*ret = NR_OUTCOME_L4_MALFORMED;
	else if (l4.n < min)
		*ret = NR_OUTCOME_L4_TRUNCATED;
	if (*ret != NR_OUTCOME_OK || l4.n < 2)
		return false;
	pkt->dport = nr_get_be16(l4.p);
	if (l4.n > HEADER) {
		pkt->payload = l4.p + HEADER;
		pkt->payload_len = l4.n - HEADER;
	}
	return true;
}

static void quote_read(struct nr_view l4, struct nr_packet *pkt)
{
	struct nr_view quote = { 0 };

	if (l4.n > HEADER)
		quote = (struct nr_view){ l4.p + HEADER, l4.n - HEADER, l4.wire - HEADER };
	nr_quote_dissect(quote, pkt);
}

enum nr_outcome nr_icmp_dissect(struct nr_view l4, struct nr_packet *pkt)
{
	enum nr_outcome outcome;

	if (header_read(l4, HEADER, pkt, &outcome) && is_error(l4.p[0]))
		quote_read(l4, pkt);
	return outcome;
}

enum nr_outcome nr_icmp6_dissect(struct nr_view l4, struct nr_packet *pkt)
{
	enum nr_outcome outcome;

	if (header_read(l4, HEADER6_MIN, pkt, &outcome) && is_error6(l4.p[0]))
		quote_read(l4, pkt);
	return outcome;
}
