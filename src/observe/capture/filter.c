/* SPDX-License-Identifier: Apache-2.0 */
/** @file filter: libpcap compiles the expression, its interpreter runs it. */
#include "observe/capture/filter.h"

#include <pcap/pcap.h>
#include <stdlib.h>

/** Link types as they stand in files, and what libpcap calls them here. */
static const struct {
	uint16_t link;
	int dlt;
} links[] = {
	{ 1, DLT_EN10MB }, { 113, DLT_LINUX_SLL }, { 276, DLT_LINUX_SLL2 },
	{ 101, DLT_RAW },  { 12, DLT_RAW }, /* old files kept the number their system had for it */
	{ 14, DLT_RAW },   { 228, DLT_IPV4 },	   { 229, DLT_IPV6 },
	{ 0, DLT_NULL },   { 108, DLT_LOOP },
};

enum { N_LINKS = NR_COUNT(links), ERROR_TEXT = 160, SHOWN = 160 };

struct program {
	bool usable;
	struct bpf_program bpf;
	char error[ERROR_TEXT];
};

struct nr_filter {
	char shown[SHOWN]; /* the expression, escaped */
	struct program programs[N_LINKS];
};

/**
 * @param ret_passes  increased when some frames of the link type could pass
 * @return 0, with program->error set when the expression does not fit the link type; -ENOMEM
 */
static int program_compile(struct program *program, int dlt, const char *expression,
			   size_t *ret_passes)
{
	pcap_t *dead = pcap_open_dead(dlt, NR_CAPTURE_SNAP_MAX);

	if (dead == NULL)
		return -ENOMEM;
	program->usable = pcap_compile(dead, &program->bpf, expression, 1, PCAP_NETMASK_UNKNOWN) ==
			  0;
	*ret_passes += program->usable;
	if (!program->usable)
		nr_str_escape(nr_str_from(pcap_geterr(dead)), program->error,
			      sizeof(program->error));
	/* the optimiser calls it an error that nothing can pass, as ip6 on a link type that is all IPv4 */
	if (!program->usable)
		program->usable = pcap_compile(dead, &program->bpf, expression, 0,
					       PCAP_NETMASK_UNKNOWN) == 0;
	pcap_close(dead);
	return 0;
}

int nr_filter_new(const char *expression, struct nr_filter **ret_filter, struct nr_err *reterr)
{
	nr_auto(nr_filter) f = calloc(1, sizeof(*f));
	size_t n_passes = 0;

	if (f == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory for a filter");
	nr_str_escape(nr_str_from(expression), f->shown, sizeof(f->shown));
	for (size_t i = 0; i < N_LINKS; i++) {
		int ret = program_compile(&f->programs[i], links[i].dlt, expression, &n_passes);

		if (ret < 0)
			return nr_fail(reterr, ret, "no memory for a filter");
	}
	if (n_passes == 0)
		return nr_fail(reterr, NR_EUSAGE, "filter \"%s\": %s", f->shown,
			       f->programs[0].error);
	*ret_filter = NR_TAKE(f);
	return 0;
}

struct nr_filter *nr_filter_free(struct nr_filter *f)
{
	for (size_t i = 0; f != NULL && i < N_LINKS; i++)
		if (f->programs[i].usable)
			pcap_freecode(&f->programs[i].bpf);
	free(f);
	return NULL;
}

static const struct program *program_find(const struct nr_filter *f, uint16_t link)
{
	for (size_t i = 0; i < N_LINKS; i++)
		if (links[i].link == link)
			return &f->programs[i];
	return NULL;
}

int nr_filter_match(const struct nr_filter *f, const struct nr_frame *frame)
{
	const struct program *program = program_find(f, frame->link);

	if (NR_UNLIKELY(program == NULL || !program->usable))
		return NR_EFORMAT;
	return bpf_filter(program->bpf.bf_insns, frame->data, frame->wirelen, frame->caplen) != 0;
}

int nr_filter_explain(const struct nr_filter *f, uint16_t link, struct nr_err *reterr)
{
	const struct program *program = program_find(f, link);

	if (program == NULL)
		return nr_fail(reterr, NR_EFORMAT,
			       "filter \"%s\": frames of link type %u cannot be filtered", f->shown,
			       link);
	if (!program->usable)
		return nr_fail(reterr, NR_EFORMAT, "filter \"%s\" on link type %u: %s", f->shown,
			       link, program->error);
	return 0;
}

const struct bpf_program *nr_filter_program(const struct nr_filter *f, uint16_t link)
{
	const struct program *program = program_find(f, link);

	return program != NULL && program->usable ? &program->bpf : NULL;
}
