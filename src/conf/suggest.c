/* Which word was meant: the nearest by edit distance, letter case apart. */
#include "conf/conf_priv.h"

enum { WORD_MAX = 64 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Do a[i-2..i) and b[j-2..j) hold the same two letters, swapped? */
static bool is_swap(struct str a, size_t i, struct str b, size_t j)
{
	return i > 1 && j > 1 &&
	       ascii_lower(a.p[i - 1]) == ascii_lower(b.p[j - 2]) &&
	       ascii_lower(a.p[i - 2]) == ascii_lower(b.p[j - 1]);
}

/* Insertions, deletions, replacements and swaps of neighbours that make one
 * word of the other. */
static size_t distance(struct str a, struct str b)
{
	size_t rows[3][WORD_MAX + 1]; /* of i - 2, i - 1 and i, in turn */

	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		const size_t *swap = rows[(i + 1) % 3];
		const size_t *last = rows[(i + 2) % 3];
		size_t *row = rows[i % 3];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			bool differ = ascii_lower(a.p[i - 1]) !=
				      ascii_lower(b.p[j - 1]);

			row[j] = least(least(last[j], row[j - 1]) + 1,
				       last[j - 1] + differ);
			if (is_swap(a, i, b, j))
				row[j] = least(row[j], swap[j - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}

/* Two letters or a third of the word may be wrong, never all of it. */
static bool is_near(size_t d, struct str word, struct str name)
{
	size_t limit = word.len / 3 > 2 ? word.len / 3 : 2;

	return d <= limit && d < word.len && d < name.len;
}

const char *conf_nearest(struct str word, const char *const *names)
{
	const char *best = NULL;
	size_t best_d = WORD_MAX;

	if (word.len > WORD_MAX)
		return NULL;
	for (size_t i = 0; names[i] != NULL; i++) {
		struct str name = str_from(names[i]);
		size_t d;

		if (name.len > WORD_MAX)
			continue;
		d = distance(word, name);
		if (d < best_d && is_near(d, word, name)) {
			best_d = d;
			best = names[i];
		}
	}
	return best;
}
