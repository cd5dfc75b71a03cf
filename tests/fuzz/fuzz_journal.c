/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the last segment of a journal. The first byte chooses:
 *   bit 0   the head of the segment is made valid
 *   bit 1   marks and sums of the heads of records are made right, record after record
 *   bit 2   places, links and lengths too
 *   bit 3   sums of the bodies too
 *   bit 4   room follows: zeros
 * What must hold: opening, verifying and reading end, in any way; what opens can be read to its end
 * or to a body that is no entry, can be appended to, opens again, and has then what it had.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "store/journal/journal_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 1 << 20, ROOM = 8192, SALT = 0x5a17 };

static char dir[64], path[PATH_MAX];
static uint8_t *file;

static void require(bool good)
{
	if (!good)
		abort();
}

static int remove_one(void *ctx, const char *name)
{
	char victim[PATH_MAX];

	(void)ctx;
	(void)snprintf(victim, sizeof(victim), "%s/%s", dir, name);
	return nr_io_unlink(victim);
}

static void remove_dir(void)
{
	require(nr_io_list(dir, remove_one, NULL) == 0);
	(void)rmdir(dir);
}

static void set_up(void)
{
	(void)snprintf(dir, sizeof(dir), "%s/noroshi-fuzz-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	file = malloc(FILE_MAX + ROOM);
	require(file != NULL && mkdtemp(dir) != NULL && nr_crypt_init() == 0);
	require(nr_segment_path(dir, 1, "", path) == 0);
	(void)atexit(remove_dir);
}

/* Make the record at @p at what the bits ask for. @return where the next one begins */
static size_t repair(uint8_t bits, size_t at, size_t n, uint64_t *place, struct nr_digest *chain)
{
	uint8_t *p = file + at;
	struct nr_record rec = { .at = 0 };
	uint32_t left = (uint32_t)(n - at - NR_RECORD_HEAD);

	memcpy(&rec.at, p + 8, 8);
	memcpy(&rec.commit_at, p + 16, 8);
	memcpy(&rec.arrived_ns, p + 24, 8);
	memcpy(&rec.length, p + 32, 4);
	memcpy(&rec.crc, p + 36, 4);
	memcpy(rec.digest.b, p + 48, NR_DIGEST_SIZE);
	rec.type = p[40];
	if ((bits & 4) != 0) {
		rec.at = rec.type == NR_RECORD_CLOSE ? *place - 1 : *place;
		rec.commit_at = rec.commit_at % 4 == 0 ? rec.at : 1;
		rec.arrived_ns = (int64_t)rec.at;
		rec.length = left < 8 ? 0 : rec.length % (left - 7);
		rec.link = nr_record_link(chain);
	}
	if ((bits & 8) != 0 && rec.length <= left) {
		rec.crc = nr_crc32c(0, p + NR_RECORD_HEAD, rec.length);
		rec.digest = nr_digest_of(p + NR_RECORD_HEAD, rec.length);
		for (size_t i = rec.length; i < (rec.length + 7) / 8 * 8 && i < left; i++)
			p[NR_RECORD_HEAD + i] = 0;
	}
	nr_record_put(&rec, SALT, p);
	*chain = nr_record_chain(chain, p);
	++*place;
	return rec.length > left ? n : at + (size_t)nr_record_size(rec.length);
}

static size_t make_file(const uint8_t *data, size_t size)
{
	uint8_t bits = data[0];
	struct nr_segment_head head = { .first_at = 1, .salt = SALT };
	uint64_t place = 1;
	size_t n = size - 1;

	memcpy(file, data + 1, n);
	if ((bits & 1) != 0 && n >= NR_SEGMENT_HEAD)
		nr_segment_head_put(&head, file);
	for (size_t at = NR_SEGMENT_HEAD; (bits & 2) != 0 && at + NR_RECORD_HEAD <= n;)
		at = repair(bits, at, n, &place, &head.chain);
	if ((bits & 16) != 0) {
		memset(file + n, 0, ROOM);
		n += ROOM;
	}
	return n;
}

/* @return the last place that was read; *ret_ret how it ended */
static uint64_t read_all(int *ret_ret)
{
	struct nr_journal_reader *reader = NULL;
	struct nr_entry entry;
	uint64_t at = 0;

	*ret_ret = nr_journal_reader_open(dir, 1, NULL, &reader, NULL);
	while (*ret_ret == 0 && (*ret_ret = nr_journal_reader_next(reader, &entry, NULL)) == 1) {
		require(entry.at > at);
		at = entry.at;
		*ret_ret = 0;
	}
	nr_journal_reader_close(reader);
	return at;
}

static void use(struct nr_journal *journal, uint64_t last_at, bool readable)
{
	struct nr_entry entry = { .type = NR_ENTRY_WATERMARK };
	int ret;

	require(nr_journal_append(journal, &entry) == 0 && entry.at > last_at);
	require(nr_journal_commit(journal, NULL) == 0);
	require(nr_journal_durable(journal) == entry.at);
	if (readable)
		require(read_all(&ret) == entry.at && ret == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nr_journal_options options = { .dir = dir, .segment_bytes = 4096 };
	struct nr_journal_recovery recovery;
	struct nr_journal_report report;
	struct nr_journal *journal = NULL;
	int fd, read_ret, again;
	uint64_t at;

	if (size == 0 || size > FILE_MAX)
		return 0;
	if (file == NULL)
		set_up();
	require(nr_io_list(dir, remove_one, NULL) == 0);
	fd = nr_io_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t n = make_file(data, size);

	require(fd >= 0 && nr_io_write_all(fd, file, n) == 0 && nr_io_close(fd) == 0);
	int verified = nr_journal_verify(dir, NULL, &report, NULL);

	at = read_all(&read_ret);
	if (nr_journal_open(&options, &journal, &recovery, NULL) < 0) {
		require(verified < 0 || report.records == 0);
		return 0;
	}
	require(at <= recovery.last_at && (read_ret < 0 || at == recovery.last_at));
	require(recovery.last_at < UINT64_MAX);
	use(journal, recovery.last_at, read_ret == 0);
	nr_journal_close(journal);
	require(nr_journal_open(&options, &journal, &recovery, NULL) == 0);
	require(recovery.torn_bytes == 0);
	nr_journal_close(journal);
	require(read_all(&again) >= at);
	return 0;
}
