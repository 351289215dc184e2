/* thawed.c - see thawed.h */

#include "modules/kvs/thawed.h"

struct tnode *thawed_get (const struct thawed *t, uint64_t id)
{
    for (int i = 0; i < THAWED_MAX; i++)
        if (t->entry[i].dir && t->entry[i].id == id)
            return tnode_ref (t->entry[i].dir);
    return NULL;
}

/* The entry is empty before the node goes: its end may lead back here. */
static void drop (struct thawed *t, int i)
{
    struct tnode *dir = t->entry[i].dir;
    t->entry[i].dir = NULL;
    tnode_unref (dir);
}

void thawed_put (struct thawed *t, uint64_t id, const struct tnode *dir)
{
    int i = (int)(t->next++ % THAWED_MAX);
    drop (t, i);
    t->entry[i].id = id;
    t->entry[i].dir = tnode_ref (dir);
}

void thawed_forget (struct thawed *t, uint64_t id)
{
    for (int i = 0; i < THAWED_MAX; i++)
        if (t->entry[i].id == id)
            drop (t, i);
}

void thawed_release (struct thawed *t)
{
    for (int i = 0; i < THAWED_MAX; i++)
        drop (t, i);
}
