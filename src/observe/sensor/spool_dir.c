/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "observe/sensor/spool_int.h"

enum { EPOCH_TEXT = 64, SHOWN = 320 };

int nr_spool_fail(struct nr_err *reterr, int code, const char *dir, const char *what)
{
	char shown[SHOWN];

	nr_str_escape(nr_str_from(dir), shown, sizeof(shown));
	return nr_fail(reterr, code, "spool %s: %s: %s", shown, what, nr_err_text(code));
}

void nr_spool_path(const char *dir, uint64_t epoch, uint64_t first, char out[NR_SPOOL_PATH])
{
	char name[NR_SPOOL_NAME];

	nr_spool_name(epoch, first, name);
	(void)snprintf(out, NR_SPOOL_PATH, "%.*s/%s", NR_SPOOL_PATH - NR_SPOOL_NAME - 1, dir, name);
}

/* ---- epoch ---- */

static size_t epoch_text(uint64_t epoch, char out[EPOCH_TEXT])
{
	int n = snprintf(out, EPOCH_TEXT, "noroshi spool %d %016llx ", NR_SPOOL_VERSION,
			 (unsigned long long)epoch);
	uint32_t crc = nr_crc32c(0, out, (size_t)n);

	n += snprintf(out + n, EPOCH_TEXT - (size_t)n, "%08x\n", (unsigned)crc);
	return (size_t)n;
}

/* @return 0; NR_EDAMAGED; -errno */
static int epoch_read(const char *dir, uint64_t *ret_epoch)
{
	char path[NR_SPOOL_PATH], want[EPOCH_TEXT];
	static const char start[] = "noroshi spool 1 ";
	uint64_t epoch = 0;
	struct nr_bytes bytes;

	(void)snprintf(path, sizeof(path), "%s/epoch", dir);
	int r = nr_io_slurp(path, EPOCH_TEXT, &bytes, NULL);

	if (r < 0)
		return r;
	if (bytes.n < sizeof(start) + 16 || memcmp(bytes.p, start, sizeof(start) - 1) != 0 ||
	    !nr_spool_hex16((const char *)bytes.p + sizeof(start) - 1, &epoch) ||
	    epoch_text(epoch, want) != bytes.n || memcmp(want, bytes.p, bytes.n) != 0)
		r = NR_EDAMAGED;
	free((void *)(uintptr_t)bytes.p);
	*ret_epoch = epoch;
	return r;
}

/*
 * The lowest: a higher one would be the unfinished copy of nr_spool_renumber(). @return 0; -ENOENT;
 * -errno
 */
static int epoch_guess(const char *dir, uint64_t *ret_epoch)
{
	DIR *handle = opendir(dir);
	int r = -ENOENT;

	if (handle == NULL)
		return -errno;
	for (struct dirent *entry; (entry = readdir(handle)) != NULL;) {
		uint64_t epoch, first;

		if (!nr_spool_name_read(entry->d_name, &epoch, &first) ||
		    (r == 0 && epoch >= *ret_epoch))
			continue;
		*ret_epoch = epoch;
		r = 0;
	}
	(void)closedir(handle);
	return r;
}

int nr_spool_epoch_load(const char *dir, uint64_t *ret_epoch, struct nr_err *reterr)
{
	int r = epoch_read(dir, ret_epoch);

	if (r == -ENOENT || r == NR_EDAMAGED || r == NR_ELIMIT)
		r = epoch_guess(dir, ret_epoch);
	return r < 0 && r != -ENOENT ? nr_spool_fail(reterr, r, dir, "file epoch") : r;
}

int nr_spool_epoch_save(const char *dir, uint64_t epoch, struct nr_err *reterr)
{
	char path[NR_SPOOL_PATH], text[EPOCH_TEXT];
	size_t n = epoch_text(epoch, text);

	(void)snprintf(path, sizeof(path), "%s/epoch", dir);
	return nr_io_replace(path, text, n, reterr);
}

/* ---- segments ---- */

