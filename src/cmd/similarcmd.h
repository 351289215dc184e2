/* similarcmd.h - what a person may have meant by a misspelt command
 */
#ifndef CMD_SIMILARCMD_H
#define CMD_SIMILARCMD_H

/* Commands that are likely meant by 'word', nearest first, as "a, b or c": those of the
 * table, and flux-NAME in the folders of the ':'-separated 'paths' (NULL ends the array).
 * At most 4.  NULL if there are none; the caller frees. */
char *similar_commands (const char *word, const char *const *paths);

#endif /* !CMD_SIMILARCMD_H */
