/* similar.h - what a person may have meant by a misspelt command
 */
#ifndef CMD_SIMILAR_H
#define CMD_SIMILAR_H

#include <stdbool.h>

/* How many letters to insert, delete, replace or exchange with the next one to get from
 * one word to the other; words over 63 bytes are as far apart as they are long. */
int similar_distance (const char *a, const char *b);

/* Is 'name' likely meant by 'word': it begins with it (two letters or more), or is at
 * most a third of the word's letters, and two, away? */
bool similar_is (const char *word, const char *name);

/* Commands that are likely meant by 'word', nearest first, as "a, b or c": those of the
 * table, and flux-NAME in the folders of the ':'-separated 'paths' (NULL ends the array).
 * At most 4.  NULL if there are none; the caller frees. */
char *similar_commands (const char *word, const char *const *paths);

#endif /* !CMD_SIMILAR_H */
