/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

/* Protocols whose first bytes are words: HTTP, SIP, SSDP, SSH, Redis, memcached. */

/** The first line without its end; all of it when it does not end within @p n. */
static struct nr_str first_line(const uint8_t *p, size_t n)
{
	const uint8_t *end = memchr(p, '\n', n);
	struct nr_str line = { (const char *)p, end != NULL ? (size_t)(end - p) : n };

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool has(struct nr_str s, const char *word)
{
	return s.n > 0 && memmem(s.p, s.n, word, strlen(word)) != NULL;
}

static bool starts_any(const uint8_t *p, size_t n, const char *const *words, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++) {
		size_t len = strlen(words[i]);

		if (n >= len && memcmp(p, words[i], len) == 0)
			return true;
	}
	return false;
}

/** The same without regard to case; @p words are lower case. */
static bool starts_any_case(const uint8_t *p, size_t n, const char *const *words, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++) {
		size_t len = strlen(words[i]), at = 0;

		while (at < len && at < n &&
		       (p[at] | (p[at] >= 'A' && p[at] <= 'Z' ? 0x20 : 0)) == words[i][at])
			at++;
		if (at == len)
			return true;
	}
	return false;
}

/** RFC 9112 section 3: a method, a target, the version; HTTP/0.9 has none; RFC 9113 section 3.4. */
bool nr_http_is(const uint8_t *p, size_t n)
{
	static const char *const methods[] = { "GET ",	  "HEAD ",     "POST ",	   "PUT ",
					       "DELETE ", "OPTIONS ",  "CONNECT ", "TRACE ",
					       "PATCH ",  "PROPFIND ", "SEARCH ",  "MKCOL ",
					       "DEBUG ",  "DESCRIBE ", "NOTIFY " };
	if (n < 5 || p[0] < 'C' || p[0] > 'T')
		return false;
	if (NR_STARTS(p, n, "HTTP/1.") || NR_STARTS(p, n, "PRI * HTTP/2.0"))
		return true;
	if (!starts_any(p, n, methods, NR_COUNT(methods)))
		return false;
	struct nr_str line = first_line(p, n);
	if (has(line, " HTTP/"))
		return true;
	if (has(line, " RTSP/") || has(line, " SIP/"))
		return false;
	/* the target reaches beyond what we see, or there is no version */
	const char *target = memchr(line.p, ' ', line.n);
	return target != NULL && target + 1 < line.p + line.n &&
	       (target[1] == '/' || has(line, " http://") || has(line, " https://"));
}

/** RFC 3261 section 7 */
bool nr_sip_is(const uint8_t *p, size_t n)
{
	static const char *const methods[] = { "OPTIONS ",   "INVITE ", "REGISTER ", "ACK ",
					       "BYE ",	     "CANCEL ", "MESSAGE ",  "NOTIFY ",
					       "SUBSCRIBE ", "INFO " };

	if (NR_STARTS(p, n, "SIP/2.0 "))
		return true;
	if (n < 8 || p[0] < 'A' || p[0] > 'S' || !starts_any(p, n, methods, NR_COUNT(methods)))
		return false;
	struct nr_str line = first_line(p, n);
	return has(line, " SIP/2.0") || has(line, " sip:") || has(line, " sips:");
}

/** UPnP Device Architecture 1.1 section 1: HTTP headers in a datagram. */
bool nr_ssdp_is(const uint8_t *p, size_t n)
{
	struct nr_str all = { (const char *)p, n };

	if (n < 10 || (p[0] != 'M' && p[0] != 'N' && p[0] != 'H'))
		return false;
	if (NR_STARTS(p, n, "M-SEARCH ") || NR_STARTS(p, n, "NOTIFY * HTTP/1."))
		return true;
	return NR_STARTS(p, n, "HTTP/1.") &&
	       (has(all, "\nST:") || has(all, "\nSt:") || has(all, "\nst:") || has(all, "\nUSN:"));
}

/** RFC 4253 section 4.2 */
bool nr_ssh_is(const uint8_t *p, size_t n)
{
	return NR_STARTS(p, n, "SSH-") && n >= 5 && p[4] >= '0' && p[4] <= '9';
}

/** RESP arrays of bulk strings, commands in a line, and the answers a scan provokes. */
bool nr_redis_is(const uint8_t *p, size_t n)
{
	static const char *const words[] = { "info\r\n",    "ping\r\n",	    "info\n",
					     "config get ", "config set ",  "slaveof ",
					     "replicaof ",  "flushall\r\n", "module load ",
					     "client list", "info server",  "keys *" };
	size_t i = 1;

	if (NR_STARTS(p, n, "+PONG\r\n") || NR_STARTS(p, n, "-NOAUTH ") ||
	    NR_STARTS(p, n, "-DENIED Redis"))
		return true;
	if (n < 4 || p[0] != '*')
		return starts_any_case(p, n, words, NR_COUNT(words));
	while (i < n && i < 6 && p[i] >= '0' && p[i] <= '9')
		i++;
	return i > 1 && n >= i + 3 && memcmp(p + i, "\r\n$", 3) == 0;
}

/** Text commands, memcached protocol.txt. */
static bool memcached_text(const uint8_t *p, size_t n)
{
	static const char *const whole[] = {
		"stats\r\n",   "version\r\n", "stats\n",	  "version\n",
		"STAT ",       "VALUE ",      "END\r\n",	  "ERROR\r\n",
		"stats items", "stats slabs", "stats cachedump ", "VERSION 1."
	};
	static const char *const with_key[] = { "get ",	   "gets ", "set ", "add ",
						"delete ", "incr ", "gat " };

	if (starts_any(p, n, whole, NR_COUNT(whole)))
		return true;
	struct nr_str line = first_line(p, n);
	if (!starts_any(p, n, with_key, NR_COUNT(with_key)) || line.n == n || line.n < 5)
		return false;
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] < ' ' || line.p[i] > '~')
			return false;
	}
	return true;
}

bool nr_memcached_tcp_is(const uint8_t *p, size_t n)
{
	/* binary header: magic, opcode, ..., data type 0, body not shorter than key and extras */
	if (n >= 24 && (p[0] == 0x80 || p[0] == 0x81) && p[1] <= 0x23 && p[5] == 0 && p[8] == 0 &&
	    p[9] == 0)
		return nr_get_be32(p + 8) >= (uint32_t)nr_get_be16(p + 2) + p[4];
	return memcached_text(p, n);
}

/** The frame header of UDP: request, sequence, number of datagrams, reserved. */
bool nr_memcached_udp_is(const uint8_t *p, size_t n)
{
	if (n < 8 + 5 || p[6] != 0 || p[7] != 0 || nr_get_be16(p + 4) == 0)
		return false;
	return nr_get_be16(p + 2) < nr_get_be16(p + 4) && memcached_text(p + 8, n - 8);
}
