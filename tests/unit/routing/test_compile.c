/* From YAML to rules and back: what is read, what is refused, what is printed.
 */
#define NET "127.85.8."
#include "rules_test.h"

const char *const bench_net = NET;

/* A plan as text: URI, "URI @ HOP", p(...), s(...). */
static size_t put_plan(const struct plan *p, char *out)
{
	size_t len = 0;

	if (p->kind == PLAN_LEAF) {
		len = (size_t)sprintf(out, "%.*s",
				      p->uri.len > 0 ? (int)p->uri.len : 1,
				      p->uri.len > 0 ? p->uri.p : "*");
		if (p->next_hop.len != 0)
			len += (size_t)sprintf(out + len, "@%.*s",
					       STR_FMT(p->next_hop));
		return len;
	}
	len = (size_t)sprintf(out, "%c(", p->kind == PLAN_PARALLEL ? 'p' : 's');
	for (size_t i = 0; i < p->n_children; i++) {
		if (i > 0)
			out[len++] = ' ';
		len += put_plan(&p->children[i], out + len);
	}
	return len + (size_t)sprintf(out + len, ")");
}

/* A verdict as text. */
static const char *told(const struct rule *rule)
{
	static char out[2048];
	const struct verdict *v = &rule->verdict;

	switch (v->kind) {
	case VERDICT_FORWARD:
		put_plan(v->plan, out);
		break;
	case VERDICT_REDIRECT:
		put_plan(v->plan, out + sprintf(out, "%u ", v->status));
		break;
	case VERDICT_REJECT:
		sprintf(out, "%u \"%.*s\" %us", v->status, STR_FMT(v->reason),
			v->retry_after_s);
		break;
	case VERDICT_DROP:
		strcpy(out, "drop");
		break;
	case VERDICT_REGISTER: /* the step's, never a rule's own */
	case VERDICT_REGISTERED:
	case VERDICT_NONE:
		strcpy(out, "none");
		break;
	}
	return out;
}

/* clang-format off */
static const struct {
	const char *action, *told;
} actions[] = {
	{ "forward: request-uri", "*" },
	{ "forward: sip:a", "sip:a" },
	{ "forward: \"sips:a@b:5061;transport=tls\"", "sips:a@b:5061;transport=tls" },
	{ "forward: [ sip:a ]", "p(sip:a)" },
	{ "forward: [ sip:a, request-uri, sip:c ]", "p(sip:a * sip:c)" },
	/* a list inside a list alternates */
	{ "forward: [ sip:a, [ sip:b, [ sip:c, sip:d ], sip:e ] ]", "p(sip:a s(sip:b p(sip:c sip:d) sip:e))" },
	{ "forward: { to: [ sip:a, [ sip:b, sip:c ] ], fork: sequential }", "s(sip:a p(sip:b sip:c))" },
	{ "forward: { to: [ sip:a, sip:b ], fork: parallel }", "p(sip:a sip:b)" },
	/* next_hop leaves the Request-URI as it is */
	{ "forward: { next_hop: sip:h }", "*@sip:h" },
	{ "forward: { to: request-uri, next_hop: sip:h }", "*@sip:h" },
	{ "forward: { to: sip:a, next_hop: sip:h }", "sip:a@sip:h" },
	{ "forward: { to: [ sip:a, sip:b ], next_hop: sip:h }", "p(sip:a@sip:h sip:b@sip:h)" },
	{ "forward: { to: [ sip:a, [ sip:b, request-uri ] ], next_hop: sip:h }", "p(sip:a@sip:h s(sip:b@sip:h *@sip:h))" },
	{ "forward: { next_hop: [ sip:h, sip:i ], fork: sequential }", "s(*@sip:h *@sip:i)" },
	{ "forward: { to: sip:a, next_hop: [ sip:h, [ sip:i, sip:j ] ] }", "p(sip:a@sip:h s(sip:a@sip:i sip:a@sip:j))" },
	{ "forward: {}", "*" },
	/* the others */
	{ "redirect: sip:a", "302 sip:a" },
	{ "redirect: [ sip:a, sip:b ]", "302 p(sip:a sip:b)" },
	{ "redirect: { to: sip:a }", "302 sip:a" },
	{ "redirect: { code: 301, to: [ sip:a, sip:b ] }", "301 p(sip:a sip:b)" },
	{ "reject: 403", "403 \"\" 0s" },
	{ "reject: 403 Any reason", "403 \"Any reason\" 0s" },
	{ "reject: \"600  Busy  everywhere \"", "600 \"Busy  everywhere\" 0s" },
	{ "reject: { code: 503 }", "503 \"\" 0s" },
	{ "reject: { code: 503, reason: \"say \\\"when\\\" \\\\\", retry_after: 1500ms }", "503 \"say \"when\" \\\" 2s" },
	{ "reject: { code: 503, retry_after: 1d }", "503 \"\" 86400s" },
	{ "drop: true", "drop" },
};
/* clang-format on */

