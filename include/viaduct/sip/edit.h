/*
 * What a proxy changes in a message, as a list of edits that is applied once,
 * when the message is printed. The received bytes stay as they are; all that
 * no edit names leaves byte for byte, in order.
 */
#ifndef VIADUCT_SIP_EDIT_H
#define VIADUCT_SIP_EDIT_H

#include "viaduct/sip/msg.h"
#include "viaduct/util/buf.h"

enum {
	SIP_EDITS_INLINE = 12,
};

/* Replace `cut` bytes at offset `at` with `text`. */
struct sip_edit {
	uint32_t at, cut;
	struct str text; /* lives as long as the list */
};

/* Sorted by place; edits at one place apply in the order they were added. */
struct sip_edits {
	struct arena *arena; /* borrowed: texts and further entries */
	struct sip_edit *v;
	unsigned n, cap;
	bool failed; /* no memory somewhere: sip_edits_print() will refuse */
	struct sip_edit inline_v[SIP_EDITS_INLINE];
};

void sip_edits_init(struct sip_edits *e, struct arena *arena);

/* A list that starts as a copy of another (for the branches of one request) and
 * has its arena. */
void sip_edits_copy(struct sip_edits *e, const struct sip_edits *from);

/* The primitive. `text` is not copied. Overlapping cuts are a mistake of
 * ours. */
void sip_edit_replace(struct sip_edits *e, uint32_t at, uint32_t cut,
		      struct str text);

/* The Request-URI of a request. */
void sip_edit_uri(struct sip_edits *e, const struct sip_msg *m, struct str uri);

/* SIP-Version in capitals, as it must be sent (RFC 3261 section 7.1). */
void sip_edit_version(struct sip_edits *e, const struct sip_msg *m);

/* A whole field "Name: value\r\n" before the first field of this kind (after
 * the start line when there is none): Via, Record-Route, Route on top. Of two
 * pushes at one place the later one is above. */
void sip_edit_push(struct sip_edits *e, const struct sip_msg *m,
		   enum sip_hdr_id id, struct str field);

/* A whole field after the last one of the head. */
void sip_edit_append(struct sip_edits *e, const struct sip_msg *m,
		     struct str field);

/* Replace the value of one field. */
void sip_edit_value(struct sip_edits *e, const struct sip_hdr *h,
		    struct str value);

/* Remove one field, or one value of a field that holds several (its comma goes
 * too; the field goes with its last value). `it` stands on the value; of one
 * field values are removed in their order. */
void sip_edit_remove(struct sip_edits *e, const struct sip_hdr *h);
void sip_edit_remove_value(struct sip_edits *e, const struct sip_values *it);

/* Remove the first `n` values of a kind, whole fields where possible. */
void sip_edit_pop(struct sip_edits *e, const struct sip_msg *m,
		  enum sip_hdr_id id, unsigned n);

/* Set received and rport of the top Via of a request (18.2.1, RFC 3581):
 * `params` is ";received=...;rport=..." and goes to the end of the value; a
 * received or rport that is there goes. */
void sip_edit_via_params(struct sip_edits *e, struct sip_msg *m,
			 struct str params);

/* Bytes that printing will give. */
size_t sip_edits_size(const struct sip_edits *e, const struct sip_msg *m);

/* Apply into a new buffer. NULL: no memory. */
struct buf *sip_edits_print(const struct sip_edits *e, const struct sip_msg *m,
			    struct mem *mem);

/*
 * A response of our own to a request (RFC 3261 section 8.2.6): all Via values,
 * From, To, Call-ID, CSeq of the request, Content-Length: 0.
 *
 * Via: `top_via_params` (";received=192.0.2.9;rport=5060") is added to the top
 *   value, as 18.2.1 and RFC 3581 want; a received or rport there is replaced.
 * To: `to_tag` is added when the request has none and status is above 100.
 * Timestamp is copied into a 100.
 * extra: whole header fields, or empty.
 */
struct sip_response {
	unsigned status;
	struct str reason; /* empty: sip_reason_phrase() */
	struct str to_tag;
	struct str top_via_params;
	struct str extra;
};

/* NULL: no memory. */
struct buf *sip_response_print(struct sip_msg *request,
			       const struct sip_response *r, struct mem *mem);

/* ACK to a non-2xx (17.1.1.3) and CANCEL (9.1), made from our own request as
 * we sent it (`sent`, already indexed): same Request-URI, top Via, Route, From,
 * Call-ID, CSeq number. to: the To value of the response (ACK) or STR_NONE for
 * the request's own. extra: whole header fields (Reason), or empty. */
struct buf *sip_ack_print(struct sip_msg *sent, struct str to, struct mem *mem);
struct buf *sip_cancel_print(struct sip_msg *sent, struct str extra,
			     struct mem *mem);

/* Of a request of ours what these two are made of, to be kept while it waits
 * for its answer. NULL: no memory, or there is no less of it. */
struct buf *sip_sent_trim(struct str sent, struct mem *mem);

#endif
