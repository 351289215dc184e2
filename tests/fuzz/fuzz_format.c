/* fuzz_format.c - output formats and submission directives, as a user may write them
 */
#include "cmd/directive.h"
#include "cmd/format.h"
#include "tests/fuzz/fuzz.h"

static const char *heading (const char *field, void *arg)
{
    return strlen (field) % 5 == 4 ? NULL : "HEADING";
}

static json_t *value (const void *item, const char *field, void *arg)
{
    switch (strlen (field) % 4) {
        case 0:
            return json_string ("\xc6\x92" "text that is long enough to be cut");
        case 1:
            return json_integer (-1234567890123);
        case 2:
            return json_real (1.5e9);
    }
    return NULL;
}

static void try_format (const char *text)
{
    flux_error_t err;
    struct format *f = format_parse (text, heading, NULL, &err);
    struct format_table *t = f ? format_table_new (f, value, NULL) : NULL;
    FILE *null = t ? fopen ("/dev/null", "w") : NULL;

    if (null) {
        format_table_add (t, NULL, &err);
        format_table_add (t, NULL, &err);
        format_table_print (t, null, true, 80);
        fclose (null);
    }
    format_table_free (t);
    format_free (f);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char *text = malloc (size + 1);
    flux_error_t err;
    char **argv;
    int n;

    if (!text)
        return 0;
    memcpy (text, data, size);
    text[size] = '\0';
    if (size < 4096)
        try_format (text);
    if (directive_parse (text, &argv, &n, &err) == 0)
        directive_free (argv);
    free (text);
    return 0;
}
