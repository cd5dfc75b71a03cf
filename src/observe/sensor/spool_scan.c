/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/io.h"
#include "observe/sensor/spool_int.h"

enum { CHUNK = 16 << 10 };

int nr_spool_read_at(int fd, uint64_t at, void *buf, size_t n)
{
	ssize_t got = nr_io_pread_full(fd, buf, n, at);

	if (got < 0)
		return (int)got;
	return (size_t)got == n ? 0 : -EIO;
}

void nr_spool_scan_begin(struct nr_spool_scan *scan, int fd, uint64_t at, uint64_t size,
			 bool verify)
{
	*scan = (struct nr_spool_scan){
		.fd = fd, .verify = verify, .at = at, .size = size, .end = at
	};
}

/* @return 1 the payload is what the head says; 0 it is not; -errno */
static int payload_check(const struct nr_spool_scan *scan, const struct nr_spool_head *head)
{
	uint8_t chunk[CHUNK];
	uint64_t at = scan->at + NR_SPOOL_HEAD, left = head->length;
	uint32_t crc = 0;

	while (left > 0) {
		size_t n = nr_min_size(left, sizeof(chunk));
		int r = nr_spool_read_at(scan->fd, at, chunk, n);

		if (r < 0)
			return r;
		crc = nr_crc32c(crc, chunk, n);
		at += n;
		left -= n;
	}
	return crc == head->payload_crc;
}

/* @return 1 a sound record stands at scan->at; 0 none; -errno */
static int record_at(const struct nr_spool_scan *scan, struct nr_spool_head *ret_head)
{
	uint8_t bytes[NR_SPOOL_HEAD];

	if (scan->size - scan->at < NR_SPOOL_HEAD)
		return 0;
	int r = nr_spool_read_at(scan->fd, scan->at, bytes, sizeof(bytes));

	if (r < 0)
		return r;
	if (!nr_spool_head_read(bytes, ret_head) ||
	    scan->size - scan->at < nr_spool_record_size(ret_head->length))
		return 0;
	return scan->verify ? payload_check(scan, ret_head) : 1;
}

/*
 * Move to the next place that begins like a record, at least 8 bytes on. @return 1; 0 none; -errno
 */
static int resync(struct nr_spool_scan *scan)
{
	static const uint8_t magic[4] = "NRSR";
	uint8_t chunk[CHUNK];
	uint64_t at = scan->at + 8;

	while (scan->size > at && scan->size - at >= NR_SPOOL_HEAD) {
		size_t n = nr_min_size(scan->size - at, sizeof(chunk));
		int r = nr_spool_read_at(scan->fd, at, chunk, n);

		if (r < 0)
			return r;
		for (size_t i = 0; i + sizeof(magic) <= n; i += 8) {
			if (memcmp(chunk + i, magic, sizeof(magic)) != 0)
				continue;
			scan->at = at + i;
			return 1;
		}
		at += (n + 7) & ~(size_t)7;
	}
	scan->at = scan->size;
	return 0;
}

int nr_spool_scan_next(struct nr_spool_scan *scan, struct nr_spool_head *ret_head, uint64_t *ret_at)
{
	uint64_t from = scan->at;
	int r;

	while ((r = record_at(scan, ret_head)) == 0) {
		if (scan->size - scan->at < NR_SPOOL_HEAD)
			return 0;
		r = resync(scan);
		if (r <= 0)
			return r;
	}
	if (r < 0)
		return r;
	scan->n_damaged += scan->at != from;
	*ret_at = scan->at;
	scan->at += nr_spool_record_size(ret_head->length);
	scan->end = scan->at;
	return 1;
}
