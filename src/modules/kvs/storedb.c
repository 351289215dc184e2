/* storedb.c - see storedb.h: the private object "store"
 *
 * The journal is SQLite's write-ahead log: a transaction is in it when COMMIT
 * returns, which a killed process cannot take back.  It is synchronised to the
 * disk at checkpoints (synchronous=NORMAL), and at once where that was asked for.
 */
#define STOREDB_DSO

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <lz4.h>
#include <sqlite3.h>

#include "modules/kvs/storedb.h"

enum stmt {
    S_BEGIN, S_COMMIT, S_ROLLBACK, S_PUT, S_DEL, S_BELOW, S_ALL, S_MOVE,
    S_PUT_NS, S_SEQ, S_DEL_NS, S_PUT_COLD, S_GET_COLD, S_DIGEST, S_DEL_COLD,
    S_TIDY_COLD, S_MAX_COLD, S_PUT_BLOB, S_GET_BLOB, S_HAS_BLOB, S_TOUCH_BLOB,
    S_DEL_BLOB, S_MAX_BLOB, S_OLD_BLOBS, S_PUT_META,
    S_GET_META, S_PUT_CKPT, S_TRIM_CKPT, S_CKPTS, S_EACH_NS, S_EACH_ROW,
    S_COUNT
};

static const char *const sql[S_COUNT] = {
    [S_BEGIN] = "BEGIN IMMEDIATE",
    [S_COMMIT] = "COMMIT",
    [S_ROLLBACK] = "ROLLBACK",
    [S_PUT] = "INSERT OR REPLACE INTO kv (ns,key,part,type,data)"
              " VALUES (?1,?2,?3,?4,?5)",
    [S_DEL] = "DELETE FROM kv WHERE ns=?1 AND key=?2",
    /* '/' follows '.': the keys below k are those from "k." up to "k/" */
    [S_BELOW] = "DELETE FROM kv WHERE ns=?1 AND key>=?2 AND key<?3",
    [S_ALL] = "DELETE FROM kv WHERE ns=?1",
    [S_MOVE] = "UPDATE kv SET ns=?2, key=CAST(?3||'.'||key AS BLOB)"
               " WHERE ns=?1",
    [S_PUT_NS] = "INSERT OR REPLACE INTO ns (id,name,owner,seq)"
                 " VALUES (?1,?2,?3,?4)",
    [S_SEQ] = "UPDATE ns SET seq=?2 WHERE id=?1",
    [S_DEL_NS] = "DELETE FROM ns WHERE id=?1",
    [S_PUT_COLD] = "INSERT OR REPLACE INTO cold (id,digest,size,data)"
                   " VALUES (?1,?2,?3,?4)",
    [S_GET_COLD] = "SELECT size,data FROM cold WHERE id=?1",
    [S_DIGEST] = "SELECT digest FROM cold WHERE id=?1",
    [S_DEL_COLD] = "DELETE FROM cold WHERE id=?1",
    [S_TIDY_COLD] = "DELETE FROM cold WHERE id NOT IN"
                    " (SELECT part FROM kv WHERE type=70)",
    [S_MAX_COLD] = "SELECT max(id) FROM cold",
    [S_PUT_BLOB] = "INSERT INTO blob (ref,epoch,data) VALUES (?1,?2,?3)"
                   " ON CONFLICT (ref) DO UPDATE SET"
                   " epoch=max(epoch,excluded.epoch)",
    [S_GET_BLOB] = "SELECT data FROM blob WHERE ref=?1",
    [S_HAS_BLOB] = "SELECT 1 FROM blob WHERE ref=?1",
    [S_TOUCH_BLOB] = "UPDATE blob SET epoch=?2 WHERE ref=?1 AND epoch<?2",
    [S_DEL_BLOB] = "DELETE FROM blob WHERE id=?1 AND epoch<?2",
    [S_MAX_BLOB] = "SELECT max(id) FROM blob",
    [S_OLD_BLOBS] = "SELECT id FROM blob WHERE id>?1 AND id<=?2 AND epoch<?3"
                    " ORDER BY id LIMIT ?4",
    [S_PUT_META] = "INSERT OR REPLACE INTO meta (name,value) VALUES (?1,?2)",
    [S_GET_META] = "SELECT value FROM meta WHERE name=?1",
    [S_PUT_CKPT] = "INSERT INTO checkpt (value) VALUES (?1)",
    [S_TRIM_CKPT] = "DELETE FROM checkpt WHERE id NOT IN"
                    " (SELECT id FROM checkpt ORDER BY id DESC LIMIT ?1)",
    [S_CKPTS] = "SELECT id,value FROM checkpt ORDER BY id DESC",
    [S_EACH_NS] = "SELECT id,name,owner,seq FROM ns ORDER BY id",
    [S_EACH_ROW] = "SELECT key,part,type,data FROM kv WHERE ns=?1"
                   " ORDER BY key,part",
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT)"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS ns (id INTEGER PRIMARY KEY, name TEXT,"
    " owner INTEGER, seq INTEGER);"
    "CREATE TABLE IF NOT EXISTS kv (ns INTEGER, key BLOB, part INTEGER,"
    " type INTEGER, data BLOB, PRIMARY KEY (ns,key,part)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS cold (id INTEGER PRIMARY KEY, digest BLOB,"
    " size INTEGER, data BLOB);"
    "CREATE TABLE IF NOT EXISTS blob (id INTEGER PRIMARY KEY,"
    " ref TEXT UNIQUE, epoch INTEGER, data BLOB);"
    "CREATE TABLE IF NOT EXISTS checkpt"
    " (id INTEGER PRIMARY KEY AUTOINCREMENT, value TEXT);"
    "INSERT OR IGNORE INTO meta VALUES ('format','flux-kvs-1');";

