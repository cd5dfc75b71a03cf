/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hub/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_DIGITS = 20, HEX = 2 * NR_DIGEST_SIZE, OTHERS_MAX = 64 };

/* ---- names ---- */

static bool is_place(struct nr_str name, const char *folder, const char *suffix)
{
	size_t n = strlen(folder);
	struct nr_str digits = { name.p + n, PLACE_DIGITS };
	uint64_t at;

	return name.n == n + PLACE_DIGITS + strlen(suffix) &&
	       nr_str_starts(name, nr_str_from(folder)) && nr_str_ends(name, nr_str_from(suffix)) &&
	       nr_str_u64(digits, 0, UINT64_MAX, &at) == 0;
}

static bool is_key(struct nr_str name)
{
	static const char *const kinds[] = { ".pem", ".key", ".pub" };
	struct nr_str rest;

	if (!nr_str_starts(name, NR_STR("keys/")) || name.n < 10 || name.n >= NR_PACK_NAME)
		return false;
	rest = (struct nr_str){ name.p + 5, name.n - 9 };
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] != '-' && (rest.p[i] < 'a' || rest.p[i] > 'z'))
			return false;
	for (size_t i = 0; i < NR_COUNT(kinds); i++)
		if (nr_str_ends(name, nr_str_from(kinds[i])))
			return true;
	return false;
}

bool nr_pack_name_ok(struct nr_str name)
{
	return nr_str_eq(name, NR_STR("NOROSHI")) || nr_str_eq(name, NR_STR("hub.yaml")) ||
	       nr_str_eq(name, NR_STR("registry.db")) || is_key(name) ||
	       is_place(name, "journal/", ".nrj") || is_place(name, "snapshots/", ".nrs");
}

bool nr_pack_is_secret(struct nr_str name)
{
	return is_key(name) && nr_str_ends(name, NR_STR(".key"));
}

/* ---- the list ---- */

