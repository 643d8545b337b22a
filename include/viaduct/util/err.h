/* Errors: every fallible function returns 0 or one of these, all negative. */
#ifndef VIADUCT_UTIL_ERR_H
#define VIADUCT_UTIL_ERR_H

enum vd_err {
	VD_ENOMEM = -1,    /* no memory, or the configured ceiling is reached */
	VD_EINVAL = -2,    /* malformed input */
	VD_ENOENT = -3,    /* no such thing */
	VD_EEXIST = -4,    /* there is one already */
	VD_EAGAIN = -5,    /* not now: a callback tells when */
	VD_ETIMEOUT = -6,  /* no answer in time */
	VD_ESERVFAIL = -7, /* the name server failed or refused */
	VD_ELIMIT = -8,    /* a configured limit is reached */
	VD_ETOOBIG = -9,   /* larger than the place it must fit into */
	VD_ECONN = -10,    /* connection refused, reset or closed */
	VD_EUNREACH = -11, /* no route, or no listener that could send it */
	VD_ESYS = -12,     /* a system call failed; errno says why */
	VD_ELOOP = -13,    /* it would go round in circles */
	VD_EUNSUP = -14,   /* understood, and not supported */
};

/* One sentence for people. Never NULL. */
const char *vd_strerror(int err);

#endif
