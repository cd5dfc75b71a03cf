/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

/* RFC 8446 section 5.1, RFC 5246 section 6.2, RFC 6066 section 3, RFC 9147 section 4. */
enum {
	RECORD = 5,
	RECORD_MAX = (1 << 14) + 2048,
	ALERT = 21,
	HANDSHAKE = 22,
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	EXTENSION_SNI = 0,
	SNI_HOST = 0,
	EXTENSIONS_MAX = 256,
};

bool nr_tls_is(const uint8_t *p, size_t n)
{
	if (n < 3)
		return false;
	/* SSL 2 hello with room for later versions: length with top bit, client hello, version */
	if (n >= 11 && (p[0] & 0x80) != 0 && p[2] == CLIENT_HELLO && p[3] <= 3 && p[3] > 0 &&
	    p[4] <= 4 && p[5] == 0 && p[6] % 3 == 0 && p[6] > 0 && p[9] == 0 && p[10] >= 16)
		return true;
	if (p[1] != 3 || p[2] > 4 || n < RECORD + 1)
		return false;
	size_t len = nr_get_be16(p + 3);
	if (p[0] == ALERT)
		return len == 2 && (p[5] == 1 || p[5] == 2);
	if (p[0] != HANDSHAKE || len < 4 || len > RECORD_MAX)
		return false;
	return p[5] == CLIENT_HELLO || p[5] == SERVER_HELLO;
}

bool nr_dtls_is(const uint8_t *p, size_t n)
{
	return n >= 14 && p[0] == HANDSHAKE && p[1] == 0xfe && p[2] >= 0xfd && p[3] == 0 &&
	       p[4] == 0 && p[13] <= 3;
}

/** Skip a vector whose length takes @p width bytes. */
static void vector_skip(struct nr_reader *r, int width)
{
	const uint8_t *head = nr_read_bytes(r, (size_t)width);

	if (head != NULL)
		nr_read_skip(r, width == 1 ? head[0] : nr_get_be16(head));
}

/** Read the next 16 bits; 0 at the end. */
static uint16_t be16_next(struct nr_reader *r)
{
	const uint8_t *p = nr_read_bytes(r, 2);

	return p != NULL ? nr_get_be16(p) : 0;
}

/** The host name of a server_name extension: a list, of which the first host counts. */
static struct nr_str sni_read(struct nr_reader r)
{
	const uint8_t *type;

	(void)be16_next(&r);
	type = nr_read_bytes(&r, 1);
	size_t len = be16_next(&r);
	const uint8_t *name = nr_read_bytes(&r, len);
	if (name == NULL || type == NULL || *type != SNI_HOST || len == 0)
		return (struct nr_str){ NULL, 0 };
	return (struct nr_str){ (const char *)name, len };
}

struct nr_str nr_payload_tls_sni(const uint8_t *payload, size_t n)
{
	const struct nr_str none = { NULL, 0 };

	if (payload == NULL || !nr_tls_is(payload, n) || payload[0] != HANDSHAKE ||
	    payload[5] != CLIENT_HELLO)
		return none;
	size_t record = nr_get_be16(payload + 3);
	struct nr_reader r = nr_reader_of(payload + RECORD, nr_min_size(n - RECORD, record));

	nr_read_skip(&r, 4 + 2 + 32); /* type and length, version, random */
	vector_skip(&r, 1);	      /* session id */
	vector_skip(&r, 2);	      /* cipher suites */
	vector_skip(&r, 1);	      /* compression methods */
	(void)be16_next(&r); /* length of the extensions: the reader knows where the record ends */
	for (int i = 0; i < EXTENSIONS_MAX && nr_reader_left(&r) >= 4; i++) {
		uint16_t type = be16_next(&r), len = be16_next(&r);
		const uint8_t *body = nr_read_bytes(&r, len);

		if (body == NULL)
			return none;
		if (type == EXTENSION_SNI)
			return sni_read(nr_reader_of(body, len));
	}
	return none;
}