static void each_action_says_what_it_does(void **state)
{
	struct rules *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		rules_read_good(
			t, bench_format("routes: [ { %s } ]", actions[i].action)
				   .p);
		assert_int_equal(t->values.routes.n, 5);
		assert_string_equal(told(&t->values.routes.v[0]),
				    actions[i].told);
	}
}

static char *printed(const struct rules *t)
{
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	conf_print(rules_options, &t->values, to);
	assert_int_equal(fclose(to), 0);
	return text;
}

/* conf_print_fn: "read again it must give the same value". */
static void what_is_printed_reads_as_the_same(void **state)
{
	struct rules *t = *state;
	const char *before;
	char *text, *again;

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		rules_read_good(
			t,
			bench_format(
				"routes: [ { name: \"a: 'b' # \\\"c\\\"\\n"
				"d\\t\", match: { method: [ INVITE, \"true\" ],"
				" request.user: [ 7, \"a\\\\b\" ], source: "
				"\"2001:db8::/32\" }, auth: required, "
				"%s }, { %s } ]",
				actions[i].action, actions[i].action)
				.p);
		text = printed(t);
		before = bench_format("%s", told(&t->values.routes.v[0])).p;
		rules_read(t, text);
		if (conf_errors_count(t->errors) != 0)
			fail_msg("%s\n%s", conf_errors_text(t->errors, 0),
				 text);
		assert_string_equal(told(&t->values.routes.v[0]), before);
		assert_str(t->values.routes.v[0].name, "a: 'b' # \"c\"\nd\t");
		again = printed(t);
		assert_string_equal(again, text);
		free(text);
		free(again);
	}
}

static void the_built_in_rules_are_printed_as_a_comment(void **state)
{
	static const char *const lines[] = {
		"#   - { name: default-register, match: { method: [ REGISTER "
		"], "
		"request.domain: [ local ] }, register: true }",
		"#   - { name: default-local, match: { request.domain: "
		"[ local ] }, forward: registered }",
		"#   - { name: default-out, match: { caller: [ authenticated, "
		"trusted ] }, forward: { to: request-uri } }",
		"#   - { name: default-deny, reject: { code: \"403\", reason: "
		"Relaying denied } }",
	};
	struct rules *t = *state;
	char *text, *at;

	rules_read_good(t, "{}");
	text = at = printed(t);
	for (char *p = text, *q = text;; p++) { /* quotes aside */
		if (*p != '"')
			*q++ = *p;
		if (*p == '\0')
			break;
	}
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char want[256], *q = want;

		for (const char *p = lines[i]; *p != '\0'; p++)
			if (*p != '"')
				*q++ = *p;
		*q = '\0';
		at = strstr(at, want);
		assert_non_null(at);
	}
	free(text);
}

