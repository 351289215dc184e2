/* kvs_dir.h - a KVS directory as an object
 */
#ifndef _FLUX_CORE_KVS_DIR_H
#define _FLUX_CORE_KVS_DIR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct flux_kvsdir flux_kvsdir_t;
typedef struct flux_kvsitr flux_kvsitr_t;

flux_kvsdir_t *flux_kvsdir_copy (const flux_kvsdir_t *dir);

flux_kvsdir_t *flux_kvsdir_create (flux_t *handle,
                                   const char *rootref,
                                   const char *key,
                                   const char *json_str);

void flux_kvsdir_destroy (flux_kvsdir_t *dir);

bool flux_kvsdir_exists (const flux_kvsdir_t *dir, const char *name);

int flux_kvsdir_get_size (const flux_kvsdir_t *dir);

void *flux_kvsdir_handle (const flux_kvsdir_t *dir);

void flux_kvsdir_incref (flux_kvsdir_t *dir);

bool flux_kvsdir_isdir (const flux_kvsdir_t *dir, const char *name);

bool flux_kvsdir_issymlink (const flux_kvsdir_t *dir, const char *name);

const char *flux_kvsdir_key (const flux_kvsdir_t *dir);

char *flux_kvsdir_key_at (const flux_kvsdir_t *dir, const char *key);

const char *flux_kvsdir_rootref (const flux_kvsdir_t *dir);

flux_kvsitr_t *flux_kvsitr_create (const flux_kvsdir_t *dir);

void flux_kvsitr_destroy (flux_kvsitr_t *itr);

const char *flux_kvsitr_next (flux_kvsitr_t *itr);

void flux_kvsitr_rewind (flux_kvsitr_t *itr);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_DIR_H */
