/* format_table.c - rows of a format, then columns that fit them
 *
 *    row: [ text of field 0 | text of field 1 | ... ]  and the values, for sorting
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "cmd/format.h"
#include "cmd/format_private.h"

struct cell {
    char *text;
    json_t *value;
};

struct row {
    struct cell *cells;    /* one a field, then one a sort key */
    const char *color;     /* what is written before the line, or NULL */
};

struct format_table {
    const struct format *format;
    format_value_f value;
    void *arg;
    struct row *rows;
    size_t count;
    size_t size;
    char **keys;           /* sort keys without '-' */
    bool *reverse;
    size_t nkeys;
    format_color_f color;
};

json_t *format_take (char *s)
{
    json_t *o = json_string (s);

    free (s);
    return o;
}

struct format_table *format_table_new (const struct format *f, format_value_f value, void *arg)
{
    struct format_table *t = calloc (1, sizeof (*t));

    if (!t)
        return NULL;
    t->format = f;
    t->value = value;
    t->arg = arg;
    if (f->sort && format_table_sort (t, f->sort, NULL) < 0) {
        format_table_free (t);
        return NULL;
    }
    return t;
}

static void drop_keys (struct format_table *t)
{
    for (size_t i = 0; i < t->nkeys; i++)
        free (t->keys[i]);
    free (t->keys);
    free (t->reverse);
    t->keys = NULL;
    t->reverse = NULL;
    t->nkeys = 0;
}

static void row_release (struct row *r, size_t cells)
{
    for (size_t i = 0; r->cells && i < cells; i++) {
        free (r->cells[i].text);
        json_decref (r->cells[i].value);
    }
    free (r->cells);
}

void format_table_free (struct format_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        row_release (&t->rows[i], t->format->count + t->nkeys);
    free (t->rows);
    drop_keys (t);
    free (t);
}

size_t format_table_rows (const struct format_table *t)
{
    return t->count;
}

static int add_key (struct format_table *t, const char *key)
{
    char **keys = realloc (t->keys, (t->nkeys + 1) * sizeof (*keys));
    bool *reverse;

    if (!keys)
        return -ENOMEM;
    t->keys = keys;
    if (!(reverse = realloc (t->reverse, (t->nkeys + 1) * sizeof (*reverse))))
        return -ENOMEM;
    t->reverse = reverse;
    t->reverse[t->nkeys] = key[0] == '-';
    if (!(t->keys[t->nkeys] = strdup (key + (key[0] == '-'))))
        return -ENOMEM;
    t->nkeys++;
    return 0;
}

/* Must be called before rows are added. */
int format_table_sort (struct format_table *t, const char *keys, flux_error_t *err)
{
    char *copy = strdup (keys);
    char *save = NULL;
    int rc = copy ? 0 : -ENOMEM;

    if (t->count > 0)
        rc = errmsg (err, -EINVAL, "sort keys come before rows");
    else
        drop_keys (t);
    for (char *k = rc == 0 ? strtok_r (copy, ",", &save) : NULL; k && rc == 0;
         k = strtok_r (NULL, ",", &save))
        rc = add_key (t, k);
    free (copy);
    return rc;
}

static struct row *new_row (struct format_table *t)
{
    if (t->count == t->size) {
        size_t size = t->size ? t->size * 2 : 64;
        struct row *p = realloc (t->rows, size * sizeof (*p));
        if (!p)
            return NULL;
        t->rows = p;
        t->size = size;
    }
    t->rows[t->count].cells = calloc (t->format->count + t->nkeys + 1, sizeof (struct cell));
    return t->rows[t->count].cells ? &t->rows[t->count++] : NULL;
}

