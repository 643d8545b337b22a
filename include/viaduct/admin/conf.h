/* The section `admin` of the configuration. */
#ifndef VIADUCT_ADMIN_CONF_H
#define VIADUCT_ADMIN_CONF_H

#include "viaduct/conf/option.h"
#include "viaduct/util/addr.h"

struct admin_section {
	struct str socket; /* path; empty: none */
	struct str http;   /* ADDRESS:PORT; empty: none */
};

extern const struct conf_option admin_options[];

/* What the table cannot say. node: the section; NULL when it is not there. */
void admin_conf_check(const struct admin_section *s,
		      const struct conf_node *node, struct conf_errors *errors);

/* Can others than this machine's reach admin.http? */
bool admin_conf_is_exposed(const struct admin_section *s);

#endif
