/* The option `listen`: URLs, or maps with more to say about one. */
#ifndef VIADUCT_TRANSPORT_CONF_H
#define VIADUCT_TRANSPORT_CONF_H

#include "viaduct/conf/option.h"
#include "viaduct/transport/transport.h"

/* Into a struct conf_array of struct listener_conf. */
void listeners_parse(struct conf_run *run, const struct conf_node *n,
		     void *field);
void listeners_print(FILE *to, const void *field);

#endif
