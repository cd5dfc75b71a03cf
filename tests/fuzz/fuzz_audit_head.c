/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A head of the audit chain that somebody kept: nobody forges one. No bytes are taken for a head but
 * those that the hub signed.
 */
#include <stdlib.h>
#include <string.h>

#include "store/registry_audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char hub[] = "1bee484d-2cc0-469b-8d1b-e35ffe9dd71a";
static struct nr_sign_key key;
static char good[NR_AUDIT_HEAD_TEXT];

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void set_up(void)
{
	struct nr_registry_audit_head head = { .rows = 7, .chain = { .b = { 1, 2, 3 } } };

	require(nr_crypt_init() == 0);
	nr_sign_key_new(&key);
	require(nr_registry_audit_sign(&head, hub, (struct nr_time){ 1 }, &key, good, NULL) == 0);
}

/* The input over a good head: what is zero in it stays as it was signed. */
static void read_changed(const uint8_t *data, size_t size)
{
	struct nr_registry_audit_head head;
	char text[NR_AUDIT_HEAD_TEXT];
	size_t n = strlen(good);
	bool same = true;

	memcpy(text, good, sizeof(text));
	for (size_t i = 0; i < size && i < n; i++) {
		same &= data[i] == 0;
		text[i] = (char)(text[i] ^ (char)data[i]);
	}
	int r = nr_registry_audit_read((struct nr_str){ text, n }, hub, key.public_key, &head,
				       NULL);

	require((r == 0) == same);
	require(!same || head.rows == 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nr_registry_audit_head head;

	if (good[0] == '\0')
		set_up();
	require(nr_registry_audit_read((struct nr_str){ (const char *)data, size }, hub,
				       key.public_key, &head, NULL) < 0);
	read_changed(data, size);
	return 0;
}
