/* archive.h - flux archive (flux-archive(1)): files in the KVS, RFC 37
 *
 * An archive is the value of the key "archive.NAME", RFC 37 objects in JSON, one a line
 * (core/unpack.h).  The content of larger files is in the content store; with
 * --preserve "archive.NAME_blobs" refers to it.
 */
#ifndef CMD_ARCHIVE_H
#define CMD_ARCHIVE_H

#include <flux/core.h>
#include <flux/optparse.h>

int cmd_archive (int argc, char **argv);

/* In a file of its own: "create". */
int archive_create (optparse_t *p, int argc, char **argv);

/* The namespace as --no-force-primary says. */
const char *archive_ns (optparse_t *p);
/* "archive.NAME" with the suffix; the caller frees. */
char *archive_key (optparse_t *p, const char *suffix);
/* Add to txn what removes the archive. */
void archive_txn_remove (optparse_t *p, flux_kvs_txn_t *txn);
/* Unmap what was created with --mmap under this name. */
void archive_unmap (flux_t *h, const char *name);
const char *archive_name (optparse_t *p);

#endif /* !CMD_ARCHIVE_H */
