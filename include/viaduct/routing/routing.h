/*
 * The rules (`routes`): an ordered list; the first one that matches
 * decides. Compiled when the configuration is read, then immutable.
 */
#ifndef VIADUCT_ROUTING_ROUTING_H
#define VIADUCT_ROUTING_ROUTING_H

#include "viaduct/proxy/request.h"

struct rule;

struct rule_table {
	struct rule *v; /* the operator's, then the four that are built in */
	size_t n;
};

/* The option `routes`: parses into a struct rule_table. */
void rules_parse(struct conf_run *run, const struct conf_node *n, void *field);
void rules_print(FILE *to, const void *field);

/* For a file without `routes`: the built-in ones alone. 0 or VD_ENOMEM. */
int rules_default(struct arena *arena, struct rule_table *out);

/* Does one say `auth: required`? */
bool rules_need_users(const struct rule_table *t);

/* The step: sets r->verdict. r->conf->rules is a struct rule_table. */
enum step_result step_rules(struct request *r);

#endif
