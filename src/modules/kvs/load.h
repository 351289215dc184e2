/* load.h - the trees from the rows of the store
 */
#ifndef KVS_LOAD_H
#define KVS_LOAD_H

#include "modules/kvs/state.h"
#include "modules/kvs/store.h"

/* Make all namespaces of a store that was just opened.  *cold_id is the largest
 * id of a frozen directory; they get the given owner.  A negative errno with
 * err->text. */
int load_all (struct kvs *kvs, struct store *s, struct tcold_owner *owner,
              uint64_t *cold_id, flux_error_t *err);

#endif /* !KVS_LOAD_H */
