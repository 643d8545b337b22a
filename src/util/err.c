#include "viaduct/util/err.h"

#include <stddef.h>

static const char *const sentences[] = {
	[0] = "no error",
	[-VD_ENOMEM] = "out of memory, or the memory ceiling is reached",
	[-VD_EINVAL] = "malformed input",
	[-VD_ENOENT] = "no such thing",
	[-VD_EEXIST] = "it exists already",
	[-VD_EAGAIN] = "not possible now; try again",
	[-VD_ETIMEOUT] = "no answer in time",
	[-VD_ESERVFAIL] = "the name server failed or refused",
	[-VD_ELIMIT] = "a configured limit is reached",
	[-VD_ETOOBIG] = "too large for the place it must fit into",
	[-VD_ECONN] = "connection refused, reset or closed",
	[-VD_EUNREACH] = "no route, or no listener that could send it",
	[-VD_ESYS] = "a system call failed",
	[-VD_ELOOP] = "it would go round in circles",
	[-VD_EUNSUP] = "understood, but not supported",
};

const char *vd_strerror(int err)
{
	const int n = sizeof(sentences) / sizeof(sentences[0]);

	if (err > 0 || err <= -n)
		return "unknown error";
	return sentences[-err];
}