/* clang-format off */
static const struct {
	const char *yaml, *mistake;
} mistakes[] = {
	{ "routes: sip:a", "t.yaml:1:9: routes: is text; a list of routes" },
	{ "routes: [ { drop: true, reject: 403 } ]", "t.yaml:1:11: routes[0]: 2 actions; exactly one of register, forward, redirect, reject, drop" },
	{ "routes: [ { drop: true, reject: 403, forward: sip:a, redirect: sip:b } ]", "t.yaml:1:11: routes[0]: 4 actions; exactly one of register, forward, redirect, reject, drop" },
	{ "routes:\n- drop: true\n- name: x\n", "t.yaml:3:3: routes[1]: 0 actions; exactly one of register, forward, redirect, reject, drop" },
	{ "routes: [ { drop: false } ]", "t.yaml:1:19: routes[0].drop: false means nothing here; true" },
	{ "routes: [ { forward: carol } ]", "t.yaml:1:22: routes[0].forward: \"carol\" is no SIP URI; such as sip:10.0.0.9:5080;transport=tcp" },
	{ "routes: [ { forward: [ sip:a, [ \"tel:+1\" ] ] } ]", "t.yaml:1:33: routes[0].forward[1][0]: \"tel:+1\" is no SIP URI; such as sip:10.0.0.9:5080;transport=tcp" },
	{ "routes: [ { forward: [] } ]", "t.yaml:1:22: routes[0].forward: is empty; a URI or a list of URIs" },
	{ "routes: [ { forward: [ sip:a, [] ] } ]", "t.yaml:1:31: routes[0].forward[1]: is empty; a URI or a list of URIs" },
	{ "routes: [ { forward: { to: sip:a, next_hop: x y } } ]", "t.yaml:1:45: routes[0].forward.next_hop: \"x y\" is no SIP URI; such as sip:10.0.0.9:5080;transport=tcp" },
	{ "routes: [ { forward: { to: [ sip:a ], next_hop: [ sip:b ] } } ]", "t.yaml:1:22: routes[0].forward: to and next_hop are both lists; one of them may be" },
	{ "routes: [ { forward: { next_hop: request-uri } } ]", "t.yaml:1:34: routes[0].forward.next_hop: \"request-uri\" is no SIP URI; such as sip:10.0.0.9:5080;transport=tcp" },
	{ "routes: [ { reject: 200 OK } ]", "t.yaml:1:21: routes[0].reject: \"200\" is no status; a number from 300 to 699" },
	{ "routes: [ { reject: 700 } ]", "t.yaml:1:21: routes[0].reject: \"700\" is no status; a number from 300 to 699" },
	{ "routes: [ { reject: 0404 } ]", "t.yaml:1:21: routes[0].reject: \"0404\" is no status; a number from 300 to 699" },
	{ "routes: [ { reject: nobody } ]", "t.yaml:1:21: routes[0].reject: \"nobody\" is no status; a number from 300 to 699" },
	{ "routes: [ { reject: \"403 a\\nb\" } ]", "t.yaml:1:21: routes[0].reject: the reason holds a control character" },
	{ "routes: [ { redirect: { code: 404, to: sip:a } } ]", "t.yaml:1:23: routes[0].redirect: \"404\" is no status; a number from 300 to 399" },
	{ "routes: [ { redirect: request-uri } ]", "t.yaml:1:23: routes[0].redirect: names no contacts; a URI or a flat list of URIs" },
	{ "routes: [ { redirect: [ sip:a, request-uri ] } ]", "t.yaml:1:23: routes[0].redirect: names no contacts; a URI or a flat list of URIs" },
	{ "routes: [ { redirect: [ sip:a, [ sip:b ] ] } ]", "t.yaml:1:23: routes[0].redirect: names no contacts; a URI or a flat list of URIs" },
	{ "routes: [ { drop: true, match: INVITE } ]", "t.yaml:1:32: routes[0].match: is text; a map of conditions, such as { method: INVITE }" },
	{ "routes: [ { drop: true, match: { metod: INVITE } } ]", "t.yaml:1:34: routes[0].match.metod: unknown key; method, caller, source, request.domain, request.user, request.uri, from.domain, from.user, to.domain or to.user (did you mean \"method\")" },
	{ "routes: [ { drop: true, match: { requests.user: a } } ]", "t.yaml:1:34: routes[0].match.requests.user: unknown key; method, caller, source, request.domain, request.user, request.uri, from.domain, from.user, to.domain or to.user (did you mean \"request.user\")" },
	{ "routes: [ { drop: true, match: { method: [] } } ]", "t.yaml:1:42: routes[0].match.method: is empty; a text or a list of texts" },
	{ "routes: [ { drop: true, match: { caller: trused } } ]", "t.yaml:1:42: routes[0].match.caller: \"trused\" is no kind of caller; authenticated, trusted or anonymous (did you mean \"trusted\")" },
	{ "routes: [ { drop: true, match: { source: 192.0.2.1/24 } } ]", "t.yaml:1:42: routes[0].match.source: \"192.0.2.1/24\" is no address or network; such as 192.0.2.4 or 192.0.2.0/24" },
	{ "routes: [ { drop: true, match: { request.uri: bob } } ]", "t.yaml:1:47: routes[0].match.request.uri: \"bob\" is no URI; such as sip:bob@biloxi.com" },
	{ "routes: [ { drop: true, match: { to.domain: \"a.*\" } } ]", "t.yaml:1:45: routes[0].match.to.domain: \"a.*\" is no domain; a name, local, foreign, or *.example.com" },
	{ "routes: [ { drop: true, match: { to.domain: \"a.test:5060\" } } ]", "t.yaml:1:45: routes[0].match.to.domain: \"a.test:5060\" is no domain; a name, local, foreign, or *.example.com" },
	{ "routes: [ { drop: true, match: { to.domain: \"*\" } } ]", "t.yaml:1:45: routes[0].match.to.domain: \"*\" is no domain; a name, local, foreign, or *.example.com" },
	{ "routes: [ { drop: true, match: { to.domain: \"*.a.*\" } } ]", "t.yaml:1:45: routes[0].match.to.domain: \"*.a.*\" is no domain; a name, local, foreign, or *.example.com" },
};
/* clang-format on */

