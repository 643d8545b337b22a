/* The conditions of a rule, from YAML. */
#include "routing/routing_priv.h"

static const char *const caller_names[] = {"anonymous", "trusted",
					   "authenticated", NULL};

static size_t node_count(const struct conf_node *n)
{
	return n->kind == CONF_LIST ? n->n : 1;
}

static const struct conf_node *node_item(const struct conf_node *n, size_t i)
{
	return n->kind == CONF_LIST ? n->items[i] : n;
}

static unsigned parse_caller(struct conf_run *run, const struct conf_node *n,
			     struct str text)
{
	for (unsigned i = 0; caller_names[i] != NULL; i++)
		if (str_eq(text, str_from(caller_names[i])))
			return 1u << i;
	conf_run_error(run, n,
		       "\"%.*s\" is no kind of caller; authenticated, trusted "
		       "or anonymous%s",
		       STR_FMT(text),
		       conf_run_suggest(run, text, caller_names));
	return 0;
}

static void parse_source(struct conf_run *run, const struct conf_node *n,
			 struct str text, struct addr_net *out)
{
	if (addr_net_parse(text, out) != 0)
		conf_run_error(run, n,
			       "\"%.*s\" is no address or network; such as "
			       "192.0.2.4 or 192.0.2.0/24",
			       STR_FMT(text));
}

static void parse_uri(struct conf_run *run, const struct conf_node *n,
		      struct str text, struct sip_uri *out)
{
	if (sip_uri_parse(text, out) != 0)
		conf_run_error(run, n,
			       "\"%.*s\" is no URI; such as "
			       "sip:bob@biloxi.com",
			       STR_FMT(text));
}

static void parse_user(struct conf_run *run, struct str text, struct str *out)
{
	char *plain = rule_alloc(run, 3 * text.len + 1);

	if (plain == NULL)
		return;
	out->len = sip_user_canonical(text, plain);
	out->p = plain;
}

/* Domains: a host, or a pattern with one star in front. */
static bool is_domain_pattern(struct str text)
{
	union addr a;

	if (str_starts(text, STR("*.")))
		return sip_is_host(str_skip(text, 2));
	return sip_is_host(text) || addr_parse(text, 0, &a) == 0;
}

static void check_domain(struct conf_run *run, const struct conf_node *n,
			 struct str text)
{
	if (!is_domain_pattern(text))
		conf_run_error(run, n,
			       "\"%.*s\" is no domain; a name, local, foreign, "
			       "or *.example.com",
			       STR_FMT(text));
}

static size_t parsed_size(enum match_key key)
{
	if (key == MATCH_SOURCE)
		return sizeof(struct addr_net);
	if (key == MATCH_REQUEST_URI)
		return sizeof(struct sip_uri);
	return sizeof(struct str);
}

static void parse_value(struct conf_run *run, const struct conf_node *n,
			enum match_key key, struct str text,
			struct match_values *v, void *parsed)
{
	switch (key) {
	case MATCH_CALLER:
		v->callers |= parse_caller(run, n, text);
		break;
	case MATCH_SOURCE:
		parse_source(run, n, text, parsed);
		break;
	case MATCH_REQUEST_URI:
		parse_uri(run, n, text, parsed);
		break;
	case MATCH_REQUEST_USER:
	case MATCH_FROM_USER:
	case MATCH_TO_USER:
		parse_user(run, text, parsed);
		break;
	case MATCH_REQUEST_DOMAIN:
	case MATCH_FROM_DOMAIN:
	case MATCH_TO_DOMAIN:
		check_domain(run, n, text);
		break;
	case MATCH_METHOD:
	case MATCH_KEY_COUNT:
		break;
	}
}

static void parse_values(struct conf_run *run, const struct conf_node *n,
			 enum match_key key, struct match_values *v)
{
	size_t count = node_count(n), size = parsed_size(key);
	struct str *texts;
	char *parsed;

	if (n->kind == CONF_MAP || count == 0) {
		conf_run_wrong_kind(run, n, "a text or a list of texts");
		return;
	}
	texts = rule_alloc(run, count * sizeof(*texts));
	parsed = rule_alloc(run, count * size);
	if (texts == NULL || parsed == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *item = node_item(n, i);

		if (conf_run_text(run, item, &texts[i]))
			parse_value(run, item, key, texts[i], v,
				    parsed + i * size);
	}
	v->texts = texts;
	v->parsed = parsed;
	v->n = count;
}

static int find_key(struct str name)
{
	for (int i = 0; match_key_names[i] != NULL; i++)
		if (str_eq(name, str_from(match_key_names[i])))
			return i;
	return -1;
}

void rule_parse_match(struct conf_run *run, const struct conf_node *n,
		      void *field)
{
	struct match_values *match = field;

	if (n->kind != CONF_MAP) {
		conf_run_wrong_kind(run, n,
				    "a map of conditions, such as "
				    "{ method: INVITE }");
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct conf_node *k = n->keys[i];
		int key = find_key(k->text);

		if (key < 0) {
			conf_run_unknown_key(run, k, match_key_names);
			continue;
		}
		conf_run_enter(run, match_key_names[key]);
		parse_values(run, n->items[i], key, &match[key]);
		conf_run_leave(run);
	}
}
