/* jobopts.h - the options that run, submit, batch and alloc share, and the
 * jobspec they make (flux-submit(1), RFC 14, 25)
 */
#ifndef CMD_JOBOPTS_H
#define CMD_JOBOPTS_H

#include <stdbool.h>
#include <jansson.h>
#include <flux/core.h>
#include <flux/optparse.h>

enum jobopts_kind {
    JOBOPTS_TASKS,     /* run, submit: tasks, per-task and per-resource options */
    JOBOPTS_SLOTS,     /* batch, alloc: slots; one broker a node */
};

/* Add the shared options to a parser. */
void jobopts_add (optparse_t *p, enum jobopts_kind kind);

/* Build the jobspec of a parsed command line.  'argv' is the command.  Exits 1
 * with a message that names the option on bad input.  New reference. */
json_t *jobopts_jobspec (optparse_t *p, enum jobopts_kind kind, int argc, char **argv);

/* flux run: is the argument of --input an idset of tasks, not a file? */
bool jobopts_is_ranks (const char *input);

int jobopts_urgency (optparse_t *p);
int jobopts_flags (optparse_t *p);

/* Set a dotted key of an object, making objects on the way: 0, or -1 if a part of
 * the key is already something else.  Takes the reference. */
int jobopts_set_path (json_t *o, const char *path, json_t *val);
/* The value of KEY[=VAL]: JSON if it is, a string if not, 1 if there is no VAL. */
json_t *jobopts_value (const char *val);
/* An RFC 37 file object of these bytes; new reference. */
json_t *jobopts_file (const char *data, size_t len, int mode);
/* Read a whole file (or stdin for "-") or exit; the caller frees. */
char *jobopts_read_file (const char *path, size_t *lenp);

#endif /* !CMD_JOBOPTS_H */
