/* WebSocket frames: what comes of them must not depend on how they arrived, and
 * memory must follow what has come. */
#include "fuzz.h"

#include "transport/ws_frames.h"

enum {
	MAX = 4096,
	SPACE = 1 << 16,
};

/* What was told, as a sum. */
struct told {
	uint64_t sum;
	size_t n_events, used;
	enum ws_event last;
};

static void add(struct told *t, uint64_t n)
{
	t->sum = (t->sum ^ n) * 0x100000001b3;
}

static void tell(struct told *t, enum ws_event ev, const struct ws_frame *f)
{
	CLAIM(f->data.len <= MAX || ev == WS_FAIL);
	CLAIM((ev == WS_MORE || ev == WS_FAIL) == (f->used == 0));
	if (ev == WS_MORE)
		return;
	t->last = ev;
	t->n_events++;
	t->used += f->used;
	add(t, ev);
	add(t, f->code);
	for (size_t i = 0; ev != WS_FRAGMENT && i < f->data.len; i++)
		add(t, (unsigned char)f->data.p[i]);
	CLAIM(ev != WS_PING || f->data.len <= WS_CONTROL_MAX);
}

/* The decoder writes to what it is given, but only once a frame is whole. */
static struct told feed(struct ws_decoder *d, const uint8_t *data, size_t size,
			size_t step)
{
	static char bytes[SPACE];
	struct told t = {0};
	struct ws_partial m = {0};
	size_t at = 0, have = 0;

	memcpy(bytes, data, size);
	while (have < size && t.last != WS_FAIL && t.last != WS_CLOSE) {
		enum ws_event ev = WS_FRAGMENT;

		have = have + step < size ? have + step : size;
		while (ev != WS_MORE && ev != WS_FAIL && ev != WS_CLOSE) {
			struct ws_frame f;

			ev = ws_frame_next(d, &m, bytes + at, have - at, MAX,
					   &f);
			tell(&t, ev, &f);
			at += f.used;
			CLAIM(m.len <= MAX && m.len <= have && at <= have);
			CLAIM(m.cap <= 2 * have + 2048);
			if (ev == WS_MESSAGE)
				ws_partial_drop(d, &m);
		}
	}
	ws_partial_drop(d, &m);
	return t;
}

static void claim_same(struct told a, struct told b)
{
	CLAIM(a.sum == b.sum && a.n_events == b.n_events && a.used == b.used);
	CLAIM(a.last == b.last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mem *mem;
	static struct ws_decoder *d;
	struct told whole;

	if (mem == NULL)
		CLAIM(mem_new(0, &mem) == 0 && ws_decoder_new(mem, &d) == 0);
	if (size == 0 || size > SPACE)
		return 0;
	whole = feed(d, data, size, size);
	claim_same(whole, feed(d, data, size, 1));
	claim_same(whole, feed(d, data, size, 7));
	return 0;
}