struct storedb {
    sqlite3 *db;
    sqlite3_stmt *stmt[S_COUNT];
    int lock;            /* -1, or the descriptor that holds the lock */
    bool temporary;
    char *scratch;       /* for compression */
    size_t scratch_size;
};

static int to_errno (int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_TOOBIG:
        return -EFBIG;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return -EINVAL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return -EPERM;
    default:
        return -EIO;
    }
}

static sqlite3_stmt *get (struct storedb *d, enum stmt s, int *rc)
{
    if (!d->stmt[s]) {
        int e = sqlite3_prepare_v3 (d->db, sql[s], -1,
                                    SQLITE_PREPARE_PERSISTENT, &d->stmt[s], NULL);
        if (e != SQLITE_OK) {
            *rc = to_errno (e);
            return NULL;
        }
    }
    return d->stmt[s];
}

/* Run a statement that returns nothing. */
static int done (struct storedb *d, sqlite3_stmt *st)
{
    int rc = to_errno (sqlite3_step (st));
    sqlite3_reset (st);
    sqlite3_clear_bindings (st);
    return rc;
}

static int run (struct storedb *d, enum stmt s)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, s, &rc);
    return st ? done (d, st) : rc;
}

static int run_id (struct storedb *d, enum stmt s, int64_t id)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, s, &rc);
    if (!st)
        return rc;
    sqlite3_bind_int64 (st, 1, id);
    return done (d, st);
}

/* -- a full quota is a full disk -----------------------------------------------
 *
 * SQLite says SQLITE_FULL for ENOSPC only, and loses the errno of other failed
 * writes; so they are told apart where they fail.
 */

static ssize_t full_if (ssize_t n)
{
    if (n < 0 && (errno == EDQUOT || errno == EFBIG))
        errno = ENOSPC;
    return n;
}

static ssize_t quota_write (int fd, const void *buf, size_t len)
{
    return full_if (write (fd, buf, len));
}

static ssize_t quota_pwrite (int fd, const void *buf, size_t len, off_t off)
{
    return full_if (pwrite (fd, buf, len, off));
}

static void set_writes (void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find (NULL);
    if (!vfs || vfs->iVersion < 3 || !vfs->xSetSystemCall)
        return;
    vfs->xSetSystemCall (vfs, "write", (sqlite3_syscall_ptr)quota_write);
    vfs->xSetSystemCall (vfs, "pwrite", (sqlite3_syscall_ptr)quota_pwrite);
    vfs->xSetSystemCall (vfs, "pwrite64", (sqlite3_syscall_ptr)quota_pwrite);
}

