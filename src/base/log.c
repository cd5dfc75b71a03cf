/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/time.h"

enum { LOG_LINE = 2048, LOG_VALUES = 1024 };

static _Atomic int log_level = NR_LOG_NOTICE;

void nr_log_level_set(enum nr_log_level level)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

static const char *level_name(enum nr_log_level level)
{
	switch (level) {
	case NR_LOG_ERROR:
		return "error";
	case NR_LOG_WARNING:
		return "warning";
	case NR_LOG_NOTICE:
		return "notice";
	case NR_LOG_DEBUG:
		return "debug";
	}
	return "unknown";
}

void nr_log(enum nr_log_level level, const char *group, const char *event, const char *fmt, ...)
{
	char line[LOG_LINE], values[LOG_VALUES], when[NR_TIME_TEXT];
	va_list args;
	int head;
	size_t n;

	if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed))
		return;
	nr_time_print(nr_time_now(), when);
	va_start(args, fmt);
	if (vsnprintf(values, sizeof(values), fmt, args) < 0)
		values[0] = '\0';
	va_end(args);
	head = snprintf(line, sizeof(line), "%s %s %.32s %.64s ", when, level_name(level), group,
			event);
	if (head < 0)
		return;
	n = (size_t)head;
	n += nr_str_escape(nr_str_from(values), line + n, sizeof(line) - 1 - n);
	while (n > 0 && line[n - 1] == ' ')
		n--;
	line[n++] = '\n';
	/* One write, so that lines of several threads do not mix; nowhere to tell when it fails. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}
