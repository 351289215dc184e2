/* request.h - the resources a jobspec asks for, as the matcher wants them
 *
 * All of RFC 14's resources section: vertices with counts (fixed, ranges, idsets),
 * slots anywhere, exclusive, nested children, several at the top.  What a jobspec
 * says of tasks does not matter here and is not looked at.
 */
#ifndef GRAPH_REQUEST_H
#define GRAPH_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <flux/core/types.h>

#include "spec/count.h"

#define REQUEST_MAX_DEPTH 32
#define REQUEST_MAX_VTX 4096
#define REQUEST_MAX_BRANCHES 256
#define REQUEST_MANY INT64_MAX    /* "at least": no upper bound */

struct req {
    const char *type;           /* borrowed from the JSON, as are unit and label */
    const char *unit;
    const char *label;
    struct count count;
    bool slot;
    bool x;                     /* to be had exclusively */
    bool full;                  /* "exclusive: true" was said: all that is in it */
    int depth;
    struct req *child;
    size_t nchild;
};

struct request {
    int refs;
    json_t *json;
    struct req *top;
    size_t ntop;
    bool units;                 /* some counts have a unit */
    bool flexible;              /* slots beside each other are alternatives */
    struct request *alt;        /* another that will do if this one has no match */
    double duration;            /* seconds; 0: not set */
    const json_t *constraints;  /* RFC 31, or NULL */
};

/* From a jobspec, or from an object with only the key "resources".  On failure NULL
 * with errno (EINVAL, ENOMEM) and err->text: the JSON path, what is wrong, what
 * is allowed. */
struct request *request_from_json (json_t *o, flux_error_t *err);
struct request *request_decode (const char *s, size_t len, flux_error_t *err);
/* The same with alternatives (the "flexible" traverser): of slots beside each other any one
 * will do, that of which there can be most; each xor_slot is a slot in a branch of its
 * own, which are tried one after the other (r, r->alt, ...). */
struct request *request_from_json_flexible (json_t *o, flux_error_t *err);
/* A request without its alternatives, with its counts in the units that unit_of() says of
 * their types (NULL or "": as they are).  NULL with errno: ENOMEM, or EDOM: *bad cannot be
 * said in that unit. */
typedef const char *(*unit_f) (void *arg, const char *type);
struct request *request_in_units (const struct request *r, unit_f unit_of, void *arg,
                                  const struct req **bad);
/* The same object for another owner; each owner calls request_free(). */
struct request *request_ref (struct request *r);
void request_free (struct request *r);

/* The first vertex of a type, parents before children; or NULL. */
const struct req *request_find (const struct request *r, const char *type);

/* Of a count: the largest acceptable number that is at most n (0: none), and the
 * largest of all (REQUEST_MANY if there is none). */
int64_t request_best (const struct req *r, int64_t n);
int64_t request_most (const struct req *r);

#endif /* !GRAPH_REQUEST_H */
