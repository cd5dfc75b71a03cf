/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A spool directory after any accident: a segment, a hole, the epoch file. It opens or says why
 * not, hands out what is left, takes a batch more, is numbered anew, and opens again.
 *
 * Input: u16 length of the segment (its highest bit: checksums are made right, so that what lies
 * behind them is reached), u16 of the hole, twice, then both; what is left is the file `epoch` when
 * the first bit of the second number is set, else a right one is written. The file names are right.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypt.h"
#include "base/hash.h"
#include "base/io.h"
#include "observe/sensor/spool_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EPOCH UINT64_C(0x6553f100)
enum { ITEMS_MAX = 100000 };

static char dir[64];

static int remove_one(void *ctx, const char *name)
{
	char path[400];

	(void)ctx;
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return nr_io_unlink(path);
}

static void at_end(void)
{
	if (nr_io_list(dir, remove_one, NULL) == 0)
		(void)rmdir(dir);
}

static void put(const char *name, const uint8_t *bytes, size_t n)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
		abort();
	(void)close(fd);
}

static void word_put(uint8_t *at, uint32_t word)
{
	memcpy(at, &word, sizeof(word));
}

static void repair(uint8_t *bytes, size_t n)
{
	size_t at = NR_SPOOL_FILE_HEAD;

	if (n >= NR_SPOOL_FILE_HEAD)
		word_put(bytes + 16, nr_crc32c(0, bytes + 20, NR_SPOOL_FILE_HEAD - 20));
	while (at + NR_SPOOL_HEAD <= n) {
		uint32_t length = nr_get_le32(bytes + at + 8);
		uint64_t size = nr_spool_record_size(length);

		if (memcmp(bytes + at, "NRSR", 4) != 0 || size > n - at) {
			at += 8;
			continue;
		}
		word_put(bytes + at + 12, nr_crc32c(0, bytes + at + NR_SPOOL_HEAD, length));
		word_put(bytes + at + 4, nr_crc32c(0, bytes + at + 8, NR_SPOOL_HEAD - 8));
		at += size;
	}
}

static void drain(struct nr_spool *spool)
{
	struct nr_digest none = { { 0 } };
	struct nr_spool_item item = { .kind = NR_SPOOL_NOTHING };
	struct nr_buf payload;
	uint64_t last = 0;

	nr_buf_init(&payload, NR_BATCH_SIZE_MAX);
	if (nr_spool_seek(spool, 0, 0, &none, NULL) < 0)
		abort();
	for (int i = 0; i < ITEMS_MAX; i++) {
		if (nr_spool_next(spool, &payload, &item, NULL) < 0 ||
		    item.kind == NR_SPOOL_NOTHING)
			break;
		uint64_t from = item.kind == NR_SPOOL_GAP ? item.gap.from_seq : item.batch.seq;

		nr_require(from == last + 1);
		last = item.kind == NR_SPOOL_GAP ? item.gap.to_seq : item.batch.seq;
		nr_require(last >= from);
		if (nr_spool_ack(spool,
				 item.kind == NR_SPOOL_GAP ? item.gap.epoch : item.batch.epoch,
				 last, NULL) < 0)
			break;
	}
	nr_buf_done(&payload);
}

static void use(int round)
{
	static uint8_t batch[64];
	struct nr_spool_options opt = { .dir = dir, .limit = 1 << 20, .now_s = (int64_t)EPOCH };
	struct nr_spool_entry entry = { .rows = 1,
					.packets = 1,
					.payload = { batch, sizeof(batch) } };
	struct nr_spool *spool = NULL;

	if (nr_spool_open(&opt, &spool, NULL) < 0)
		return;
	if (round == 0 && nr_spool_append(spool, &entry, NULL) == 0 &&
	    nr_spool_sync(spool, NULL) < 0)
		abort();
	if (round == 1)
		(void)!nr_spool_renumber(spool, 7, NULL);
	drain(spool);
	nr_spool_free(spool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[NR_SPOOL_NAME];

	if (size < 4)
		return 0;
	if (dir[0] == '\0') {
		(void)snprintf(dir, sizeof(dir), "/dev/shm/nr_fuzz_spool_%d", (int)getpid());
		if (nr_crypt_init() < 0 || (mkdir(dir, 0700) < 0 && errno != EEXIST))
			abort();
		(void)atexit(at_end);
	}
	size_t n_segment = (size_t)data[0] | (size_t)data[1] << 8;
	size_t n_hole = (size_t)data[2] | (size_t)data[3] << 8, left = size - 4;
	bool has_epoch = (n_hole & 1) != 0, repaired = (n_segment & 0x8000) != 0;
	static uint8_t segment[0x8000];

	data += 4;
	if (nr_io_list(dir, remove_one, NULL) < 0)
		abort();
	n_segment = nr_min_size(n_segment & 0x7fff, left);
	memcpy(segment, data, n_segment);
	if (repaired)
		repair(segment, n_segment);
	nr_spool_name(EPOCH, 1, name);
	put(name, segment, n_segment);
	data += n_segment;
	left -= n_segment;
	n_hole = nr_min_size(n_hole >> 1, left);
	if (n_hole > 0)
		put("hole-000000006553f100", data, n_hole);
	if (has_epoch)
		put("epoch", data + n_hole, left - n_hole);
	else if (nr_spool_epoch_save(dir, EPOCH, NULL) < 0)
		abort();
	use(0);
	use(1);
	return 0;
}
