/* similar.c - what a person may have meant by a misspelt word
 */
#include <stddef.h>
#include <string.h>

#include "base/similar.h"

#define WORD_MAX 63

static int min (int a, int b)
{
    return a < b ? a : b;
}

int similar_distance (const char *a, const char *b)
{
    size_t m = strlen (a), n = strlen (b);
    int d[WORD_MAX + 1][WORD_MAX + 1];

    if (m > WORD_MAX || n > WORD_MAX)
        return (int)(m > n ? m : n);
    for (size_t i = 0; i <= m; i++)
        d[i][0] = (int)i;
    for (size_t j = 0; j <= n; j++)
        d[0][j] = (int)j;
    for (size_t i = 1; i <= m; i++) {
        for (size_t j = 1; j <= n; j++) {
            int replaced = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

            d[i][j] = min (min (d[i - 1][j], d[i][j - 1]) + 1, replaced);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = min (d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[m][n];
}

bool similar_is (const char *word, const char *name)
{
    size_t len = strlen (word);

    if (len >= 2 && strncmp (name, word, len) == 0)
        return true;
    return similar_distance (word, name) <= min (2, (int)(len + 1) / 3);
}

const char *similar_nearest (const char *word, const char *const *names)
{
    const char *best = NULL;

    for (; *names; names++)
        if (similar_is (word, *names)
            && (!best || similar_distance (word, *names) < similar_distance (word, best)))
            best = *names;
    return best;
}
