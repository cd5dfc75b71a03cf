/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prefix data. The first byte chooses:
 *   '0'..'3'  a text source of that row of nr_readers[]; small ones become a table whose answers
 *             are compared with a linear search
 *   '4'       changes to a good prefix file, 5 bytes each (place, value); the checks behind the
 *             checksum, for one input of 32 all of them with the checksum made right
 *   '5'       a MaxMind DB
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cursor.h"
#include "orient/enrich/prefixes_int.h"
#include "orient/enrich/table_of.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SMALL = 24, CHANGES = 64 };

static struct nr_ip ip_of_number(enum nr_pool_family family, nr_u128 number)
{
	struct nr_ip ip;

	if (family == NR_POOL_V4)
		return nr_ip_v4((uint32_t)number);
	for (size_t i = 0; i < 16; i++)
		ip.b[i] = (uint8_t)(number >> (120 - 8 * i));
	return ip;
}

/* All ranges have one rank here: smaller wins, then the first. */
static uint32_t linear(const struct nr_range *ranges, size_t n, nr_u128 at)
{
	const struct nr_range *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if (at < ranges[i].lo || at > ranges[i].hi)
			continue;
		if (best == NULL || ranges[i].hi - ranges[i].lo < best->hi - best->lo)
			best = &ranges[i];
	}
	return best != NULL ? best->value : 0;
}

struct question {
	enum nr_pool_family family;
	nr_u128 at;
	uint32_t asn;
};

static size_t ask_later(const struct nr_pool *pool, struct question *questions)
{
	size_t n = 0;

	for (int family = 0; family < NR_POOL_FAMILIES; family++) {
		const struct nr_ranges *ranges = &pool->origin[family];

		for (size_t i = 0; i < ranges->n; i++) {
			const nr_u128 places[] = { ranges->items[i].lo - 1, ranges->items[i].lo,
						   ranges->items[i].hi, ranges->items[i].hi + 1 };

			for (size_t k = 0; k < NR_COUNT(places); k++) {
				struct question q = { (enum nr_pool_family)family, places[k], 0 };

				q.at &= nr_pool_last(q.family);
				q.asn = nr_pool_origin(pool, linear(ranges->items, ranges->n, q.at))
						.asn;
				questions[n++] = q;
			}
		}
	}
	return n;
}

static void compare(struct nr_pool *pool)
{
	static struct question questions[4 * SMALL];
	size_t n = ask_later(pool, questions);
	struct nr_prefixes *table = NULL;
	struct nr_buf file;

	nr_buf_init(&file, NR_PREFIXES_FILE_MAX);
	if (nr_image_make(pool, NR_STR("fuzz"), &file) < 0 ||
	    table_of_file(&file, &table, NULL) < 0)
		abort();
	for (size_t i = 0; i < n; i++) {
		struct nr_ip ip = ip_of_number(questions[i].family, questions[i].at);

		if (questions[i].family == NR_POOL_V6 && nr_ip_is_v4(ip))
			continue;
		if (nr_prefixes_origin(table, nr_prefixes_find(table, ip)).asn != questions[i].asn)
			abort();
	}
	nr_prefixes_free(table);
	nr_buf_done(&file);
}

static void run_text(struct nr_str text, const struct nr_reader_format *format)
{
	struct nr_err err = { 0 };
	struct nr_pool pool;
	int ret = nr_pool_init(&pool);

	if (ret == 0)
		ret = nr_text_read(&pool, "f", text, format, &err);
	if (ret < 0 && ret != -ENOMEM && (err.code != ret || strncmp(err.msg, "f:", 2) != 0))
		abort();
	if (ret == 0 && pool.n_rows > 0 && !nr_text_fits(text, format))
		abort();
	/* a table of 4 MiB takes 10 ms under ASan: one input of 64 */
	if (ret == 0 && pool.n_rows <= SMALL && nr_crc32c(0, text.p, text.n) % 64 == 0)
		compare(&pool);
	nr_pool_done(&pool);
}

static const char *const good_text[] = {
	"10.0.0.0,10.0.0.127,1,One\n10.0.0.9,10.0.0.9,2,Two\n"
	"2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,4,Four\n2001:db8::7,2001:db8::8,5,Five\n",
	"10.0.0.0,10.0.255.255,JP\n2001:db8::,2001:db8::ffff,KR\n",
};