int format_table_add (struct format_table *t, const void *item, flux_error_t *err)
{
    struct row *r = new_row (t);
    size_t n = t->format->count;

    if (!r)
        return errmsg (err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        r->cells[i].value = t->value (item, t->format->fields[i].name, t->arg);
        if (!(r->cells[i].text = field_text (&t->format->fields[i], r->cells[i].value)))
            return errmsg (err, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < t->nkeys; i++)
        r->cells[n + i].value = t->value (item, t->keys[i], t->arg);
    r->color = t->color ? t->color (item) : NULL;
    return 0;
}

void format_table_set_color (struct format_table *t, format_color_f color)
{
    t->color = color;
}

/* Nothing sorts before numbers (and booleans), numbers before text. */
static int kind_of (const json_t *v)
{
    if (!v || json_is_null (v) || (json_is_string (v) && !*json_string_value (v)))
        return 0;
    return json_is_number (v) || json_is_boolean (v) ? 1 : 2;
}

static double number_of (const json_t *v)
{
    return json_is_boolean (v) ? json_is_true (v) : json_number_value (v);
}

static int compare_values (const json_t *a, const json_t *b)
{
    int kind = kind_of (a);

    if (kind != kind_of (b))
        return kind - kind_of (b);
    if (json_is_integer (a) && json_is_integer (b)) {
        json_int_t x = json_integer_value (a);
        json_int_t y = json_integer_value (b);
        return x < y ? -1 : x > y;
    }
    if (kind == 1) {
        double x = number_of (a);
        double y = number_of (b);
        return x < y ? -1 : x > y;
    }
    if (json_is_string (a) && json_is_string (b))
        return strcmp (json_string_value (a), json_string_value (b));
    return 0;
}

static int compare_rows (const void *a, const void *b, void *arg)
{
    const struct format_table *t = arg;
    const struct row *x = a;
    const struct row *y = b;
    size_t n = t->format->count;

    for (size_t i = 0; i < t->nkeys; i++) {
        int c = compare_values (x->cells[n + i].value, y->cells[n + i].value);
        if (c != 0)
            return t->reverse[i] ? -c : c;
    }
    return 0;
}

/* What a column looks like once all rows are known. */
struct column {
    bool hidden;
    size_t width;
    int precision;
};

static bool empty_text (const char *s)
{
    return !*s || strcmp (s, "0") == 0 || strcmp (s, "0.0") == 0 || strcmp (s, "0s") == 0
           || strcmp (s, "-") == 0 || strcmp (s, "0:00:00") == 0;
}

static bool empty_cell (const struct cell *c)
{
    return empty_text (c->text) || (json_is_number (c->value) && json_number_value (c->value) == 0);
}

static struct column fit_column (const struct format_table *t, size_t i, bool header)
{
    const struct field *f = &t->format->fields[i];
    struct column c = { .hidden = f->drop_empty, .width = f->width, .precision = f->precision };

    for (size_t r = 0; r < t->count && (f->drop_empty || f->grow); r++) {
        const char *s = t->rows[r].cells[i].text;
        size_t len = utf8_count (s);
        if (!empty_cell (&t->rows[r].cells[i]))
            c.hidden = false;
        if (f->grow && len > c.width)
            c.width = len;
    }
    if (f->grow && header && utf8_count (f->heading) > c.width)
        c.width = utf8_count (f->heading);
    if (f->grow && c.precision >= 0 && c.width > (size_t)c.precision)
        c.precision = c.width;
    return c;
}

static void put_line (struct buf *line, FILE *out, int width, const char *color)
{
    size_t n = line->len;

    if (width > 0)
        n = utf8_offset (line->data, width);
    while (width > 0 && n > 0 && line->data[n - 1] == ' ')
        n--;
    fprintf (out, "%s%.*s%s\n", color ? color : "", (int)n, line->data, color ? "\033[0m" : "");
    buf_clear (line);
}

static int print_row (const struct format_table *t, const struct column *cols,
                      const struct row *row, FILE *out, int width)
{
    struct buf line = BUF_INIT;
    struct buf cell = BUF_INIT;
    int rc = 0;

    for (size_t i = 0; i < t->format->count; i++) {
        const struct field *f = &t->format->fields[i];
        const char *s = row ? row->cells[i].text : f->heading;
        bool number = row && json_is_number (row->cells[i].value) && !f->conv;
        if (cols[i].hidden)
            continue;
        buf_adds (&line, f->text);
        field_pad (&cell, f, s, number, cols[i].width, cols[i].precision);
        buf_add (&line, cell.data, cell.len);
    }
    buf_adds (&line, t->format->tail);
    if (line.failed || cell.failed)
        rc = -ENOMEM;
    else
        put_line (&line, out, width, row ? row->color : NULL);
    buf_release (&line);
    buf_release (&cell);
    return rc;
}

int format_table_print (const struct format_table *t, FILE *out, bool header, int width)
{
    struct column *cols = calloc (t->format->count + 1, sizeof (*cols));
    int rc = 0;

    if (!cols)
        return -ENOMEM;
    for (size_t i = 0; i < t->format->count; i++)
        cols[i] = fit_column (t, i, header);
    if (t->nkeys > 0)
        qsort_r (t->rows, t->count, sizeof (t->rows[0]), compare_rows, (void *)t);
    if (header)
        rc = print_row (t, cols, NULL, out, width);
    for (size_t r = 0; r < t->count && rc == 0; r++)
        rc = print_row (t, cols, &t->rows[r], out, width);
    free (cols);
    return rc;
}
