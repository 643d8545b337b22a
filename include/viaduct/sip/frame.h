/*
 * Where one message ends on a byte stream (RFC 3261 section 18.3). Works on
 * what has arrived so far, never reads twice, and refuses on the declared size.
 */
#ifndef VIADUCT_SIP_FRAME_H
#define VIADUCT_SIP_FRAME_H

#include "viaduct/util/str.h"

struct sip_framer {
	size_t scanned;  /* bytes already looked at */
	size_t head_len; /* 0: the empty line has not come yet */
	size_t need;     /* whole message: head and body */
};

enum sip_frame {
	SIP_FRAME_MORE,  /* go on reading */
	SIP_FRAME_READY, /* a message of framer->need bytes stands at the start
			  */
	SIP_FRAME_PING,  /* CRLF CRLF at the start: answer CRLF (RFC 5626 4.4.1)
			  */
	SIP_FRAME_SKIP,  /* one CRLF at the start: drop it (7.5) */
	SIP_FRAME_BAD,   /* not SIP, no, two or a bad Content-Length: 400, close
			  */
	SIP_FRAME_TOO_BIG, /* over max, by what is there or by what is declared
			    */
};

/*
 * `bytes` starts at the message; call again with more. Reset the framer (all
 * zero) after each READY, PING or SKIP. The answer does not depend on how the
 * bytes were cut into pieces.
 *
 * A CRLF with nothing after it is MORE: whether it is half a ping shows in what
 * follows. As long as f->scanned is 0 no message has begun.
 * After BAD and TOO_BIG with f->head_len set, so many bytes are a whole head
 * from which a 400 or 513 can be made. Absent Content-Length is BAD.
 */
enum sip_frame sip_frame_next(struct sip_framer *f, struct str bytes,
			      size_t max);

#endif