static void ask(const struct nr_prefixes *table, struct nr_ip ip)
{
	uint32_t index = nr_prefixes_find(table, ip);
	struct nr_origin origin = nr_prefixes_origin(table, index);

	if (index >= nr_prefixes_n(table) ||
	    (origin.as_name != NULL && strlen(origin.as_name) > 1 << 20))
		abort();
}

static void ask_around(const struct nr_prefixes *table)
{
	for (uint32_t i = 0; i < 300; i++) {
		ask(table, nr_ip_v4(0x0a000000 + i));
		ask(table, nr_ip_v4(i * 14316557));
		ask(table, ip_of_number(NR_POOL_V6, ((nr_u128)0x20010db8 << 96) + i));
		ask(table, ip_of_number(NR_POOL_V6, (nr_u128)i << 119));
	}
}

/* All of loading and what it does after the checksum agree. */
static void load_changed(struct nr_buf *file, bool with_checksum)
{
	struct nr_prefixes content = { .bytes = file->p,
				       .n_bytes = file->n,
				       .counts_bits = NR_CPU_COUNTS_BITS };
	int ret = NR_EFORMAT;

	if (memcmp(file->p, NR_PREFIXES_MAGIC, sizeof(NR_PREFIXES_MAGIC) - 1) == 0)
		ret = nr_prefixes_check_content(&content, "test", NULL);
	if (ret == 0)
		ask_around(&content);
	if (with_checksum) {
		struct nr_prefixes *table = NULL;
		bool current = ((const struct nr_prefixes_header *)(const void *)file->p)->format ==
			       NR_PREFIXES_FORMAT;

		fix_checksum(file);
		nr_require(table_of_file(file, &table, NULL) ==
			   (current || ret == NR_EFORMAT ? ret : NR_EVERSION));
		nr_prefixes_free(table);
	}
}

/* Places are counted from the header and from the ends of the file's parts: most of it is one repeated word. */
static void run_file(const uint8_t *data, size_t size)
{
	static struct nr_buf good;
	struct nr_prefixes_header header;
	bool with_checksum = nr_crc32c(0, data, size) % 32 == 0;
	struct {
		size_t at;
		uint8_t was;
	} undo[CHANGES];
	size_t n = 0;

	if (good.p == NULL && image_of_texts(good_text, 2, &good) < 0)
		abort();
	memcpy(&header, good.p, sizeof(header));
	for (; size >= 5 && n < CHANGES; data += 5, size -= 5) {
		size_t part = data[0] % (NR_SECTIONS + 1),
		       at = nr_get_be16(data + 1) + (size_t)data[3] * 65536;

		at = part == NR_SECTIONS
			     ? at % sizeof(header)
			     : header.sections[part].at + at % (header.sections[part].n_bytes + 1);
		undo[n].at = at % good.n;
		undo[n].was = good.p[at % good.n];
		good.p[at % good.n] ^= data[4];
		n++;
	}
	load_changed(&good, with_checksum);
	while (n > 0) {
		n--;
		good.p[undo[n].at] = undo[n].was;
	}
}

/*
 * libmaxminddb 1.7.1 forgets 4.6 kB when it refuses a file for its metadata; a build ends there anyway.
 * Weak: only programs with the leak checker have them.
 */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void run_mmdb(const uint8_t *data, size_t size)
{
	struct nr_buf version;
	struct nr_pool pool;
	char path[64];
	int fd = memfd_create("mmdb", MFD_CLOEXEC);

	if (fd < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	nr_buf_init(&version, 1024);
	if (write(fd, data, size) == (ssize_t)size && nr_pool_init(&pool) == 0) {
		struct nr_err err = { 0 };
		int ret = 0;

		if (__lsan_disable != NULL)
			__lsan_disable();
		ret = nr_mmdb_read(&pool, path, &version, &err);
		if (__lsan_enable != NULL)
			__lsan_enable();
		if (ret < 0 && err.code != ret)
			abort();
		nr_pool_done(&pool);
	}
	nr_buf_done(&version);
	(void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t mode = (size_t)(data[0] & 7);

	if (mode < 4)
		run_text((struct nr_str){ (const char *)data + 1, size - 1 }, &nr_readers[mode]);
	else if (mode == 4)
		run_file(data + 1, size - 1);
	else
		run_mmdb(data + 1, size - 1);
	return 0;
}
