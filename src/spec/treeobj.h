/* treeobj.h - KVS tree objects (RFC 11) in their JSON form
 */
#ifndef SPEC_TREEOBJ_H
#define SPEC_TREEOBJ_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

/* Constructors return a new reference or NULL (ENOMEM). */
json_t *treeobj_val (const void *data, size_t len);          /* base64 inside */
json_t *treeobj_valref (const char *blobref);                /* NULL: empty */
json_t *treeobj_dir (void);
json_t *treeobj_dirref (const char *blobref);
json_t *treeobj_symlink (const char *ns, const char *target);/* ns may be NULL */

/* 0 or -EINVAL. */
int treeobj_validate (const json_t *o);
bool treeobj_is (const json_t *o, const char *type); /* "val", "valref", ... */
const char *treeobj_type (const json_t *o);
/* val: decoded bytes, NUL terminated beyond len; the caller frees. */
int treeobj_val_decode (const json_t *o, void **data, size_t *len);
int treeobj_refs (const json_t *o, size_t *count);           /* valref, dirref */
const char *treeobj_ref (const json_t *o, size_t i);
int treeobj_add_ref (json_t *o, const char *blobref);
json_t *treeobj_dir_get (json_t *dir, const char *name);     /* borrowed or NULL */
int treeobj_dir_set (json_t *dir, const char *name, json_t *o); /* takes a ref */
int treeobj_dir_del (json_t *dir, const char *name);
int treeobj_symlink_parse (const json_t *o, const char **ns, const char **target);
/* Compact text; the caller frees.  Sorted keys, so that equal trees hash equal. */
char *treeobj_encode (const json_t *o);
json_t *treeobj_decode (const char *s, size_t len);          /* validated, or NULL */

#endif /* !SPEC_TREEOBJ_H */
