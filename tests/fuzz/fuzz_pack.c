/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup's bytes. The first byte chooses:
 *   even   the rest is a manifest; its own last line is put right, so that what stands before it is looked at
 *   odd    the rest is the head of a member
 * What is taken has only names of a hub's directory, and is written again as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "serve/hub/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MANIFEST_MAX = 1 << 20 };

static void check_names(const struct nr_pack *pack)
{
	for (size_t i = 0; i < pack->n; i++) {
		struct nr_str name = nr_str_from(pack->files[i].name);

		nr_require(nr_pack_name_ok(name) && strstr(name.p, "..") == NULL &&
			   name.p[0] != '/');
		nr_require(pack->has_keys || !nr_pack_is_secret(name));
		for (size_t j = i + 1; j < pack->n; j++)
			nr_require(strcmp(name.p, pack->files[j].name) != 0);
	}
}

static void run_manifest(const uint8_t *data, size_t size)
{
	struct nr_digest digest = nr_digest_of(data, size);
	struct nr_pack pack, again;
	struct nr_buf text, out;

	nr_buf_init(&text, MANIFEST_MAX);
	nr_buf_init(&out, MANIFEST_MAX);
	nr_buf_add(&text, data, size);
	nr_buf_addf(&text, "manifest ");
	for (size_t i = 0; i < sizeof(digest.b); i++)
		nr_buf_addf(&text, "%02x", digest.b[i]);
	nr_buf_addf(&text, "\n");
	if (text.err == 0 && nr_pack_manifest_read(nr_buf_str(&text), &pack, NULL) == 0) {
		check_names(&pack);
		nr_pack_manifest_write(&pack, &out);
		nr_require(out.err == 0);
		nr_require(nr_pack_manifest_read(nr_buf_str(&out), &again, NULL) == 0);
		nr_require(again.n == pack.n && again.journal_at == pack.journal_at &&
			   again.has_keys == pack.has_keys);
		nr_pack_done(&again);
		nr_pack_done(&pack);
	}
	nr_buf_done(&text);
	nr_buf_done(&out);
}

static void run_head(const uint8_t *data, size_t size)
{
	uint8_t block[NR_PACK_BLOCK] = { 0 }, again[NR_PACK_BLOCK];
	char name[NR_PACK_NAME], name_again[NR_PACK_NAME];
	uint64_t bytes = 0, bytes_again = 0;

	memcpy(block, data, nr_min_size(size, sizeof(block)));
	if (nr_pack_head_get(block, name, &bytes, NULL) <= 0)
		return;
	nr_require(strlen(name) < NR_PACK_NAME && bytes <= NR_PACK_SIZE_MAX);
	nr_pack_head_put(name, bytes, (struct nr_time){ 0 }, again);
	nr_require(nr_pack_head_get(again, name_again, &bytes_again, NULL) == 1);
	nr_require(strcmp(name, name_again) == 0 && bytes == bytes_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 2 == 0)
		run_manifest(data + 1, size - 1);
	else
		run_head(data + 1, size - 1);
	return 0;
}