/* -- opening --------------------------------------------------------------------- */

static int fail (struct storedb *d, int rc, const char *what, const char *path,
                 flux_error_t *err)
{
    if (err)
        snprintf (err->text, sizeof (err->text), "%s %.80s: %.56s", what,
                  path ? path : "(temporary)",
                  d && d->db && rc != -ENOMEM ? sqlite3_errmsg (d->db)
                                              : strerror (-rc));
    return rc;
}

static void db_close (struct storedb *d)
{
    if (!d)
        return;
    for (int i = 0; i < S_COUNT; i++)
        sqlite3_finalize (d->stmt[i]);
    sqlite3_close (d->db);
    if (d->lock >= 0)
        close (d->lock);
    free (d->scratch);
    free (d);
}

/* One broker at a time.  The lock goes with the process, whatever ends it. */
static int lock_file (struct storedb *d, const char *path, flux_error_t *err)
{
    char name[PATH_MAX];
    int n = snprintf (name, sizeof (name), "%s.lock", path);
    if (n < 0 || n >= (int)sizeof (name))
        return fail (NULL, -ENAMETOOLONG, "cannot lock", path, err);
    d->lock = open (name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock < 0)
        return fail (NULL, -errno, "cannot open", name, err);
    if (flock (d->lock, LOCK_EX | LOCK_NB) < 0) {
        int rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
        if (err && rc == -EBUSY)
            snprintf (err->text, sizeof (err->text), "%.80s is in use by another"
                      " broker: give each instance a statedir of its own", path);
        else
            fail (NULL, rc, "cannot lock", name, err);
        return rc;
    }
    return 0;
}

static const char *pragmas (struct storedb *d, bool readonly)
{
    if (d->temporary)
        return "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;"
               "PRAGMA cache_size=-4000; PRAGMA auto_vacuum=NONE;";
    if (readonly)
        return "PRAGMA query_only=ON; PRAGMA cache_size=-2000;";
    return "PRAGMA page_size=4096; PRAGMA journal_mode=WAL;"
           "PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8000;"
           "PRAGMA wal_autocheckpoint=8000; PRAGMA journal_size_limit=67108864;";
}

static int check_format (struct storedb *d, const char *path, flux_error_t *err)
{
    sqlite3_stmt *st = NULL;
    int rc = 0;
    if (sqlite3_prepare_v2 (d->db, "SELECT count(*) FROM sqlite_master WHERE"
                            " name='objects'", -1, &st, NULL) == SQLITE_OK
        && sqlite3_step (st) == SQLITE_ROW && sqlite3_column_int (st, 0) > 0)
        rc = -EINVAL;
    sqlite3_finalize (st);
    if (rc < 0 && err)
        snprintf (err->text, sizeof (err->text), "%.60s was written by another"
                  " implementation: use flux dump there and flux restore here",
                  path);
    return rc;
}

/* Blobs had no epoch once: those are never old.  Their trees were not made so that
 * all that refers to a blob can be found. */
static int add_epoch (struct storedb *d)
{
    sqlite3_stmt *st = NULL;
    int e = sqlite3_prepare_v2 (d->db, "SELECT epoch FROM blob", -1, &st, NULL);
    sqlite3_finalize (st);
    if (e == SQLITE_OK)
        return SQLITE_OK;
    return sqlite3_exec (d->db, "ALTER TABLE blob ADD COLUMN epoch INTEGER NOT NULL"
                         " DEFAULT 9223372036854775807", NULL, NULL, NULL);
}

