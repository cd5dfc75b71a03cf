/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void nr_require_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "noroshi: broken invariant: %s (%s:%d)\n", what, file, line);
	abort();
}

int nr_fail(struct nr_err *reterr, int code, const char *fmt, ...)
{
	struct nr_err err = { .code = code };
	va_list args;

	if (reterr == NULL)
		return code;
	/* Formatted aside, so that the arguments may point into the old message. */
	va_start(args, fmt);
	if (vsnprintf(err.msg, sizeof(err.msg), fmt, args) < 0)
		err.msg[0] = '\0';
	va_end(args);
	*reterr = err;
	return code;
}

int nr_err_prefix(struct nr_err *reterr, const char *fmt, ...)
{
	struct nr_err err = { .code = 0 };
	va_list args;
	size_t n, room;

	if (reterr == NULL)
		return -EINVAL;
	va_start(args, fmt);
	if (vsnprintf(err.msg, sizeof(err.msg), fmt, args) < 0)
		err.msg[0] = '\0';
	va_end(args);
	/* What does not fit is cut at the end: a cut message is still a message. */
	n = nr_min_size(strlen(err.msg), sizeof(err.msg) - 3);
	memcpy(err.msg + n, ": ", 2);
	n += 2;
	room = nr_min_size(strlen(reterr->msg), sizeof(err.msg) - 1 - n);
	memcpy(err.msg + n, reterr->msg, room);
	err.msg[n + room] = '\0';
	err.code = reterr->code;
	*reterr = err;
	return err.code;
}

const char *nr_err_text(int code)
{
	const char *text = NULL;

	switch (code) {
	case 0:
		return "no error";
	case NR_EDAMAGED:
		return "damaged input";
	case NR_EFORMAT:
		return "not the expected format";
	case NR_EVERSION:
		return "unknown version";
	case NR_ELIMIT:
		return "limit reached";
	case NR_EUSAGE:
		return "wrong usage";
	}
	if (code < 0 && code > NR_EDAMAGED)
		text = strerrordesc_np(-code);
	return text != NULL ? text : "unknown error";
}
