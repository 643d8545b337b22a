/* A byte stream: where its messages end must not depend on how it arrived. */
#include "fuzz.h"

#include "viaduct/sip/frame.h"

enum {
	MAX = 4096,
};

static size_t skipped(const struct sip_framer *f, enum sip_frame frame)
{
	switch (frame) {
	case SIP_FRAME_READY:
		return f->need;
	case SIP_FRAME_PING:
		return 4;
	case SIP_FRAME_SKIP:
		return 2;
	default:
		return 0;
	}
}

/* The first answer that is not MORE when `step` bytes arrive at a time. */
static enum sip_frame feed(struct str bytes, size_t step, size_t *len)
{
	struct sip_framer f = {0};
	enum sip_frame frame = SIP_FRAME_MORE;

	for (size_t n = step; frame == SIP_FRAME_MORE; n += step) {
		if (n > bytes.len)
			n = bytes.len;
		frame = sip_frame_next(&f, (struct str){bytes.p, n}, MAX);
		CLAIM(frame != SIP_FRAME_READY || f.need <= n);
		CLAIM(f.scanned <= n && f.head_len <= n);
		if (n == bytes.len)
			break;
	}
	*len = skipped(&f, frame);
	return frame;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size};
	size_t whole, split, odd;

	while (bytes.len > 0) {
		enum sip_frame frame = feed(bytes, bytes.len, &whole);

		CLAIM(feed(bytes, 1, &split) == frame && split == whole);
		CLAIM(feed(bytes, 7, &odd) == frame && odd == whole);
		if (whole == 0)
			break;
		bytes = str_skip(bytes, whole);
	}
	return 0;
}
