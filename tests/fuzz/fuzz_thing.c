/* SPDX-License-Identifier: Apache-2.0 */
/* Oracle: what is taken is printable, and read again it is the same thing, with nothing to guess. */
#include "cli/ask/thing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nr_thing thing, again;
	struct nr_err err = { 0 };

	if (nr_thing_read((struct nr_str){ (const char *)data, size }, &thing, &err) < 0) {
		nr_require(err.code == NR_EUSAGE && err.msg[0] != '\0');
		return 0;
	}
	nr_require(thing.text[0] != '\0' && strlen(thing.text) < sizeof(thing.text));
	for (const char *p = thing.text; *p != '\0'; p++)
		nr_require(*p > ' ' && *p < 0x7f);
	nr_require(nr_thing_read(nr_str_from(thing.text), &again, NULL) == 0);
	nr_require(strcmp(again.text, thing.text) == 0 && again.kind == thing.kind);
	return 0;
}
