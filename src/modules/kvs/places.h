/* places.h - who is to be told when a place in a namespace is touched
 *
 * A registration is at a place (a key of a namespace) or below it.  Places exist
 * while somebody is registered there; finding one is a hash look-up.
 */
#ifndef KVS_PLACES_H
#define KVS_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"

struct places;
struct loc;

struct reg {
    struct list_node node;
    struct loc *loc;       /* NULL: not registered */
    void *who;
};

typedef void (*places_f) (void *who, void *arg);

struct places *places_new (void);
void places_free (struct places *p);   /* nobody is registered any more */

/* reg must not move until places_del().  0 or -ENOMEM. */
int places_add (struct places *p, struct reg *reg, const char *ns,
                const char *key, size_t len, bool below, void *who);
void places_del (struct places *p, struct reg *reg);

/* Who is registered at (or below) this place.  The callback must not add or
 * delete registrations. */
void places_each (struct places *p, const char *ns, const char *key, size_t len,
                  bool below, places_f cb, void *arg);
/* Anywhere in the namespace; somebody may be told more than once. */
void places_each_in (struct places *p, const char *ns, places_f cb, void *arg);

#endif /* !KVS_PLACES_H */