int nr_spool_list_add(struct nr_spool_list *list, struct nr_spool_segment segment)
{
	if (list->n == NR_SPOOL_SEGMENTS)
		return NR_ELIMIT;
	if (list->n == list->cap) {
		size_t cap = list->cap == 0 ? 64 : list->cap * 2;
		struct nr_spool_segment *items = realloc(list->items, cap * sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		list->items = items;
		list->cap = cap;
	}
	list->items[list->n++] = segment;
	return 0;
}

int nr_spool_file_new(const char *dir, const struct nr_spool_file_head *head)
{
	char path[NR_SPOOL_PATH];
	struct nr_buf bytes;

	nr_spool_path(dir, head->epoch, head->first, path);
	/*
	 * One of this name is what an earlier attempt left behind: its numbers were never given
	 * out.
	 */
	int fd = nr_io_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fd;
	nr_buf_init(&bytes, NR_SPOOL_FILE_HEAD);
	nr_spool_file_head_write(head, &bytes);
	int r = bytes.err;

	if (r == 0)
		r = nr_io_write_all(fd, bytes.p, bytes.n);
	if (r == 0)
		r = nr_io_fsync(fd);
	if (r == 0)
		r = nr_io_fsync_dir(dir);
	nr_buf_done(&bytes);
	if (r == 0)
		return fd;
	(void)nr_io_close(fd); /* the first error is the one to tell */
	(void)nr_io_unlink(path);
	return r;
}

/*
 * What the file's head says, or, when it is damaged, its first sound record. @return 1; 0 neither;
 * -errno
 */
static int segment_read(int fd, uint64_t epoch, uint64_t first, struct nr_spool_segment *segment)
{
	uint8_t bytes[NR_SPOOL_FILE_HEAD];
	struct nr_spool_file_head head;
	struct nr_spool_head record;
	struct nr_spool_scan scan;
	uint64_t at;
	int r = segment->bytes < NR_SPOOL_FILE_HEAD ? -EIO
						    : nr_spool_read_at(fd, 0, bytes, sizeof(bytes));

	if (r < 0)
		return r == -EIO ? 0 : r;
	r = nr_spool_file_head_read(bytes, &head);
	if (r == NR_EVERSION)
		return r;
	if (r == 0 && head.epoch == epoch && head.first == first) {
		segment->rows = head.rows;
		segment->packets = head.packets;
		segment->previous = head.previous;
		segment->acked = head.acked;
		return 1;
	}
	nr_spool_scan_begin(&scan, fd, NR_SPOOL_FILE_HEAD, segment->bytes, true);
	while ((r = nr_spool_scan_next(&scan, &record, &at)) == 1)
		if (record.kind == NR_SPOOL_RECORD_BATCH && record.epoch == epoch &&
		    record.seq >= first)
			break;
	if (r == 1) {
		segment->first = record.seq;
		segment->rows = record.rows_before;
		segment->packets = record.packets_before;
		segment->previous = record.previous;
	}
	return r;
}

static int segment_load(const char *path, uint64_t epoch, uint64_t first,
			struct nr_spool_list *list)
{
	struct nr_spool_segment segment = { .name = first, .first = first };
	struct stat st;
	int fd = nr_io_open(path, O_RDONLY | O_NOFOLLOW, 0);

	if (fd < 0)
		return fd;
	int r = fstat(fd, &st) < 0 ? -errno : 0;

	if (r == 0) {
		segment.bytes = (uint64_t)st.st_size;
		r = segment_read(fd, epoch, first, &segment);
	}
	(void)nr_io_close(fd); /* only read */
	if (r < 0)
		return r;
	return r == 1 ? nr_spool_list_add(list, segment) : nr_io_unlink(path);
}

static int compare(const void *a, const void *b)
{
	const struct nr_spool_segment *x = a, *y = b;

	return x->name < y->name ? -1 : x->name > y->name;
}

int nr_spool_list_load(const char *dir, uint64_t epoch, struct nr_spool_list *list,
		       struct nr_err *reterr)
{
	DIR *handle = opendir(dir);
	int r = 0;

	if (handle == NULL)
		return nr_spool_fail(reterr, -errno, dir, "cannot list");
	for (struct dirent *entry; r == 0 && (entry = readdir(handle)) != NULL;) {
		uint64_t its_epoch, first;
		char path[NR_SPOOL_PATH + 256];

		(void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (nr_str_ends(nr_str_from(entry->d_name), NR_STR(".tmp"))) {
			(void)nr_io_unlink(path); /* an unfinished one: may as well stay */
			continue;
		}
		if (!nr_spool_name_read(entry->d_name, &its_epoch, &first))
			continue;
		if (its_epoch == epoch)
			r = segment_load(path, epoch, first, list);
		else
			(void)nr_io_unlink(path); /* it is tried again at the next start */
		if (r < 0)
			nr_spool_fail(reterr, r, dir, entry->d_name);
	}
	(void)closedir(handle);
	if (r == 0 && list->n > 1)
		qsort(list->items, list->n, sizeof(list->items[0]), compare);
	return r;
}
