/* wordlist.h - the words that ids are told in (RFC 19, "FLUID Mnemonic (words) Encoding")
 *
 * RFC 19 takes them from mnemonicode, a list that no package has and that is not ours to copy.
 * A site that has it names the file in FLUX_FLUID_WORDS: a word of the letters a-z on each line,
 * in the order of that list; lines after the last are not looked at.
 */
#ifndef BASE_WORDLIST_H
#define BASE_WORDLIST_H

#include <stddef.h>

enum { WORDLIST_COUNT = 1626, WORDLIST_MAX = 24 };   /* words; bytes of one, with NUL */

struct wordlist {
    char word[WORDLIST_COUNT][WORDLIST_MAX];
};

/* Read the text of such a file.  0, -EINVAL (what is no word, too few lines, or a word twice:
 * the number of that line in *linep, or 0), -ENOMEM. */
int wordlist_parse (struct wordlist *w, const char *text, size_t len, int *linep);

/* The list of the environment, read once a process; NULL if there is none, or it is wrong. */
const struct wordlist *wordlist_get (void);

/* The place of a word in upper or lower case, or -1. */
int wordlist_find (const struct wordlist *w, const char *s, size_t len);

#endif /* !BASE_WORDLIST_H */