static int db_open (const char *path, bool readonly, struct storedb **dbp,
                    flux_error_t *err)
{
    int flags = SQLITE_OPEN_NOMUTEX
                | (readonly ? SQLITE_OPEN_READONLY
                            : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    struct storedb *d = calloc (1, sizeof (*d));
    int rc = 0;
    if (!d)
        return fail (NULL, -ENOMEM, "cannot open", path, err);
    if (!readonly)
        set_writes ();
    d->lock = -1;
    d->temporary = path == NULL;
    if (path && !readonly && (rc = lock_file (d, path, err)) < 0)
        goto error;
    int e = sqlite3_open_v2 (path ? path : "", &d->db, flags, NULL);
    if (e != SQLITE_OK) {
        rc = fail (d, to_errno (e), "cannot open", path, err);
        goto error;
    }
    sqlite3_busy_timeout (d->db, 10000);
    if (!readonly && (rc = check_format (d, path, err)) < 0)
        goto error;
    if ((e = sqlite3_exec (d->db, pragmas (d, readonly), NULL, NULL, NULL))
            != SQLITE_OK
        || (!readonly
            && ((e = sqlite3_exec (d->db, schema, NULL, NULL, NULL)) != SQLITE_OK
                || (e = add_epoch (d)) != SQLITE_OK))) {
        rc = fail (d, to_errno (e), "cannot use", path, err);
        goto error;
    }
    *dbp = d;
    return 0;
error:
    db_close (d);
    return rc;
}

static const char *db_errmsg (struct storedb *d)
{
    return sqlite3_errmsg (d->db);
}

/* -- transactions ----------------------------------------------------------------- */

static int db_begin (struct storedb *d)
{
    return run (d, S_BEGIN);
}

static int db_commit (struct storedb *d, bool sync)
{
    int rc = run (d, S_COMMIT);
    if (rc == 0 && sync && !d->temporary) {
        /* also right for a transaction that wrote nothing */
        int e = sqlite3_wal_checkpoint_v2 (d->db, NULL, SQLITE_CHECKPOINT_FULL,
                                           NULL, NULL);
        rc = e == SQLITE_BUSY ? 0 : to_errno (e);
    }
    return rc;
}

static void db_rollback (struct storedb *d)
{
    if (!sqlite3_get_autocommit (d->db))
        run (d, S_ROLLBACK);
}

/* -- rows ------------------------------------------------------------------------- */

static void bind_blob (sqlite3_stmt *st, int i, const void *data, size_t len)
{
    sqlite3_bind_blob64 (st, i, len > 0 ? data : "", len, SQLITE_STATIC);
}

static int db_put (struct storedb *d, const struct storedb_row *row)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, S_PUT, &rc);
    if (!st)
        return rc;
    sqlite3_bind_int64 (st, 1, row->ns);
    bind_blob (st, 2, row->key, row->keylen);
    sqlite3_bind_int64 (st, 3, row->part);
    sqlite3_bind_int (st, 4, row->type);
    bind_blob (st, 5, row->data, row->len);
    return done (d, st);
}

static int db_del (struct storedb *d, int64_t ns, const char *key, size_t len)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, S_DEL, &rc);
    if (!st)
        return rc;
    sqlite3_bind_int64 (st, 1, ns);
    bind_blob (st, 2, key, len);
    return done (d, st);
}

static int db_del_below (struct storedb *d, int64_t ns, const char *key,
                         size_t len)
{
    int rc = 0;
    sqlite3_stmt *st;
    if (len == 0)
        return run_id (d, S_ALL, ns);
    if ((rc = db_del (d, ns, key, len)) < 0 || !(st = get (d, S_BELOW, &rc)))
        return rc;
    char *lo = malloc (2 * len + 2);
    if (!lo)
        return -ENOMEM;
    char *hi = lo + len + 1;
    memcpy (lo, key, len);
    memcpy (hi, key, len);
    lo[len] = '.';
    hi[len] = '/';
    sqlite3_bind_int64 (st, 1, ns);
    bind_blob (st, 2, lo, len + 1);
    bind_blob (st, 3, hi, len + 1);
    rc = done (d, st);
    free (lo);
    return rc;
}

static int db_move (struct storedb *d, int64_t from, int64_t ns,
                    const char *key, size_t len)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, S_MOVE, &rc);
    if (!st)
        return rc;
    sqlite3_bind_int64 (st, 1, from);
    sqlite3_bind_int64 (st, 2, ns);
    sqlite3_bind_text64 (st, 3, key, len, SQLITE_STATIC, SQLITE_UTF8);
    return done (d, st);
}

