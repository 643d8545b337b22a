/* One URI a line; each must equal itself, and comparing must not depend on the
 * order. */
#include "fuzz.h"

#include "viaduct/sip/uri.h"

static void claim_slices(const struct sip_uri *u)
{
	claim_inside(u->user, u->text);
	claim_inside(u->password, u->text);
	claim_inside(u->host, u->text);
	claim_inside(u->params, u->text);
	claim_inside(u->headers, u->text);
	claim_inside(u->opaque, u->text);
	claim_inside(u->maddr, u->params);
	CLAIM(u->has_user == (u->user.len != 0));
}

static void claim_canonical(struct str user)
{
	char *once = malloc(user.len + 1), *twice = malloc(user.len + 1);
	size_t n = sip_user_canonical(user, once);

	CLAIM(n <= user.len);
	CLAIM(sip_user_canonical((struct str){once, n}, twice) == n);
	CLAIM(memcmp(once, twice, n) == 0);
	free(once);
	free(twice);
}

/* What people write is no URI's user part, and becomes one. */
static void claim_spelt(struct str text)
{
	char *once = malloc(3 * text.len + 1);
	size_t n = sip_user_canonical(text, once);

	CLAIM(n <= 3 * text.len);
	claim_canonical((struct str){once, n});
	free(once);
}

static bool next_line(struct str *rest, struct str *line)
{
	size_t len;

	if (rest->len == 0)
		return false;
	len = str_find(*rest, '\n');
	*line = (struct str){rest->p, len};
	*rest = str_skip(*rest, len < rest->len ? len + 1 : len);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, line, name, value;
	struct sip_uri u, last = {0};

	while (next_line(&rest, &line)) {
		struct str params;

		claim_spelt(line);
		if (sip_uri_parse(line, &u) != 0)
			continue;
		claim_slices(&u);
		claim_canonical(u.user);
		CLAIM(sip_uri_eq(&u, &u));
		if (last.text.p != NULL)
			CLAIM(sip_uri_eq(&u, &last) == sip_uri_eq(&last, &u));
		for (params = u.params; sip_param_next(&params, &name, &value);)
			claim_inside(value, u.params);
		sip_param_find(u.params, STR("transport"), &value);
		last = u;
	}
	return 0;
}
