/* similar.h - what a person may have meant by a misspelt word
 */
#ifndef BASE_SIMILAR_H
#define BASE_SIMILAR_H

#include <stdbool.h>

/* How many letters to insert, delete, replace or exchange with the next one to get from
 * one word to the other; words over 63 bytes are as far apart as they are long. */
int similar_distance (const char *a, const char *b);

/* Is 'name' likely meant by 'word': it begins with it (two letters or more), or is at
 * most a third of the word's letters, and two, away? */
bool similar_is (const char *word, const char *name);

/* The nearest of these names (NULL ends them) that is likely meant, the first of several;
 * borrowed, or NULL. */
const char *similar_nearest (const char *word, const char *const *names);

#endif /* !BASE_SIMILAR_H */
