/* What the files of loop share. */
#ifndef VIADUCT_LOOP_PRIV_H
#define VIADUCT_LOOP_PRIV_H

#include "viaduct/loop/loop.h"

/* Inside loop_run(); asked on the loop's own thread. */
bool loop_is_running(const struct loop *l);

#endif
