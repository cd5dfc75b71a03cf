/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

/* ASN.1 BER as SNMP (RFC 1157, 1905, 3412) and LDAP over UDP (RFC 1798, 4511) use it. */

enum { SEQUENCE = 0x30, INTEGER = 0x02, OCTETS = 0x04, LOOSE = 8 };

size_t nr_ber_read(const uint8_t *p, size_t n, uint8_t *ret_tag, size_t *ret_len)
{
	if (n < 2)
		return 0;
	size_t len = p[1], more = 0;

	if (len >= 0x80) {
		more = len & 0x7f;
		if (more == 0 || more > 4 || n < 2 + more)
			return 0;
		len = 0;
		for (size_t i = 0; i < more; i++)
			len = len << 8 | p[2 + i];
	}
	*ret_tag = p[0];
	*ret_len = len;
	return 2 + more;
}

/** Enter the outermost sequence, which the datagram must fill, or nearly. */
static bool message_open(struct nr_reader *r, const uint8_t *p, size_t n)
{
	uint8_t tag;
	size_t len, head = nr_ber_read(p, n, &tag, &len);

	if (head == 0 || tag != SEQUENCE || len < 5)
		return false;
	/* what is looked at may be cut; a longer datagram is not this message */
	if (n < NR_PAYLOAD_LOOK && (head + len > n + LOOSE || n > head + len + LOOSE))
		return false;
	*r = nr_reader_of(p + head, n - head);
	return true;
}

/** Skip one element of type @p want, of at most @p max bytes; its first byte goes to *ret_first. */
static bool element_skip(struct nr_reader *r, uint8_t want, size_t max, uint8_t *ret_first)
{
	uint8_t tag;
	size_t len, head = nr_ber_read(r->p, nr_reader_left(r), &tag, &len);

	if (head == 0 || tag != want || len > max || head + len > nr_reader_left(r))
		return false;
	*ret_first = len > 0 ? r->p[head] : 0;
	r->p += head + len;
	return true;
}

uint8_t nr_snmp_pdu(const uint8_t *p, size_t n)
{
	struct nr_reader r;
	uint8_t version, first;

	if (!message_open(&r, p, n) || !element_skip(&r, INTEGER, 1, &version) || version > 1 ||
	    !element_skip(&r, OCTETS, 128, &first) || nr_reader_left(&r) < 2)
		return 0;
	return r.p[0] >= 0xa0 && r.p[0] <= 0xa8 ? r.p[0] : 0;
}

bool nr_snmp_is(const uint8_t *p, size_t n)
{
	struct nr_reader r;
	uint8_t version, tag;
	size_t len;

	if (nr_snmp_pdu(p, n) != 0)
		return true;
	/* version 3: a sequence of message id, size, flags, security model */
	return message_open(&r, p, n) && element_skip(&r, INTEGER, 1, &version) && version == 3 &&
	       nr_ber_read(r.p, nr_reader_left(&r), &tag, &len) != 0 && tag == SEQUENCE &&
	       len >= 10 && len < 32;
}

uint8_t nr_cldap_op(const uint8_t *p, size_t n)
{
	struct nr_reader r;
	uint8_t first;

	if (!message_open(&r, p, n) || !element_skip(&r, INTEGER, 4, &first) ||
	    nr_reader_left(&r) < 2)
		return 0;
	if (r.p[0] == OCTETS &&
	    !element_skip(&r, OCTETS, 64, &first)) /* RFC 1798: user, may be empty */
		return 0;
	if (nr_reader_left(&r) < 2)
		return 0;
	/* bind, search request, entry, done, extended request and response */
	uint8_t op = r.p[0];
	return op == 0x60 || (op >= 0x63 && op <= 0x65) || op == 0x77 || op == 0x78 ? op : 0;
}

bool nr_cldap_is(const uint8_t *p, size_t n)
{
	return nr_snmp_pdu(p, n) == 0 && nr_cldap_op(p, n) != 0;
}