static int db_put_ns (struct storedb *d, const struct storedb_ns *ns)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, S_PUT_NS, &rc);
    if (!st)
        return rc;
    sqlite3_bind_int64 (st, 1, ns->id);
    sqlite3_bind_text (st, 2, ns->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64 (st, 3, ns->owner);
    sqlite3_bind_int64 (st, 4, ns->seq);
    return done (d, st);
}

static int db_set_seq (struct storedb *d, int64_t id, int64_t seq)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, S_SEQ, &rc);
    if (!st)
        return rc;
    sqlite3_bind_int64 (st, 1, id);
    sqlite3_bind_int64 (st, 2, seq);
    return done (d, st);
}

static int db_del_ns (struct storedb *d, int64_t id)
{
    int rc = run_id (d, S_ALL, id);
    return rc < 0 ? rc : run_id (d, S_DEL_NS, id);
}

/* -- frozen directories -------------------------------------------------------------- */

static int db_put_cold (struct storedb *d, int64_t id, const void *data,
                        size_t len, const void *digest, size_t dlen)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, S_PUT_COLD, &rc);
    if (!st)
        return rc;
    if (len > LZ4_MAX_INPUT_SIZE)
        return -EFBIG;
    size_t room = LZ4_compressBound ((int)len);
    if (room > d->scratch_size) {
        free (d->scratch);
        d->scratch_size = 0;
        if (!(d->scratch = malloc (room)))
            return -ENOMEM;
        d->scratch_size = room;
    }
    int n = LZ4_compress_default (data, d->scratch, (int)len, (int)room);
    if (n <= 0)
        return -EIO;
    sqlite3_bind_int64 (st, 1, id);
    bind_blob (st, 2, digest, dlen);
    sqlite3_bind_int64 (st, 3, len);
    bind_blob (st, 4, d->scratch, n);
    return done (d, st);
}

static int unpack (sqlite3_stmt *st, void **data, size_t *len)
{
    int64_t size = sqlite3_column_int64 (st, 0);
    const void *in = sqlite3_column_blob (st, 1);
    int n = sqlite3_column_bytes (st, 1);
    if (size < 0 || size > LZ4_MAX_INPUT_SIZE || !in)
        return -EIO;
    char *out = malloc (size + 1);
    if (!out)
        return -ENOMEM;
    if (LZ4_decompress_safe (in, out, n, (int)size) != size) {
        free (out);
        return -EIO;
    }
    *data = out;
    *len = size;
    return 0;
}

static int db_get_cold (struct storedb *d, int64_t id, void **data, size_t *len)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, S_GET_COLD, &rc);
    if (!st)
        return rc;
    sqlite3_bind_int64 (st, 1, id);
    int e = sqlite3_step (st);
    rc = e == SQLITE_ROW ? unpack (st, data, len)
         : e == SQLITE_DONE ? -ENOENT : to_errno (e);
    sqlite3_reset (st);
    return rc;
}

static int db_get_digest (struct storedb *d, int64_t id, unsigned char *digest,
                          size_t *dlen)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, S_DIGEST, &rc);
    if (!st)
        return rc;
    sqlite3_bind_int64 (st, 1, id);
    int e = sqlite3_step (st);
    if (e == SQLITE_ROW) {
        int n = sqlite3_column_bytes (st, 0);
        const void *p = sqlite3_column_blob (st, 0);
        *dlen = p && n <= 32 ? n : 0;
        if (*dlen > 0)
            memcpy (digest, p, *dlen);
    }
    else
        rc = e == SQLITE_DONE ? -ENOENT : to_errno (e);
    sqlite3_reset (st);
    return rc;
}

static int db_del_cold (struct storedb *d, int64_t id)
{
    return run_id (d, S_DEL_COLD, id);
}

static int db_tidy_cold (struct storedb *d)
{
    return run (d, S_TIDY_COLD);
}

static int get_max (struct storedb *d, enum stmt s, int64_t *max)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, s, &rc);
    if (!st)
        return rc;
    int e = sqlite3_step (st);
    if (e == SQLITE_ROW)
        *max = sqlite3_column_int64 (st, 0);
    else
        rc = to_errno (e);
    sqlite3_reset (st);
    return rc;
}

