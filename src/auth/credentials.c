/* Credentials (RFC 3261 section 25.1, RFC 7616 section 3.4). */
#include "auth/auth_priv.h"

enum { NC_LEN = 8 };

#define FIELD(f) offsetof(struct credentials, f)

static const struct {
	struct str name;
	size_t offset;
} fields[] = {
	{STR("username"), FIELD(username)},
	{STR("realm"), FIELD(realm)},
	{STR("nonce"), FIELD(nonce)},
	{STR("uri"), FIELD(uri)},
	{STR("response"), FIELD(response)},
	{STR("algorithm"), FIELD(algorithm)},
	{STR("cnonce"), FIELD(cnonce)},
	{STR("qop"), FIELD(qop)},
	{STR("nc"), FIELD(nc)},
};

/* Quoted pairs stay as they are: hashes are over the text between the quotes
 * (unq() of RFC 7616 section 3.4.1). */
static struct str unquote(struct str s)
{
	if (s.len >= 2 && s.p[0] == '"')
		return (struct str){s.p + 1, s.len - 2};
	return s;
}

/* What we do not know is allowed, and twice is not. */
static bool keep(struct credentials *c, struct str name, struct str value)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct str *field =
			(struct str *)((char *)c + fields[i].offset);

		if (!str_ieq(name, fields[i].name))
			continue;
		if (field->p != NULL)
			return false;
		*field = unquote(value);
		break;
	}
	return true;
}

bool credentials_parse(struct str value, struct credentials *out)
{
	static const struct str scheme = STR("Digest");
	struct str name, v;

	memset(out, 0, sizeof(*out));
	if (value.len <= scheme.len ||
	    !str_ieq((struct str){value.p, scheme.len}, scheme))
		return false;
	value = str_skip(value, scheme.len);
	if (strchr(" \t\r", value.p[0]) == NULL)
		return false;
	/* To the end, so that the realm is known of what is wrong elsewhere. */
	while (sip_auth_param_next(&value, &name, &v))
		if (name.len == 0 || !keep(out, name, v))
			out->is_bad = true;
	return true;
}

static int hex_digit(char c)
{
	c = ascii_lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_nc(struct str s, uint32_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s.len; i++) {
		int digit = hex_digit(s.p[i]);

		if (digit < 0)
			return false;
		*out = *out << 4 | (uint32_t)digit;
	}
	return s.len == NC_LEN && *out > 0;
}

bool credentials_are_early(const struct credentials *c)
{
	return !c->is_bad && c->nonce.p != NULL && c->nonce.len == 0 &&
	       c->response.p != NULL && c->response.len == 0;
}

bool credentials_are_whole(const struct credentials *c, uint32_t *nc)
{
	if (c->is_bad || c->username.len == 0 || c->nonce.len == 0 ||
	    c->uri.len == 0 || c->response.len == 0)
		return false;
	*nc = 1; /* RFC 2069: a nonce is good for one request */
	if (c->qop.p == NULL)
		return true;
	return c->cnonce.len > 0 && parse_nc(c->nc, nc);
}
