/* doc.h - jobspec as the job part keeps it
 *
 *   jobdoc     the text of a jobspec; jobs with the same text share one.  It is
 *              put together from:
 *     ├ env    the environment, as the difference from others (env.h)
 *     └ shape  all of it but the environment, decoded: thousands of jobs of one
 *              submission differ only there, and share the shape
 *         └ jobattrs   what listings show; outlives the text
 *
 * A jobspec whose shape is known need not be decoded again: only its
 * environment is checked.  The decoded tree is kept for the shapes used last.
 *
 * One thread.
 */
#ifndef JOB_DOC_H
#define JOB_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <flux/core/types.h>

#include "base/buf.h"

struct docset;
struct jobdoc;
struct jobspec;

/* What listings show of a jobspec.  Strings are "" where not set. */
struct jobattrs {
    int refs;
    int ntasks;          /* 0: not known before resources are */
    int nnodes;          /* 0: not requested */
    int ncores;          /* 0: not known */
    double duration;     /* 0: no limit */
    const char *name, *cwd, *queue, *project, *bank;
    const char *key;     /* of the set's hash */
};

struct docset *docset_new (void);
void docset_free (struct docset *set);

/* The document of a decoded jobspec.  'text' is its JSON text if the caller has
 * it unchanged, else NULL.  NULL: no memory. */
struct jobdoc *jobdoc_new (struct docset *set, struct jobspec *js, const char *text);
/* The document of a text whose shape is known; NULL if it must be decoded. */
struct jobdoc *jobdoc_known (struct docset *set, const char *text);
/* The document of any text.  NULL with errno and err->text. */
struct jobdoc *jobdoc_from_text (struct docset *set, const char *text,
                                 flux_error_t *err);
struct jobdoc *jobdoc_ref (struct jobdoc *doc);
void jobdoc_unref (struct jobdoc *doc);

/* The text, borrowed until the next call for any document.  NULL: no memory. */
const char *jobdoc_text (const struct jobdoc *doc, size_t *len);
void jobdoc_add_text (const struct jobdoc *doc, struct buf *b);
/* The text without the environment. */
const char *jobdoc_redacted (const struct jobdoc *doc, size_t *len);
/* The text without the environment and without attributes.system.files, which may be
 * large: what a scheduler is told. */
const char *jobdoc_brief (const struct jobdoc *doc, size_t *len);
/* Its tree, to be read only; a new reference.  NULL: no memory. */
json_t *jobdoc_brief_json (struct jobdoc *doc);
/* Its execution is simulated (system.exec.test). */
bool jobdoc_is_simulated (const struct jobdoc *doc);
struct jobattrs *jobdoc_attrs (struct jobdoc *doc);      /* borrowed */
/* The decoded jobspec without its environment; borrowed until the next call for
 * any document.  NULL: no memory. */
struct jobspec *jobdoc_spec (struct jobdoc *doc);
/* Its tree, to be read only; borrowed likewise. */
json_t *jobdoc_redacted_json (struct jobdoc *doc);
/* A number that the caller may keep with the shape; 0 at first. */
uint64_t *jobdoc_mark (struct jobdoc *doc);
/* A new document: this one with {"attributes.system.duration": 60, ...}
 * applied (RFC 21 jobspec-update).  NULL with errno and err->text. */
struct jobdoc *jobdoc_update (struct jobdoc *doc, const json_t *updates,
                              flux_error_t *err);

/* Set the value at a period-delimited path; missing objects are made.
 * 0, -EINVAL (something on the way is no object) or -ENOMEM. */
int jobdoc_path_set (json_t *o, const char *path, json_t *val);

/* The one with these values (refs and key are ignored), with a new reference.  NULL: no
 * memory. */
struct jobattrs *jobattrs_intern (struct docset *set, const struct jobattrs *values);
struct jobattrs *jobattrs_ref (struct jobattrs *a);
void jobattrs_unref (struct docset *set, struct jobattrs *a);

#endif /* !JOB_DOC_H */
