/* pack.h - a directory and all below it as bytes, as frozen rows hold it
 *
 *   entry:  kind name body      kind 'v' value, 'd' entries 'e', 'l' target
 *                               namespace, 'r' JSON of an RFC 11 reference (read only)
 *   names and bodies are strings (core/kvs_proto.h); entries in order
 */
#ifndef KVS_PACK_H
#define KVS_PACK_H

#include "base/buf.h"
#include "modules/kvs/twalk.h"

/* Append the packed directory.  What is cold below it, or referred to, is loaded and
 * packed with it.  0, -ENOMEM, or what loading gave. */
int pack_dir (const struct twalk_env *env, const struct tnode *dir,
              struct buf *out);
/* The directory, or NULL with *rc -ENOMEM or -EPROTO. */
struct tnode *unpack_dir (const void *data, size_t len, int *rc);

#endif /* !KVS_PACK_H */
