/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/observe.h"

enum { LINE_MAX_BYTES = 512, BAR = 24 };

static const int64_t redraw_ns = NR_NS_PER_S / 10,
		     quiet_ns = NR_NS_PER_S / 2; /* short runs show nothing */

void nr_progress_init(struct nr_progress *progress, const struct nr_observe_words *words,
		      const struct nr_observe_input *input)
{
	struct winsize size;
	bool data_on_terminal = (words->json || words->csv) && isatty(STDOUT_FILENO);

	*progress = (struct nr_progress){ .started = nr_mono_now(), .width = 80 };
	progress->drawn = progress->started;
	progress->capture = input->n_captures == 1 ? input->captures[0] : NULL;
	progress->on = isatty(STDERR_FILENO) && !words->no_progress && !data_on_terminal;
	if (progress->on && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
		progress->width = size.ws_col;
}

static void bar(double share, char out[BAR + 1])
{
	for (int i = 0; i < BAR; i++)
		out[i] = i < (int)(share * BAR) ? '=' : i == (int)(share * BAR) ? '>' : ' ';
	out[BAR] = '\0';
}

void nr_progress_draw(void *ctx, uint64_t packets)
{
	struct nr_progress *progress = ctx;
	struct nr_capture_stats stats = { 0 };
	char line[LINE_MAX_BYTES], shape[BAR + 1], left[NR_SPAN_TEXT] = "";

	if (!progress->on)
		return;
	struct nr_time now = nr_mono_now();

	if (now.ns - progress->drawn.ns < redraw_ns || now.ns - progress->started.ns < quiet_ns)
		return;
	progress->drawn = now;
	double seconds = (double)(now.ns - progress->started.ns) / 1e9,
	       rate = (double)packets / seconds;

	if (progress->capture != NULL)
		nr_capture_stats(progress->capture, &stats);
	if (stats.bytes_total > 0) {
		double share = (double)stats.bytes_read / (double)stats.bytes_total;

		share = share > 1 ? 1 : share;
		bar(share, shape);
		if (share > 0.001)
			nr_span_print_human((int64_t)(seconds * (1 - share) / share) * NR_NS_PER_S,
					    left);
		(void)snprintf(line, sizeof(line), "[%s] %3.0f %%  %.2f M packets  %.2f M/s  %s%s",
			       shape, share * 100, (double)packets / 1e6, rate / 1e6, left,
			       left[0] != '\0' ? " left" : "");
	} else {
		(void)snprintf(line, sizeof(line),
			       "%llu packets  %.0f/s  (Ctrl-C ends and reports)",
			       (unsigned long long)packets, rate);
	}
	(void)fprintf(stderr, "\r\033[K%.*s", (int)progress->width - 1, line);
	progress->shown = true;
}

void nr_progress_clear(struct nr_progress *progress)
{
	if (progress->shown)
		(void)fputs("\r\033[K", stderr);
	progress->shown = false;
}
