/* doc.h - jobspec as the job part keeps it
 *
 * A jobdoc is the text of a jobspec with what is needed often: where the
 * environment is in it (so that it can be left out without decoding), and the
 * attributes that listings show.  Jobs with the same text share one jobdoc;
 * jobs whose listed attributes agree share one jobattrs, which outlives the
 * text.  The decoded tree is kept only for the documents used last.
 *
 * One thread.
 */
#ifndef JOB_DOC_H
#define JOB_DOC_H

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <flux/core/types.h>

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

/* The document of a decoded jobspec; takes a reference on js.  'text' is its
 * JSON text if the caller has it unchanged, else NULL.  NULL: no memory. */
struct jobdoc *jobdoc_new (struct docset *set, struct jobspec *js, const char *text);
/* The same from text, decoded here.  NULL with errno and err->text. */
struct jobdoc *jobdoc_from_text (struct docset *set, const char *text,
                                 flux_error_t *err);
struct jobdoc *jobdoc_ref (struct jobdoc *doc);
void jobdoc_unref (struct jobdoc *doc);

const char *jobdoc_text (const struct jobdoc *doc, size_t *len);
/* The text without the environment in two pieces: [0, *n1) and *tail. */
const char *jobdoc_redacted (const struct jobdoc *doc, size_t *n1, const char **tail);
struct jobattrs *jobdoc_attrs (struct jobdoc *doc);      /* borrowed */
/* The decoded jobspec; borrowed until the next call for any document.  NULL:
 * no memory. */
struct jobspec *jobdoc_spec (struct jobdoc *doc);
/* The tree without the environment, to be read only; borrowed likewise. */
json_t *jobdoc_redacted_json (struct jobdoc *doc);
/* A new document: this one with {"attributes.system.duration": 60, ...}
 * applied (RFC 21 jobspec-update).  NULL with errno and err->text. */
struct jobdoc *jobdoc_update (struct jobdoc *doc, const json_t *updates,
                              flux_error_t *err);

/* Set the value at a period-delimited path; missing objects are made.
 * 0, -EINVAL (something on the way is no object) or -ENOMEM. */
int jobdoc_path_set (json_t *o, const char *path, json_t *val);

struct jobattrs *jobattrs_ref (struct jobattrs *a);
void jobattrs_unref (struct docset *set, struct jobattrs *a);

#endif /* !JOB_DOC_H */
