/* fuzz_hostlist.c - text up to a newline is one list, the rest is deleted from
 * it */
#include <flux/hostlist.h>
#include <stdint.h>

#include "tests/fuzz/fuzz.h"

enum { SMALL = 200 };

static void check_names (struct hostlist *hl)
{
    int n = hostlist_count (hl);
    int seen = 0;

    for (const char *s = hostlist_first (hl); s; s = hostlist_next (hl)) {
        char name[256];
        if (snprintf (name, sizeof (name), "%s", s) < (int)sizeof (name)) {
            int at = hostlist_find (hl, name);
            FUZZ_CHECK (at >= 0 && at <= seen);
            FUZZ_CHECK (strcmp (hostlist_nth (hl, seen), name) == 0);
        }
        if (++seen == SMALL)
            return;
    }
    FUZZ_CHECK (seen == n);
}

/* The text form must lead back to the same list. */
static void check_text (struct hostlist *hl)
{
    char *text = hostlist_encode (hl);
    FUZZ_CHECK (text != NULL);
    struct hostlist *back = hostlist_decode (text);
    FUZZ_CHECK (back != NULL);
    FUZZ_CHECK (hostlist_count (back) == hostlist_count (hl));
    char *again = hostlist_encode (back);
    FUZZ_CHECK (strcmp (text, again) == 0);
    for (int i = 0; i < hostlist_count (hl) && i < SMALL; i++)
        FUZZ_CHECK (strcmp (hostlist_nth (hl, i), hostlist_nth (back, i)) == 0);
    hostlist_destroy (back);
    free (text);
    free (again);
}

static void check_changes (struct hostlist *hl, const char *del)
{
    int n = hostlist_count (hl);
    int gone = hostlist_delete (hl, del);

    FUZZ_CHECK (hostlist_count (hl) == n - (gone < 0 ? 0 : gone));
    FUZZ_CHECK (gone < 0 || hostlist_delete (hl, del) == 0);
    check_text (hl);
    n = hostlist_count (hl);
    if (n < 20000) {
        hostlist_sort (hl);
        FUZZ_CHECK (hostlist_count (hl) == n);
        check_text (hl);
    }
    hostlist_uniq (hl);
    FUZZ_CHECK (hostlist_count (hl) <= n);
    check_text (hl);
    if (hostlist_last (hl))
        FUZZ_CHECK (hostlist_remove_current (hl) == 1);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char *text = strndup ((const char *)data, size);
    FUZZ_CHECK (text != NULL);
    char *nl = strchr (text, '\n');
    if (nl)
        *nl = '\0';
    struct hostlist *hl = hostlist_decode (text);

    if (hl) {
        check_names (hl);
        check_text (hl);
        check_changes (hl, nl ? nl + 1 : text);
        hostlist_destroy (hl);
    }
    free (text);
    return 0;
}
