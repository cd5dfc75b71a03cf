/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * pack: the file that a backup is: a tar archive (POSIX ustar) of the parts of a hub's directory
 * whose last member, MANIFEST, says what they are and has the digest of each. Byte by byte:
 * docs/internals/backup.md
 *
 * Names    only those of a hub's directory (nr_pack_name_ok()): what is unpacked cannot leave it
 * Limits   NR_PACK_FILES members, each below 8 GiB (what ustar can say); NR_PACK_MANIFEST bytes
 * Hostile  a pack may come from anywhere: everything is checked, nothing is believed before its
 *          digest is
 */
#include "base/buf.h"
#include "base/crypt.h"
#include "base/time.h"

enum {
	NR_PACK_NAME = 64,
	NR_PACK_FILES = 1 << 18,
	NR_PACK_MANIFEST = 48 << 20,
	NR_PACK_BLOCK = 512,
	NR_PACK_VERSION = 1,
	NR_PACK_WORDS = 256,
};
#define NR_PACK_SIZE_MAX UINT64_C(0x1ffffffff)

struct nr_pack_file {
	char name[NR_PACK_NAME];
	uint64_t size;
	struct nr_digest digest;
};

struct nr_pack {
	char program[NR_PACK_NAME], hub[NR_UUID_TEXT], epoch[NR_UUID_TEXT];
	char name[NR_PACK_WORDS]; /* of the hub, escaped */
	struct nr_time made;
	uint64_t directory, registry; /* versions */
	uint64_t journal_at;	      /* the last place of the journal that is in it; 0: none */
	uint64_t engine_at;	      /* the engine's in the registry; at most journal_at */
	bool has_keys;
	struct nr_pack_file *files; /* in the order of the archive */
	size_t n, cap;
};

/** "hub.yaml", "keys/hub.pem", "journal/00000000000000000001.nrj" and their like. */
bool nr_pack_name_ok(struct nr_str name);
/** A key that must stay secret: keys/NAME.key */
bool nr_pack_is_secret(struct nr_str name);
/** @return 0; -ENOMEM; NR_ELIMIT */
NR_MUST_CHECK int nr_pack_add(struct nr_pack *pack, const struct nr_pack_file *file);
void nr_pack_done(struct nr_pack *pack);

void nr_pack_manifest_write(const struct nr_pack *pack, struct nr_buf *out);
/** @return 0; NR_EDAMAGED; NR_EVERSION; -ENOMEM: then @p ret_pack holds nothing */
NR_MUST_CHECK int nr_pack_manifest_read(struct nr_str text, struct nr_pack *ret_pack,
					struct nr_err *reterr);

/** @p name of at most NR_PACK_NAME - 1 characters. */
void nr_pack_head_put(const char *name, uint64_t size, struct nr_time made,
		      uint8_t out[NR_PACK_BLOCK]);
/** @return 1 a member; 0 the zeros that end an archive; NR_EDAMAGED */
NR_MUST_CHECK int nr_pack_head_get(const uint8_t block[NR_PACK_BLOCK], char ret_name[NR_PACK_NAME],
				   uint64_t *ret_size, struct nr_err *reterr);
static inline uint64_t nr_pack_padding(uint64_t size)
{
	return (NR_PACK_BLOCK - size % NR_PACK_BLOCK) % NR_PACK_BLOCK;
}
