/* The sockets that admin listens on. Apart from admin_priv.h, whose enum stat
 * has the name of struct stat. */
#ifndef VIADUCT_ADMIN_BIND_H
#define VIADUCT_ADMIN_BIND_H

#include "viaduct/util/addr.h"

/* A listening socket, not blocking. Returns the descriptor or VD_ESYS, with a
 * sentence in `why`. */
int bind_tcp(const union addr *addr, char why[256]);
/* Removes a socket that nobody answers on. has_made_dir: the directory was not
 * there. */
int bind_unix(const char *path, bool *has_made_dir, char why[256]);

#endif
