/* What the kernel says of this process. */
#ifndef VIADUCT_ADMIN_PROCESS_H
#define VIADUCT_ADMIN_PROCESS_H

#include <stdint.h>

struct process_usage {
	uint64_t resident; /* bytes */
	uint64_t cpu_ms;
	uint64_t n_fds, max_fds;
};

/* What cannot be learned is 0. */
void process_usage(struct process_usage *out);

#endif