static void mistakes_name_their_place_and_what_is_right(void **state)
{
	struct rules *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		rules_read(t, mistakes[i].yaml);
		if (conf_errors_count(t->errors) == 0)
			fail_msg("accepted: %s", mistakes[i].yaml);
		assert_string_equal(conf_errors_text(t->errors, 0),
				    mistakes[i].mistake);
		assert_int_equal(conf_errors_count(t->errors), 1);
	}
}

static void all_mistakes_are_found_in_one_run(void **state)
{
	struct rules *t = *state;

	rules_read(t, "routes:\n"
		      "- { forward: x, match: { method: [], to: y } }\n"
		      "- { reject: 1, drop: true }\n");
	assert_int_equal(conf_errors_count(t->errors), 5);
}

static void without_routes_the_built_in_ones_stand_alone(void **state)
{
	struct rules *t = *state;
	struct rule_table table;

	rules_read_good(t, "routes: []");
	assert_int_equal(t->values.routes.n, 4);
	assert_int_equal(rules_default(&t->arena, &table), 0);
	assert_int_equal(table.n, 4);
	assert_str(table.v[3].name, "default-deny");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULES_TEST(each_action_says_what_it_does),
		RULES_TEST(what_is_printed_reads_as_the_same),
		RULES_TEST(the_built_in_rules_are_printed_as_a_comment),
		RULES_TEST(mistakes_name_their_place_and_what_is_right),
		RULES_TEST(all_mistakes_are_found_in_one_run),
		RULES_TEST(without_routes_the_built_in_ones_stand_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
