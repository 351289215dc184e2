/* eventlog.h - the one codec of eventlogs (RFC 18)
 *
 * An eventlog is a sequence of lines, each a JSON object with timestamp, name
 * and an optional context, each ended by a newline.
 */
#ifndef SPEC_EVENTLOG_H
#define SPEC_EVENTLOG_H

#include <stddef.h>
#include <jansson.h>
#include <flux/core/types.h>

/* Decode one line (with or without its newline).  New reference, or NULL with
 * errno and err->text. */
json_t *eventlog_entry_decode (const char *line, size_t len, flux_error_t *err);
/* Borrowed outputs; context is NULL if absent.  0 or -EINVAL. */
int eventlog_entry_parse (const json_t *entry, double *timestamp,
                          const char **name, const json_t **context);
/* timestamp 0 means now.  'context' may be NULL; a reference is taken. */
json_t *eventlog_entry_create (double timestamp, const char *name, json_t *context);
/* Text with the newline; the caller frees. */
char *eventlog_entry_encode (const json_t *entry);
/* Entry text straight from its parts, without a tree: 'context_json' is
 * compact JSON text or NULL.  The caller frees. */
char *eventlog_line (double timestamp, const char *name, const char *context_json);

/* A whole eventlog: array of entries. */
json_t *eventlog_decode (const char *s, size_t len, flux_error_t *err);
char *eventlog_encode (const json_t *entries);

/* Walk lines without decoding: *pos starts at 0.  Returns 1 with *line and
 * *len (newline included), 0 at the end, -EINVAL if the last line has no
 * newline. */
int eventlog_next_line (const char *s, size_t slen, size_t *pos,
                        const char **line, size_t *len);

#endif /* !SPEC_EVENTLOG_H */
