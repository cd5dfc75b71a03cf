/* SPDX-License-Identifier: Apache-2.0 */
/* Oracle: what is taken is printable, and read again it is the same thing, with nothing to guess. */
#include "cli/ask/wanted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nr_wanted wanted, again;
	struct nr_err err = { 0 };

	if (nr_wanted_read((struct nr_str){ (const char *)data, size }, &wanted, &err) < 0) {
		nr_require(err.code == NR_EUSAGE && err.msg[0] != '\0');
		return 0;
	}
	nr_require(wanted.text[0] != '\0' && strlen(wanted.text) < sizeof(wanted.text));
	for (const char *p = wanted.text; *p != '\0'; p++)
		nr_require(*p > ' ' && *p < 0x7f);
	nr_require(nr_wanted_read(nr_str_from(wanted.text), &again, NULL) == 0);
	nr_require(strcmp(again.text, wanted.text) == 0 && again.kind == wanted.kind);
	return 0;
}
