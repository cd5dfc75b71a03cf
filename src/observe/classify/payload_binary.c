/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

/* Protocols over TCP whose first bytes are a binary header: Telnet, RDP, SMB, ADB; and NTP, QUIC. */

/** RFC 854: IAC and a negotiation of an option that exists (RFC 855; assigned 0 ... 49, 138 ... 140, 255). */
bool nr_telnet_is(const uint8_t *p, size_t n)
{
	if (n < 3 || p[0] != 0xff)
		return false;
	if (p[1] == 0xfa) /* subnegotiation: ends with IAC SE */
		return p[2] <= 49 && n >= 5 && memmem(p + 3, n - 3, "\xff\xf0", 2) != NULL;
	return p[1] >= 0xfb && p[1] <= 0xfe && p[2] <= 49 && (n < 6 || p[3] == 0xff || p[3] < 0x80);
}

/**
 * TPKT (RFC 1006) with an X.224 connection request or confirm. The same stands at the start of S7 and
 * H.323; RDP has the mstshash cookie, an RDP negotiation ([MS-RDPBCGR] 2.2.1.1), or nothing more.
 */
bool nr_rdp_is(const uint8_t *p, size_t n)
{
	if (n < 11 || p[0] != 3 || p[1] != 0 || (p[5] != 0xe0 && p[5] != 0xd0))
		return false;
	size_t len = nr_get_be16(p + 2);
	if (len < 11 || p[4] > len - 5 || p[6] != 0 || p[7] != 0)
		return false;
	if (len == 11 || n == 11)
		return p[4] == 6;
	if (NR_STARTS(p + 11, n - 11, "Cookie: ") || NR_STARTS(p + 11, n - 11, "mstshash="))
		return true;
	/* negotiation request, response or failure: type, flags, length 8 */
	return n >= 19 && p[11] >= 1 && p[11] <= 3 && p[13] == 8 && p[14] == 0;
}

/** [MS-SMB] 2.2.3.1, [MS-SMB2] 2.2.1, behind the session header of RFC 1002. */
bool nr_smb_is(const uint8_t *p, size_t n)
{
	if (n >= 8 && p[0] == 0 && p[5] == 'S')
		p += 4;
	else if (n < 4 || p[1] != 'S')
		return false;
	return p[0] >= 0xfc && memcmp(p + 1, "SMB", 3) == 0;
}

/** Android platform protocol.txt: six words, the last is the first inverted. */
bool nr_adb_is(const uint8_t *p, size_t n)
{
	static const char commands[][4] = { { 'C', 'N', 'X', 'N' }, { 'A', 'U', 'T', 'H' },
					    { 'O', 'P', 'E', 'N' }, { 'O', 'K', 'A', 'Y' },
					    { 'W', 'R', 'T', 'E' }, { 'C', 'L', 'S', 'E' },
					    { 'S', 'T', 'L', 'S' }, { 'S', 'Y', 'N', 'C' } };

	if (n < 24 || nr_get_le32(p + 20) != ~nr_get_le32(p))
		return false;
	for (size_t i = 0; i < NR_COUNT(commands); i++) {
		if (memcmp(p, commands[i], 4) == 0)
			return true;
	}
	return false;
}

/** RFC 9327: control messages say how long their data is. */
static bool ntp_control_is(const uint8_t *p, size_t n)
{
	if (n < 12)
		return false;
	size_t count = nr_get_be16(p + 10), whole = 12 + ((count + 3) & ~(size_t)3);

	return count <= 468 && (n == 12 + count || n == whole || (n > whole && n <= whole + 24));
}

/** The private mode of ntpd: implementation 0, 2 or 3, a request code, and no "must be zero" bits. */
static bool ntp_private_is(const uint8_t *p, size_t n)
{
	if (n < 4 || p[3] > 45 || (p[2] != 0 && p[2] != 2 && p[2] != 3))
		return false;
	return n < 8 || ((p[4] & 0xf0) <= 0x70 && (p[6] & 0xf0) == 0);
}

/** RFC 5905 section 7.3; precision 0x20 is what data minimisation asks clients to send. */
bool nr_ntp_is(const uint8_t *p, size_t n)
{
	uint8_t version = p[0] >> 3 & 7, mode = p[0] & 7;

	if (n < 4 || version < 1 || version > 4)
		return false;
	if (mode == 6)
		return ntp_control_is(p, n);
	if (mode == 7)
		return ntp_private_is(p, n);
	if (mode == 0 || n < 48 || n > 48 + 24 + 64)
		return false;
	bool precise = p[3] >= 0xe0 || p[3] == 0 || p[3] == 0x20;
	return p[1] <= 16 && p[2] <= 17 && precise && p[4] <= 1 && p[8] <= 1;
}

/** RFC 9000 section 17.2: long header of a version that exists, or version negotiation. */
static bool quic_version(uint32_t v)
{
	return v == 1 || v == UINT32_C(0x6b3343cf) || (v & 0xffffff00u) == 0xff000000u ||
	       (v & 0x0f0f0f0fu) == 0x0a0a0a0au || (v >> 16 == 0x5130 && (v & 0xf0f0) == 0x3030) ||
	       v >> 8 == 0xfaceb0 || v == UINT32_C(0x709a50c4);
}

bool nr_quic_is(const uint8_t *p, size_t n)
{
	if (n < 7 || (p[0] & 0x80) == 0)
		return false;
	uint32_t version = nr_get_be32(p + 1);
	size_t dcid = p[5];
	if (version >> 16 == 0x5130) /* Google's: lengths of connection ids in one byte */
		return n >= 17 && quic_version(version);
	if (dcid > 20 || n < 7 + dcid || p[6 + dcid] > 20)
		return false;
	if (version == 0) /* negotiation: a list of versions, at least one that exists */
		return n >= 11 + dcid + p[6 + dcid] &&
		       quic_version(nr_get_be32(p + 7 + dcid + p[6 + dcid]));
	return quic_version(version) &&
	       ((p[0] & 0x40) != 0 || (version & 0x0f0f0f0fu) == 0x0a0a0a0au);
}
