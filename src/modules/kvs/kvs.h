/* kvs.h - the services of the key value store, for the table of built-ins
 *
 * kvs and kvs-watch run on every rank; those of rank 0 hold the store, the others
 * relay to it.  content runs on every rank, content-sqlite on rank 0.  All share
 * "kvs" (state.h).  README.md has the messages.
 */
#ifndef KVS_KVS_H
#define KVS_KVS_H

#include "core/builtin.h"

extern const struct builtin kvs_builtin;
extern const struct builtin kvs_watch_builtin;
extern const struct builtin content_builtin;
extern const struct builtin content_sqlite_builtin;
extern const struct builtin_data kvs_builtin_data;

#endif /* !KVS_KVS_H */
