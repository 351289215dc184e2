/* find.h - which vertices meet an expression
 *
 *   expr   := term | expr "and" expr | expr "or" expr | "not" expr | "(" expr ")"
 *   term   := key "=" value
 *
 * "and" binds more tightly than "or", "not" more tightly than both.  Keys:
 *   status=up|down              it and all above it are up, or not
 *   sched-now=allocated|free    an allocated job has it, or none
 *   sched-future=reserved|free  a reservation has it, or none
 *   jobid-alloc=ID              allocated job ID has it
 *   jobid-reserved=ID           reservation ID has it
 *   jobid-span=ID, jobid-tag=ID job ID has it, whichever it is
 *   type=, name=, property=     what it is; of property, NAME or NAME=VALUE
 *   agfilter=true|false         (or t, f) holds for all; if true, sums are to be shown
 */
#ifndef GRAPH_FIND_H
#define GRAPH_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <flux/core/types.h>

#include "graph/emit.h"

struct find;

#define FIND_MAX_TERMS 256

/* NULL with errno (EINVAL, ENOMEM) and err->text: the place and what was expected. */
struct find *find_parse (const char *s, flux_error_t *err);
void find_free (struct find *f);
/* The vertices of the containment that meet it, in order: *v is to be freed.
 * 0 or -ENOMEM. */
int find_run (const struct find *f, const struct graph *g, uint32_t **v, size_t *n);
/* Does it ask for sums of what is below a vertex (agfilter=true)? */
bool find_sums (const struct find *f);
/* All of it: append what meets 'expr' in a format, with the sums of 'filters' if it asks for
 * them; nothing if nothing does.  0 or a negative errno with err->text. */
int find_show (const struct graph *g, const char *expr, const struct filters *filters,
               enum emit_format format, struct buf *b, flux_error_t *err);
/* These vertices and what is above them, in order, as parts for emit_parts(); what a job
 * has exclusively is so.  To be freed; NULL: no memory. */
struct job_part *find_parts (const struct graph *g, const uint32_t *v, size_t n, size_t *count);

#endif /* !GRAPH_FIND_H */