static int db_max_cold (struct storedb *d, int64_t *max)
{
    return get_max (d, S_MAX_COLD, max);
}

/* -- blobs, names, checkpoints --------------------------------------------------------- */

static int db_put_blob (struct storedb *d, const char *ref, size_t reflen,
                        int64_t epoch, const void *data, size_t len)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, S_PUT_BLOB, &rc);
    if (!st)
        return rc;
    sqlite3_bind_text64 (st, 1, ref, reflen, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_int64 (st, 2, epoch);
    bind_blob (st, 3, data, len);
    return done (d, st);
}

static int db_touch_blob (struct storedb *d, const char *ref, size_t reflen,
                          int64_t epoch)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, S_TOUCH_BLOB, &rc);
    if (!st)
        return rc;
    sqlite3_bind_text64 (st, 1, ref, reflen, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_int64 (st, 2, epoch);
    return done (d, st);
}

static int db_del_blob (struct storedb *d, int64_t id, int64_t epoch)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, S_DEL_BLOB, &rc);
    if (!st)
        return rc;
    sqlite3_bind_int64 (st, 1, id);
    sqlite3_bind_int64 (st, 2, epoch);
    return done (d, st);
}

static int db_max_blob (struct storedb *d, int64_t *max)
{
    return get_max (d, S_MAX_BLOB, max);
}

static int db_old_blobs (struct storedb *d, int64_t after, int64_t upto, int64_t epoch,
                         int64_t *ids, size_t *count)
{
    int rc = 0, e = SQLITE_DONE;
    size_t n = 0, room = *count;
    sqlite3_stmt *st = get (d, S_OLD_BLOBS, &rc);
    if (!st)
        return rc;
    sqlite3_bind_int64 (st, 1, after);
    sqlite3_bind_int64 (st, 2, upto);
    sqlite3_bind_int64 (st, 3, epoch);
    sqlite3_bind_int64 (st, 4, (int64_t)room);
    while (n < room && (e = sqlite3_step (st)) == SQLITE_ROW)
        ids[n++] = sqlite3_column_int64 (st, 0);
    sqlite3_reset (st);
    if ((rc = to_errno (e)) == 0)
        *count = n;
    return rc;
}

static int copy_out (sqlite3_stmt *st, void **data, size_t *len)
{
    size_t n = sqlite3_column_bytes (st, 0);
    const void *p = sqlite3_column_blob (st, 0);
    char *out = malloc (n + 1);
    if (!out)
        return -ENOMEM;
    if (n > 0)
        memcpy (out, p, n);
    out[n] = '\0';
    *data = out;
    *len = n;
    return 0;
}

static int get_by_name (struct storedb *d, enum stmt s, const char *name,
                        void **data, size_t *len)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, s, &rc);
    if (!st)
        return rc;
    sqlite3_bind_text (st, 1, name, -1, SQLITE_STATIC);
    int e = sqlite3_step (st);
    if (e == SQLITE_ROW)
        rc = data ? copy_out (st, data, len) : 0;
    else
        rc = e == SQLITE_DONE ? -ENOENT : to_errno (e);
    sqlite3_reset (st);
    sqlite3_clear_bindings (st);
    return rc;
}

static int db_get_blob (struct storedb *d, const char *ref, void **data,
                        size_t *len)
{
    return get_by_name (d, S_GET_BLOB, ref, data, len);
}

static int db_has_blob (struct storedb *d, const char *ref)
{
    return get_by_name (d, S_HAS_BLOB, ref, NULL, NULL);
}

static int db_put_meta (struct storedb *d, const char *name, const char *value)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, S_PUT_META, &rc);
    if (!st)
        return rc;
    sqlite3_bind_text (st, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_text (st, 2, value, -1, SQLITE_STATIC);
    return done (d, st);
}

static int db_get_meta (struct storedb *d, const char *name, char **value)
{
    void *data;
    size_t len;
    int rc = get_by_name (d, S_GET_META, name, &data, &len);
    if (rc == 0)
        *value = data;
    return rc;
}

