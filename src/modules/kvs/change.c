/* change.c - see change.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "modules/kvs/change.h"

int touch_add (struct touch **touch, size_t *count, size_t *size,
               struct touch t)
{
    if (*count == *size) {
        size_t n = *size ? 2 * *size : 4;
        struct touch *x = realloc (*touch, n * sizeof (*x));
        if (!x)
            return -ENOMEM;
        *touch = x;
        *size = n;
    }
    (*touch)[(*count)++] = t;
    return 0;
}

void change_touch (struct change *ch, struct kvsns *ns, const char *key,
                   size_t len, int flags)
{
    if (ch->count > 0) {
        struct touch *t = &ch->touch[ch->count - 1];
        if (t->ns == ns && strlen (t->key) == len && !memcmp (t->key, key, len)) {
            t->flags |= flags;
            return;
        }
    }
    char *s = strndup (key, len);
    if (!s
        || touch_add (&ch->touch, &ch->count, &ch->size,
                      (struct touch){ ns, s, flags }) < 0) {
        free (s);
        ch->failed = true;
    }
}

void touch_free (struct touch *touch, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free (touch[i].key);
    free (touch);
}

void change_release (struct change *ch)
{
    touch_free (ch->touch, ch->count);
    buf_release (&ch->redo);
    tnode_unref (ch->frozen);
    *ch = (struct change)CHANGE_INIT;
}
