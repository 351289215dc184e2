/* format.h - the output formats of flux jobs, resource, queue, ... (flux-jobs(1),
 * OUTPUT FORMAT)
 *
 * A format is text with fields in braces, in Python's format syntax with the
 * additions of the manual page:
 *
 *    sort:KEY[,KEY..] text [?:|+:|?+:]{field[!conv][:[[fill]align][width][.prec][type][h][+]]}
 *
 * The table knows nothing of jobs: the caller gives it headings and values.
 */
#ifndef CMD_FORMAT_H
#define CMD_FORMAT_H

#include <stdbool.h>
#include <stdio.h>
#include <jansson.h>
#include <flux/core/types.h>

struct format;
struct format_table;

/* Heading of a field, or NULL if there is no such field. */
typedef const char *(*format_heading_f) (const char *field, void *arg);
/* Value of a field: a new reference to a string, number or boolean; NULL or JSON
 * null means empty. */
typedef json_t *(*format_value_f) (const void *item, const char *field, void *arg);
/* A string that was allocated, as a value; takes it.  NULL gives NULL. */
json_t *format_take (char *s);

/* One value by a spec: what stands after the colon of a field.  NULL with err->text if the
 * spec is malformed, or not for such a value; the caller frees. */
char *format_value (const char *spec, const json_t *v, flux_error_t *err);

/* NULL with errno and err->text (an unknown field is named). */
struct format *format_parse (const char *s, format_heading_f heading, void *arg,
                             flux_error_t *err);
void format_free (struct format *f);
/* Is the field used (also as sort key)?  So that the caller asks the server for
 * no more than that.  "a." is any field of that beginning. */
bool format_uses (const struct format *f, const char *field);

/* Is each of "-t_run,id" a field?  0, -EINVAL with err->text, -ENOMEM. */
int format_check_sort (const char *keys, format_heading_f heading, void *arg, flux_error_t *err);

/* A table collects rows, then prints them: columns under ?: and +: need to have
 * seen all rows. */
struct format_table *format_table_new (const struct format *f, format_value_f value,
                                       void *arg);
void format_table_free (struct format_table *t);
/* 0 or negative errno with err->text (a value that the spec can't format). */
int format_table_add (struct format_table *t, const void *item, flux_error_t *err);
/* Rows that are added from now on are printed in a color: the terminal's sequence for an
 * item, or NULL. */
typedef const char *(*format_color_f) (const void *item);
void format_table_set_color (struct format_table *t, format_color_f color);
size_t format_table_rows (const struct format_table *t);
/* Order rows by keys ("-t_run,id"), which were checked; values are compared as the kind
 * they are.  Before there are rows: 0 or -EINVAL, -ENOMEM. */
int format_table_sort (struct format_table *t, const char *keys, flux_error_t *err);
/* Print; lines are cut at 'width' columns if it is > 0. */
int format_table_print (const struct format_table *t, FILE *out, bool header, int width);

#endif /* !CMD_FORMAT_H */
