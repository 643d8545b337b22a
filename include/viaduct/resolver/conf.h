/* The section `resolver`. */
#ifndef VIADUCT_RESOLVER_CONF_H
#define VIADUCT_RESOLVER_CONF_H

#include "viaduct/conf/option.h"
#include "viaduct/resolver/resolver.h"

struct resolver_section {
	struct conf_array servers;        /* union addr */
	struct str hosts_file;            /* NUL-terminated; empty: none */
	uint32_t timeout, search_timeout; /* milliseconds */
	uint32_t in_flight, cache;
	int families[2];
};

extern const struct conf_option resolver_options[];

/* For one of n_workers. Points into the section. */
void resolver_conf_from(const struct resolver_section *s, unsigned n_workers,
			struct resolver_conf *out);

#endif
