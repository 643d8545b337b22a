/*
 * Looking at many bytes at once: sixteen are compared in a step, and what came
 * of it becomes a number with a bit for each byte.
 */
#ifndef VIADUCT_SIP_SCAN_H
#define VIADUCT_SIP_SCAN_H

#include <endian.h>

#ifdef __SSE2__ /* in every x86-64 */
#include <emmintrin.h>
#endif

#include "viaduct/util/str.h"

typedef unsigned char bytes16 __attribute__((vector_size(16)));

static inline bytes16 bytes16_load(const char *p)
{
	bytes16 x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* Bit i says that byte i of a comparison's result is set. */
static inline unsigned bytes16_mask(bytes16 is)
{
#ifdef __SSE2__
	return (unsigned)_mm_movemask_epi8((__m128i)is);
#else
	const uint64_t diagonal = 0x8040201008040201, ones = 0x0101010101010101;
	uint64_t half[2];

	memcpy(half, &is, sizeof(half));
	return (unsigned)((le64toh(half[0]) & diagonal) * ones >> 56 |
			  (le64toh(half[1]) & diagonal) * ones >> 56 << 8);
#endif
}

static inline uint64_t control_mask16(const char *p)
{
	bytes16 x = bytes16_load(p);

	return bytes16_mask((bytes16)((x < 0x20) | (x == 0x7f)));
}

/* Bit i: byte i of these 64 is a control character. */
static inline uint64_t control_mask64(const char *p)
{
	return control_mask16(p) | control_mask16(p + 16) << 16 |
	       control_mask16(p + 32) << 32 | control_mask16(p + 48) << 48;
}

/* Letters, digits, and what stands beside those: "-", "." "/" and ":". */
static inline unsigned common_mask16(const char *p)
{
	bytes16 x = bytes16_load(p);

	return bytes16_mask(
		(bytes16)(((x | 0x20) - 'a' < 26) | (x - '-' <= ':' - '-')));
}

#endif
