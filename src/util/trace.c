#include <stdarg.h>
#include <stdio.h>

#include "util/log_priv.h"

static void trace_start(struct log_line *l, const struct trace_tag *tag,
			const char *dir)
{
	const struct log_kv txn[] = {KV_UINT("txn", tag->txn), {0}};

	log_line_start(l, LOG_INFO, "trace");
	log_line_str(l, "dir", str_from(dir));
	if (tag->call_id.len > 0)
		log_line_str(l, "call_id", tag->call_id);
	if (tag->flow.len > 0)
		log_line_str(l, "flow", tag->flow);
	if (tag->txn != 0)
		log_line_pairs(l, txn);
}

void trace_step(const struct trace_tag *tag, const char *what, const char *why,
		...)
{
	char text[LOG_LINE_MAX];
	struct log_line l;
	va_list ap;

	if (!trace_is_on())
		return;
	va_start(ap, why);
	vsnprintf(text, sizeof(text), why, ap);
	va_end(ap);
	trace_start(&l, tag, "step");
	log_line_str(&l, "step", str_from(what));
	log_line_str(&l, "why", str_from(text));
	log_put(LOG_INFO, log_line_end(&l));
}

/* Up to and with the line feed. */
static struct str line_first(struct str s)
{
	size_t n = str_find(s, '\n');

	return (struct str){s.p, n < s.len ? n + 1 : n};
}

static struct str line_without_end(struct str line)
{
	while (line.len > 0 &&
	       (line.p[line.len - 1] == '\n' || line.p[line.len - 1] == '\r'))
		line.len--;
	return line;
}

/* Up to and with the empty line. */
static struct str message_head(struct str s)
{
	size_t n = 0;

	while (n < s.len) {
		struct str line = line_first(str_skip(s, n));

		n += line.len;
		if (line_without_end(line).len == 0)
			break;
	}
	return (struct str){s.p, n};
}

/* Length of the field name with its colon, 0 if it carries no credentials. */
static size_t secret_name_len(struct str s)
{
	static const struct str names[] = {
		{"authorization", 13},
		{"proxy-authorization", 19},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t n = names[i].len;

		if (s.len <= n || !str_ieq((struct str){s.p, n}, names[i]))
			continue;
		while (n < s.len && (s.p[n] == ' ' || s.p[n] == '\t'))
			n++;
		if (n < s.len && s.p[n] == ':')
			return n + 1;
	}
	return 0;
}

/* Where in the line credentials start; its length if there are none. A peer
 * may take a bare CR for the end of a line, so look behind each. */
static size_t secret_start(struct str line)
{
	size_t at = 0;

	while (at < line.len) {
		size_t n = secret_name_len(str_skip(line, at));

		if (n > 0)
			return at + n;
		at += str_find(str_skip(line, at), '\r') + 1;
	}
	return line.len;
}

static bool is_fold(struct str line)
{
	return line.len > 0 && (line.p[0] == ' ' || line.p[0] == '\t');
}

/* Line by line, in the body too, which may be a message of its own. */
static void add_masked(struct log_line *l, struct str s)
{
	bool is_secret = false;

	while (s.len > 0) {
		struct str line = line_first(s);
		size_t text_len = line_without_end(line).len;
		size_t secret = secret_start(line);

		s = str_skip(s, line.len);
		if (is_secret && is_fold(line))
			continue;
		is_secret = secret < line.len;
		if (!is_secret) {
			log_line_value_add(l, line);
			continue;
		}
		log_line_value_add(l, (struct str){line.p, secret});
		log_line_value_add(l, STR(" <masked>"));
		log_line_value_add(l, str_skip(line, text_len));
	}
}

static struct str by_level(struct str bytes)
{
	enum trace_level level = trace_max_level;

	switch (level) {
	case TRACE_FULL:
		return bytes;
	case TRACE_HEADERS:
		return message_head(bytes);
	default:
		return line_without_end(line_first(bytes));
	}
}

void trace_message(const struct trace_tag *tag, bool is_out,
		   const union addr *peer, struct str bytes)
{
	const struct log_kv kv[] = {KV_ADDR("peer", peer), {0}};
	struct log_line l;

	if (!trace_is_on())
		return;
	trace_start(&l, tag, is_out ? "out" : "in");
	log_line_pairs(&l, kv);
	log_line_value_start(&l, "message");
	add_masked(&l, by_level(bytes));
	log_line_value_end(&l);
	log_put(LOG_INFO, log_line_end(&l));
}
