/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "observe/sensor/spool_int.h"

static const char magic[16] = "NOROSHI SPOOL\r\n\x1a";
enum { RECORD_MAGIC = 0x5253524e }; /* "NRSR" */

/* Set the four bytes at @p at to the checksum of what follows them up to the end of @p out. */
static void seal(struct nr_buf *out, size_t at)
{
	if (out->err < 0)
		return;
	uint32_t crc = nr_crc32c(0, out->p + at + 4, out->n - at - 4);

	for (unsigned i = 0; i < 4; i++)
		out->p[at + i] = (uint8_t)(crc >> 8 * i);
}

void nr_spool_file_head_write(const struct nr_spool_file_head *head, struct nr_buf *out)
{
	nr_buf_add(out, magic, sizeof(magic));
	size_t at = out->n;

	nr_write_le32(out, 0);
	nr_write_le32(out, NR_SPOOL_VERSION);
	nr_write_le64(out, head->epoch);
	nr_write_le64(out, head->first);
	nr_write_le64(out, head->rows);
	nr_write_le64(out, head->packets);
	nr_buf_add(out, head->previous.b, sizeof(head->previous.b));
	nr_write_le64(out, head->acked.epoch);
	nr_write_le64(out, head->acked.seq);
	nr_write_le64(out, head->acked.rows);
	nr_write_le64(out, head->acked.packets);
	seal(out, at);
}

int nr_spool_file_head_read(const uint8_t bytes[NR_SPOOL_FILE_HEAD],
			    struct nr_spool_file_head *ret_head)
{
	struct nr_reader in = nr_reader_of(bytes, NR_SPOOL_FILE_HEAD);
	struct nr_spool_file_head head = { 0 };

	if (memcmp(nr_read_bytes(&in, sizeof(magic)), magic, sizeof(magic)) != 0)
		return NR_EDAMAGED;
	if (nr_read_le32(&in) != nr_crc32c(0, in.p, nr_reader_left(&in)))
		return NR_EDAMAGED;
	if (nr_read_le32(&in) != NR_SPOOL_VERSION)
		return NR_EVERSION;
	head.epoch = nr_read_le64(&in);
	head.first = nr_read_le64(&in);
	head.rows = nr_read_le64(&in);
	head.packets = nr_read_le64(&in);
	memcpy(head.previous.b, nr_read_bytes(&in, NR_DIGEST_SIZE), NR_DIGEST_SIZE);
	head.acked.epoch = nr_read_le64(&in);
	head.acked.seq = nr_read_le64(&in);
	head.acked.rows = nr_read_le64(&in);
	head.acked.packets = nr_read_le64(&in);
	*ret_head = head;
	return 0;
}

void nr_spool_head_write(const struct nr_spool_head *head, struct nr_buf *out)
{
	nr_write_le32(out, RECORD_MAGIC);
	size_t at = out->n;

	nr_write_le32(out, 0);
	nr_write_le32(out, head->length);
	nr_write_le32(out, head->payload_crc);
	nr_write_le64(out, head->epoch);
	nr_write_le64(out, head->seq);
	nr_write_le64(out, (uint64_t)head->made_ns);
	nr_write_le64(out, head->packets);
	nr_write_le64(out, head->rows_before);
	nr_write_le64(out, head->packets_before);
	nr_write_le64(out, (uint64_t)head->first_tick);
	nr_write_le64(out, (uint64_t)head->last_tick);
	nr_write_le32(out, head->rows);
	nr_write_le32(out, head->kind);
	nr_buf_add(out, head->previous.b, sizeof(head->previous.b));
	seal(out, at);
}

bool nr_spool_head_read(const uint8_t bytes[NR_SPOOL_HEAD], struct nr_spool_head *ret_head)
{
	struct nr_reader in = nr_reader_of(bytes, NR_SPOOL_HEAD);
	struct nr_spool_head head = { 0 };

	if (nr_read_le32(&in) != RECORD_MAGIC)
		return false;
	if (nr_read_le32(&in) != nr_crc32c(0, in.p, nr_reader_left(&in)))
		return false;
	head.length = nr_read_le32(&in);
	head.payload_crc = nr_read_le32(&in);
	head.epoch = nr_read_le64(&in);
	head.seq = nr_read_le64(&in);
	head.made_ns = (int64_t)nr_read_le64(&in);
	head.packets = nr_read_le64(&in);
	head.rows_before = nr_read_le64(&in);
	head.packets_before = nr_read_le64(&in);
	head.first_tick = (int64_t)nr_read_le64(&in);
	head.last_tick = (int64_t)nr_read_le64(&in);
	head.rows = nr_read_le32(&in);
	uint32_t kind = nr_read_le32(&in);

	if (head.length > NR_BATCH_SIZE_MAX ||
	    (kind != NR_SPOOL_RECORD_BATCH && kind != NR_SPOOL_RECORD_ACKED))
		return false;
	head.kind = (uint8_t)kind;
	memcpy(head.previous.b, nr_read_bytes(&in, NR_DIGEST_SIZE), NR_DIGEST_SIZE);
	*ret_head = head;
	return true;
}

void nr_spool_name(uint64_t epoch, uint64_t first, char out[NR_SPOOL_NAME])
{
	(void)snprintf(out, NR_SPOOL_NAME, "%016llx-%016llx.nrs", (unsigned long long)epoch,
		       (unsigned long long)first);
}

bool nr_spool_hex16(const char *p, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 16; i++) {
		char c = p[i];
		unsigned digit = c >= '0' && c <= '9'	? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
							: 16;

		if (digit == 16)
			return false;
		value = value << 4 | digit;
	}
	*ret_value = value;
	return true;
}

bool nr_spool_name_read(const char *name, uint64_t *ret_epoch, uint64_t *ret_first)
{
	return strlen(name) == 37 && name[16] == '-' && strcmp(name + 33, ".nrs") == 0 &&
	       nr_spool_hex16(name, ret_epoch) && nr_spool_hex16(name + 17, ret_first);
}