static int db_put_checkpoint (struct storedb *d, const char *json, size_t len,
                              int keep)
{
    int rc = 0;
    sqlite3_stmt *st = get (d, S_PUT_CKPT, &rc);
    if (!st)
        return rc;
    sqlite3_bind_text64 (st, 1, json, len, SQLITE_STATIC, SQLITE_UTF8);
    if ((rc = done (d, st)) == 0)
        rc = run_id (d, S_TRIM_CKPT, keep);
    return rc;
}

static int db_checkpoints (struct storedb *d,
                           int (*cb) (int64_t id, const char *json, void *arg),
                           void *arg)
{
    int rc = 0, e = SQLITE_DONE;
    sqlite3_stmt *st = get (d, S_CKPTS, &rc);
    while (st && rc == 0 && (e = sqlite3_step (st)) == SQLITE_ROW)
        rc = cb (sqlite3_column_int64 (st, 0),
                 (const char *)sqlite3_column_text (st, 1), arg);
    if (st)
        sqlite3_reset (st);
    return rc < 0 ? rc : to_errno (e);
}

/* -- reading all --------------------------------------------------------------------- */

static int db_each_ns (struct storedb *d,
                       int (*cb) (const struct storedb_ns *ns, void *arg),
                       void *arg)
{
    int rc = 0, e = SQLITE_DONE;
    sqlite3_stmt *st = get (d, S_EACH_NS, &rc);
    while (st && rc == 0 && (e = sqlite3_step (st)) == SQLITE_ROW) {
        struct storedb_ns ns = {
            .id = sqlite3_column_int64 (st, 0),
            .name = (const char *)sqlite3_column_text (st, 1),
            .owner = sqlite3_column_int64 (st, 2),
            .seq = sqlite3_column_int64 (st, 3),
        };
        rc = ns.name ? cb (&ns, arg) : -EIO;
    }
    if (st)
        sqlite3_reset (st);
    return rc < 0 ? rc : to_errno (e);
}

static int db_each_row (struct storedb *d, int64_t ns,
                        int (*cb) (const struct storedb_row *row, void *arg),
                        void *arg)
{
    int rc = 0, e = SQLITE_DONE;
    sqlite3_stmt *st = get (d, S_EACH_ROW, &rc);
    if (st)
        sqlite3_bind_int64 (st, 1, ns);
    while (st && rc == 0 && (e = sqlite3_step (st)) == SQLITE_ROW) {
        struct storedb_row row = {
            .ns = ns,
            .key = sqlite3_column_blob (st, 0),
            .keylen = sqlite3_column_bytes (st, 0),
            .part = sqlite3_column_int64 (st, 1),
            .type = (char)sqlite3_column_int (st, 2),
            .data = sqlite3_column_blob (st, 3),
            .len = sqlite3_column_bytes (st, 3),
        };
        rc = cb (&row, arg);
    }
    if (st)
        sqlite3_reset (st);
    return rc < 0 ? rc : to_errno (e);
}

const struct storedb_ops storedb_ops = {
    .open = db_open,
    .close = db_close,
    .errmsg = db_errmsg,
    .begin = db_begin,
    .commit = db_commit,
    .rollback = db_rollback,
    .put = db_put,
    .del = db_del,
    .del_below = db_del_below,
    .move = db_move,
    .put_ns = db_put_ns,
    .set_seq = db_set_seq,
    .del_ns = db_del_ns,
    .put_cold = db_put_cold,
    .get_cold = db_get_cold,
    .get_digest = db_get_digest,
    .del_cold = db_del_cold,
    .tidy_cold = db_tidy_cold,
    .max_cold = db_max_cold,
    .put_blob = db_put_blob,
    .get_blob = db_get_blob,
    .has_blob = db_has_blob,
    .touch_blob = db_touch_blob,
    .del_blob = db_del_blob,
    .max_blob = db_max_blob,
    .old_blobs = db_old_blobs,
    .put_meta = db_put_meta,
    .get_meta = db_get_meta,
    .put_checkpoint = db_put_checkpoint,
    .checkpoints = db_checkpoints,
    .each_ns = db_each_ns,
    .each_row = db_each_row,
};