int nr_pack_add(struct nr_pack *pack, const struct nr_pack_file *file)
{
	if (pack->n == NR_PACK_FILES)
		return NR_ELIMIT;
	if (pack->n == pack->cap) {
		size_t cap = pack->cap == 0 ? 64 : 2 * pack->cap;
		struct nr_pack_file *larger = realloc(pack->files, cap * sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		pack->files = larger;
		pack->cap = cap;
	}
	pack->files[pack->n++] = *file;
	return 0;
}

void nr_pack_done(struct nr_pack *pack)
{
	free(pack->files);
	*pack = (struct nr_pack){ .files = NULL };
}

/* ---- the manifest ---- */

static void add_hex(struct nr_buf *out, const struct nr_digest *digest)
{
	for (size_t i = 0; i < sizeof(digest->b); i++)
		nr_buf_addf(out, "%02x", digest->b[i]);
}

void nr_pack_manifest_write(const struct nr_pack *pack, struct nr_buf *out)
{
	char made[NR_TIME_TEXT];
	size_t begin = out->n;

	(void)nr_time_print(pack->made, made);
	nr_buf_addf(out, "noroshi backup %d\nprogram %s\nmade %s\nhub %s\nname %s\nepoch %s\n",
		    NR_PACK_VERSION, pack->program, made, pack->hub, pack->name, pack->epoch);
	nr_buf_addf(out, "directory %llu\nregistry %llu\njournal %llu\nengine %llu\nkeys %s\n",
		    (unsigned long long)pack->directory, (unsigned long long)pack->registry,
		    (unsigned long long)pack->journal_at, (unsigned long long)pack->engine_at,
		    pack->has_keys ? "yes" : "no");
	for (size_t i = 0; i < pack->n; i++) {
		nr_buf_addf(out, "file ");
		add_hex(out, &pack->files[i].digest);
		nr_buf_addf(out, " %llu %s\n", (unsigned long long)pack->files[i].size,
			    pack->files[i].name);
	}
	if (out->err < 0)
		return;
	struct nr_digest digest = nr_digest_of(out->p + begin, out->n - begin);

	nr_buf_addf(out, "manifest ");
	add_hex(out, &digest);
	nr_buf_addf(out, "\n");
}

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(struct nr_str text, struct nr_digest *digest)
{
	if (text.n != HEX)
		return false;
	for (size_t i = 0; i < NR_DIGEST_SIZE; i++) {
		int hi = hex_of(text.p[2 * i]), lo = hex_of(text.p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		digest->b[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

/* One line "KEY VALUE". */
static bool take_line(struct nr_str *rest, const char *key, struct nr_str *ret_value)
{
	struct nr_str line;
	size_t n = strlen(key);

	if (memchr(rest->p, '\n', rest->n) == NULL)
		return false;
	line = nr_str_cut(rest, '\n');
	if (!nr_str_starts(line, nr_str_from(key)) || line.n <= n || line.p[n] != ' ')
		return false;
	*ret_value = (struct nr_str){ line.p + n + 1, line.n - n - 1 };
	return true;
}

static bool take_text(struct nr_str *rest, const char *key, char *out, size_t cap)
{
	struct nr_str value;

	if (!take_line(rest, key, &value) || value.n >= cap)
		return false;
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < 0x20 || (unsigned char)value.p[i] >= 0x7f)
			return false;
	memcpy(out, value.p, value.n);
	out[value.n] = '\0';
	return true;
}

static bool take_number(struct nr_str *rest, const char *key, uint64_t *ret_v)
{
	struct nr_str value;

	return take_line(rest, key, &value) && nr_str_u64(value, 0, UINT64_MAX, ret_v) == 0;
}

static bool take_heads(struct nr_str *rest, struct nr_pack *pack)
{
	struct nr_uuid uuid;
	struct nr_str value;
	bool good = take_text(rest, "program", pack->program, sizeof(pack->program)) &&
		    take_line(rest, "made", &value) && nr_time_parse(value, &pack->made) == 0 &&
		    take_text(rest, "hub", pack->hub, sizeof(pack->hub)) &&
		    take_text(rest, "name", pack->name, sizeof(pack->name)) &&
		    take_text(rest, "epoch", pack->epoch, sizeof(pack->epoch)) &&
		    take_number(rest, "directory", &pack->directory) &&
		    take_number(rest, "registry", &pack->registry) &&
		    take_number(rest, "journal", &pack->journal_at) &&
		    take_number(rest, "engine", &pack->engine_at) &&
		    take_line(rest, "keys", &value);

	if (!good || nr_uuid_parse(nr_str_from(pack->hub), &uuid) < 0 ||
	    nr_uuid_parse(nr_str_from(pack->epoch), &uuid) < 0)
		return false;
	pack->has_keys = nr_str_eq(value, NR_STR("yes"));
	return (pack->has_keys || nr_str_eq(value, NR_STR("no"))) &&
	       pack->engine_at <= pack->journal_at;
}

static bool is_there(const struct nr_pack *pack, const char *name)
{
	for (size_t i = 0; pack->files != NULL && i < pack->n; i++)
		if (strcmp(pack->files[i].name, name) == 0)
			return true;
	return false;
}

/* Names of the journal ascend, so a list of many is looked through once. */
static bool is_next(const struct nr_pack *pack, const char *name)
{
	if (pack->files == NULL || pack->n == 0 ||
	    !nr_str_starts(nr_str_from(name), NR_STR("journal/")))
		return !is_there(pack, name);
	const char *before = pack->files[pack->n - 1].name;

	return nr_str_starts(nr_str_from(before), NR_STR("journal/")) ? strcmp(before, name) < 0
								      : true;
}

/* @return 0; NR_EDAMAGED; -ENOMEM; NR_ELIMIT */
static int take_file(struct nr_str line, struct nr_pack *pack)
{
	struct nr_str hex = nr_str_cut(&line, ' '), size = nr_str_cut(&line, ' ');
	struct nr_pack_file file = { .size = 0 };
	bool in_journal = pack->n > 0 && nr_str_starts(nr_str_from(pack->files[pack->n - 1].name),
						       NR_STR("journal/"));

	if (!read_hex(hex, &file.digest) || nr_str_u64(size, 0, NR_PACK_SIZE_MAX, &file.size) < 0 ||
	    line.n >= NR_PACK_NAME || !nr_pack_name_ok(line))
		return NR_EDAMAGED;
	if (!nr_str_starts(line, NR_STR("journal/")) && (in_journal || pack->n == OTHERS_MAX))
		return NR_EDAMAGED; /* the many come last */
	memcpy(file.name, line.p, line.n);
	if (!is_next(pack, file.name) || (!pack->has_keys && nr_pack_is_secret(line)))
		return NR_EDAMAGED;
	return nr_pack_add(pack, &file);
}

static int read_lines(struct nr_str text, struct nr_pack *pack)
{
	struct nr_str rest = text, value;
	struct nr_digest want;
	int ret = take_heads(&rest, pack) ? 0 : NR_EDAMAGED;

	while (ret == 0 && nr_str_starts(rest, NR_STR("file ")))
		ret = take_line(&rest, "file", &value) ? take_file(value, pack) : NR_EDAMAGED;
	if (ret == 0 && (!take_line(&rest, "manifest", &value) || rest.n > 0 ||
			 !read_hex(value, &want) || !is_there(pack, "NOROSHI") ||
			 !is_there(pack, "hub.yaml") || !is_there(pack, "registry.db")))
		ret = NR_EDAMAGED;
	return ret;
}

static bool digest_fits(struct nr_str whole)
{
	static const size_t last = sizeof("manifest ") - 1 + HEX + 1;
	struct nr_digest want, digest;

	if (whole.n < last || !read_hex((struct nr_str){ whole.p + whole.n - HEX - 1, HEX }, &want))
		return false;
	digest = nr_digest_of(whole.p, whole.n - last);
	return nr_digest_eq(&want, &digest);
}

int nr_pack_manifest_read(struct nr_str text, struct nr_pack *ret_pack, struct nr_err *reterr)
{
	struct nr_pack pack = { .files = NULL };
	struct nr_str rest = text, value;
	uint64_t version;
	int ret;

	if (!take_line(&rest, "noroshi", &value) || !nr_str_starts(value, NR_STR("backup ")) ||
	    nr_str_u64((struct nr_str){ value.p + 7, value.n - 7 }, 1, UINT32_MAX, &version) < 0)
		return nr_fail(reterr, NR_EFORMAT,
			       "its MANIFEST is not that of a backup of a noroshi hub");
	if (version != NR_PACK_VERSION)
		return nr_fail(reterr, NR_EVERSION,
			       "a backup of version %llu, and this program knows %d",
			       (unsigned long long)version, NR_PACK_VERSION);
	if (!digest_fits(text))
		return nr_fail(reterr, NR_EDAMAGED, "its MANIFEST is cut or changed");
	ret = read_lines(rest, &pack);
	if (ret < 0) {
		nr_pack_done(&pack);
		return nr_fail(reterr, ret, "its MANIFEST makes no sense: %s", nr_err_text(ret));
	}
	*ret_pack = pack;
	return 0;
}

/* ---- heads of members: POSIX.1-1988 ustar ---- */

enum { AT_MODE = 100, AT_SIZE = 124, AT_TIME = 136, AT_SUM = 148, AT_KIND = 156, AT_MAGIC = 257 };

static unsigned sum_of(const uint8_t block[NR_PACK_BLOCK])
{
	unsigned sum = 0;

	for (size_t i = 0; i < NR_PACK_BLOCK; i++)
		sum += i >= AT_SUM && i < AT_SUM + 8 ? ' ' : block[i];
	return sum;
}

static void put_octal(uint8_t *out, size_t digits, uint64_t v)
{
	for (size_t i = digits; i-- > 0; v >>= 3)
		out[i] = (uint8_t)('0' + (v & 7));
}

static bool get_octal(const uint8_t *at, size_t digits, uint64_t *ret_v)
{
	uint64_t v = 0;

	for (size_t i = 0; i < digits; i++) {
		if (at[i] < '0' || at[i] > '7')
			return false;
		v = v << 3 | (uint64_t)(at[i] - '0');
	}
	*ret_v = v;
	return true;
}

void nr_pack_head_put(const char *name, uint64_t size, struct nr_time made,
		      uint8_t out[NR_PACK_BLOCK])
{
	int64_t s = nr_time_floor_s(made);

	nr_require(strlen(name) < NR_PACK_NAME && size <= NR_PACK_SIZE_MAX);
	memset(out, 0, NR_PACK_BLOCK);
	memcpy(out, name, strlen(name));
	memcpy(out + AT_MODE, "0000600\0000000000\0000000000", 23);
	put_octal(out + AT_SIZE, 11, size);
	put_octal(out + AT_TIME, 11, s > 0 ? (uint64_t)s : 0);
	out[AT_KIND] = '0';
	memcpy(out + AT_MAGIC, "ustar\00000", 8);
	put_octal(out + AT_SUM, 6, sum_of(out));
	out[AT_SUM + 7] = ' ';
}

int nr_pack_head_get(const uint8_t block[NR_PACK_BLOCK], char ret_name[NR_PACK_NAME],
		     uint64_t *ret_size, struct nr_err *reterr)
{
	static const uint8_t zeros[NR_PACK_BLOCK];
	size_t n = strnlen((const char *)block, NR_PACK_NAME);
	uint64_t sum;

	if (memcmp(block, zeros, NR_PACK_BLOCK) == 0)
		return 0;
	if (memcmp(block + AT_MAGIC, "ustar\00000", 8) != 0 || n == 0 || n == NR_PACK_NAME ||
	    !get_octal(block + AT_SUM, 6, &sum) || sum != sum_of(block) || block[AT_KIND] != '0' ||
	    !get_octal(block + AT_SIZE, 11, ret_size))
		return nr_fail(reterr, NR_EDAMAGED, "no head of a member where one should be");
	memcpy(ret_name, block, n);
	ret_name[n] = '\0';
	return 1;
}
