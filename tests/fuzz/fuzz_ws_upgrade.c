/* A WebSocket's upgrade: the answer must not depend on how it arrived. */
#include "fuzz.h"

#include "transport/ws_upgrade.h"

static const struct str origins[] = {{"https://a.example", 17}};

/* The answer when `step` bytes arrive at a time. */
static bool feed(struct str bytes, size_t step, struct ws_answer *a)
{
	size_t scanned = 0;
	bool done = false;

	for (size_t n = step; !done; n += step) {
		if (n > bytes.len)
			n = bytes.len;
		done = ws_upgrade_read(&scanned, (struct str){bytes.p, n},
				       origins, 1, a);
		CLAIM(scanned <= n && a->used <= n);
		if (n == bytes.len)
			break;
	}
	return done;
}

static void claim_same(const struct ws_answer *a, const struct ws_answer *b)
{
	CLAIM(a->status == b->status && a->why == b->why && a->used == b->used);
	CLAIM(a->key.p == b->key.p && a->key.len == b->key.len);
	CLAIM(a->is_head == b->is_head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size};
	struct ws_answer whole, split;
	char text[WS_ANSWER_MAX];
	size_t n;

	if (size == 0)
		return 0;
	if (!feed(bytes, size, &whole)) {
		CLAIM(size < WS_HEAD_MAX && whole.status == 0);
		CLAIM(!feed(bytes, 1, &split));
		return 0;
	}
	CLAIM(feed(bytes, 1, &split));
	claim_same(&whole, &split);
	CLAIM(feed(bytes, 7, &split));
	claim_same(&whole, &split);
	claim_inside(whole.key, bytes);
	CLAIM((whole.status == 101) == (whole.key.len == 24));
	n = ws_upgrade_print(&whole, text);
	CLAIM(n > 0 && n < WS_ANSWER_MAX);
	return 0;
}
