/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/enrich/readers.h"

#include <limits.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/hash.h"
#include "base/io.h"

/* Order matters: the first row that can read the first line is taken. Add yours at the end. */
const struct nr_reader_format nr_readers[] = {
	{ .name = "asn-csv",
	  .summary = "ip-location-db asn: first,last,asn,name",
	  .separator = ',',
	  .quoted = true,
	  .columns = { NR_COLUMN_FIRST, NR_COLUMN_LAST, NR_COLUMN_ASN, NR_COLUMN_NAME } },
	{ .name = "country-csv",
	  .summary = "ip-location-db country, tor-geoipdb: first,last,economy",
	  .separator = ',',
	  .quoted = true,
	  .columns = { NR_COLUMN_FIRST, NR_COLUMN_LAST, NR_COLUMN_ECONOMY } },
	{ .name = "iptoasn",
	  .summary = "iptoasn TSV: first, last, asn, economy, name",
	  .separator = '\t',
	  .columns = { NR_COLUMN_FIRST, NR_COLUMN_LAST, NR_COLUMN_ASN, NR_COLUMN_ECONOMY,
		       NR_COLUMN_NAME } },
	{ .name = "pfx2as",
	  .summary = "CAIDA pfx2as: address, length, origins",
	  .separator = '\t',
	  .columns = { NR_COLUMN_NET, NR_COLUMN_LEN, NR_COLUMN_ASN_SET } },
	{ .name = "mmdb", .summary = "MaxMind DB with country or AS fields" },
};
const size_t nr_readers_n = NR_COUNT(nr_readers);

enum { PACKAGE_JSON = 64 << 10 };

const struct nr_reader_format *nr_reader_by_name(const char *name)
{
	for (size_t i = 0; i < nr_readers_n; i++)
		if (strcmp(nr_readers[i].name, name) == 0)
			return &nr_readers[i];
	return NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static void bytes_free(struct nr_bytes *bytes)
{
	free((void *)(uintptr_t)bytes->p);
}

/* "name@version" of the npm package the file lies in. @return false: no readable package.json beside it */
static bool package_version(const char *path, struct nr_buf *version)
{
	char beside[PATH_MAX];
	size_t dir = (size_t)(base_name(path) - path);
	__attribute__((cleanup(bytes_free))) struct nr_bytes text = { .p = NULL };
	const char *name = NULL, *number = NULL;
	json_t *json = NULL;
	bool found = false;

	if (dir + sizeof("package.json") > sizeof(beside))
		return false;
	memcpy(beside, path, dir);
	memcpy(beside + dir, "package.json", sizeof("package.json"));
	if (nr_io_slurp(beside, PACKAGE_JSON, &text, NULL) < 0)
		return false;
	json = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	name = json_string_value(json_object_get(json, "name"));
	number = json_string_value(json_object_get(json, "version"));
	if (name != NULL && number != NULL) {
		char safe[256];

		nr_str_escape(nr_str_from(name), safe, sizeof(safe));
		nr_buf_addf(version, "%s@", safe);
		nr_str_escape(nr_str_from(number), safe, sizeof(safe));
		nr_buf_addf(version, "%s", safe);
		found = true;
	}
	json_decref(json);
	return found;
}

static void text_version(const char *path, struct nr_bytes bytes, struct nr_buf *version)
{
	char safe[256];

	if (package_version(path, version))
		return;
	nr_str_escape(nr_str_from(base_name(path)), safe, sizeof(safe));
	nr_buf_addf(version, "%s crc32c:%08x", safe, nr_crc32c(0, bytes.p, bytes.n));
}

/* iptoasn and pfx2as are published as gzip. */
static bool is_compressed(struct nr_bytes bytes)
{
	static const uint8_t gzip[] = { 0x1f, 0x8b }, zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };

	return (bytes.n >= sizeof(gzip) && memcmp(bytes.p, gzip, sizeof(gzip)) == 0) ||
	       (bytes.n >= sizeof(zstd) && memcmp(bytes.p, zstd, sizeof(zstd)) == 0);
}

int nr_reader_run(struct nr_pool *pool, const char *path, const struct nr_reader_format *format,
		  struct nr_buf *version, struct nr_err *reterr)
{
	__attribute__((cleanup(bytes_free))) struct nr_bytes bytes = { .p = NULL };
	struct nr_str text = { .p = NULL };
	int ret = 0;

	if (format == NULL && nr_str_ends(nr_str_from(path), NR_STR(".mmdb")))
		format = nr_reader_by_name("mmdb");
	if (format != NULL && format->separator == '\0')
		return nr_mmdb_read(pool, path, version, reterr);
	ret = nr_io_slurp(path, NR_READERS_FILE, &bytes, reterr);
	if (ret < 0)
		return ret;
	if (is_compressed(bytes))
		return nr_fail(reterr, NR_EFORMAT, "%s: compressed; unpack it first", path);
	text = (struct nr_str){ (const char *)bytes.p, bytes.n };
	for (size_t i = 0; i < nr_readers_n && format == NULL; i++)
		if (nr_readers[i].separator != '\0' && nr_text_fits(text, &nr_readers[i]))
			format = &nr_readers[i];
	if (format == NULL)
		return nr_fail(reterr, NR_EFORMAT, "%s: no known format of prefix data", path);
	text_version(path, bytes, version);
	return nr_text_read(pool, path, text, format, reterr);
}
