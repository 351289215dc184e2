/* store.c - see store.h */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/blobref.h"
#include "base/dso.h"
#include "base/errmsg.h"
#include "modules/kvs/pack.h"
#include "modules/kvs/redo.h"
#include "modules/kvs/rfc11.h"
#include "modules/kvs/store.h"

enum { KEEP_CHECKPOINTS = 5 };

struct store {
    const struct storedb_ops *ops;
    struct storedb *db;          /* the thread's, while it runs */
    bool readable;               /* the loop may use ops: a transaction is done */
    struct storedb *reader;      /* the loop's; NULL: not open, or temporary */
    char *path;
    char hashtype[16];
    flux_watcher_t *w;
    int fd;                      /* the thread has an answer */
    pthread_t thread;
    bool running;

    pthread_mutex_t lock;        /* of what follows */
    pthread_cond_t cond;
    pthread_mutex_t db_lock;     /* of a temporary db, which both use */
    bool stop;
    bool work;                   /* the transaction below is for the thread */
    bool answered;               /* it is for the loop */

    /* the transaction: whose turn it is may touch it */
    bool busy;
    struct buf redo;
    bool sync;
    store_done_f done;
    void *arg;
    int rc;
    char text[160];
    struct store_frozen *frozen;
    size_t count, size;
    uint64_t *frozen_id;
};

/* -- in the thread ----------------------------------------------------------------- */

/* The reference of a packed directory. */
static int digest_of (const struct store *s, const char *data, size_t len,
                      struct store_frozen *f)
{
    int rc;
    char room[72];
    struct tnode *dir = unpack_dir (data, len, &rc);
    if (!dir)
        return rc;
    f->digest_len = 0;
    if ((rc = rfc11_compute (s->hashtype, dir)) == 0) {
        const char *ref = rfc11_dir_ref (dir, s->hashtype, room);
        int n = ref ? blobref_decode (ref, f->digest) : 0;
        f->digest_len = n > 0 ? n : 0;
    }
    tnode_unref (dir);
    return rc;
}

static struct store_frozen *add_frozen (struct store *s, uint64_t id)
{
    if (s->count == s->size) {
        size_t size = s->size ? 2 * s->size : 16;
        struct store_frozen *x = realloc (s->frozen, size * sizeof (*x));
        if (x)
            s->frozen = x;
        uint64_t *y = x ? realloc (s->frozen_id, size * sizeof (*y)) : NULL;
        if (!y)
            return NULL;
        s->frozen_id = y;
        s->size = size;
    }
    s->frozen_id[s->count] = id;
    s->frozen[s->count].digest_len = 0;
    return &s->frozen[s->count++];
}

static int write_cold (struct store *s, const struct redo_op *op)
{
    struct store_frozen *f = add_frozen (s, op->ns);
    if (!f)
        return -ENOMEM;
    int rc = digest_of (s, op->data, op->len, f);
    if (rc < 0)
        return rc;
    pthread_mutex_lock (&s->db_lock);
    rc = s->ops->put_cold (s->db, op->ns, op->data, op->len, f->digest,
                           f->digest_len);
    pthread_mutex_unlock (&s->db_lock);
    return rc;
}

/* The digest of what was frozen just now, or long ago and is now copied. */
static int write_cold_ref (struct store *s, const struct redo_op *op)
{
    unsigned char digest[32];
    size_t len = 0;
    for (size_t i = s->count; i-- > 0 && len == 0;) {
        if (s->frozen_id[i] == op->num) {
            len = s->frozen[i].digest_len;
            memcpy (digest, s->frozen[i].digest, len);
        }
    }
    if (len == 0)
        (void)s->ops->get_digest (s->db, op->num, digest, &len);
    struct storedb_row row = {
        .ns = op->ns, .key = op->key, .keylen = op->keylen, .part = op->num,
        .type = 'F', .data = digest, .len = len,
    };
    return s->ops->put (s->db, &row);
}

static int write_row (struct store *s, const struct redo_op *op)
{
    struct storedb_row row = {
        .ns = op->ns, .key = op->key, .keylen = op->keylen,
        .part = op->num, .type = op->type, .data = op->data, .len = op->len,
    };
    if (op->type == 'A' && op->num == 0)
        row.type = 'V';  /* takes the place of an empty value */
    return s->ops->put (s->db, &row);
}

static int write_ns (struct store *s, const struct redo_op *op)
{
    char name[256];
    if (op->keylen >= sizeof (name))
        return -EPROTO;
    memcpy (name, op->key, op->keylen);
    name[op->keylen] = '\0';
    struct storedb_ns ns = { op->ns, name, op->num, 0 };
    return s->ops->put_ns (s->db, &ns);
}

static int write_meta (struct store *s, const struct redo_op *op)
{
    char *name = strndup (op->key, op->keylen);
    char *value = strndup (op->data, op->len);
    int rc = name && value ? s->ops->put_meta (s->db, name, value) : -ENOMEM;
    free (name);
    free (value);
    return rc;
}

static int write_other (struct store *s, const struct redo_op *op)
{
    const struct storedb_ops *o = s->ops;
    switch (op->type) {
    case 'X':
        return o->del (s->db, op->ns, op->key, op->keylen);
    case 'D':
        return o->del_below (s->db, op->ns, op->key, op->keylen);
    case 'G':
        return o->move (s->db, op->num, op->ns, op->key, op->keylen);
    case 'N':
        return write_ns (s, op);
    case 'n':
        return o->del_ns (s->db, op->ns);
    case 'S':
        return o->set_seq (s->db, op->ns, op->num);
    case 'F':
        return write_cold_ref (s, op);
    case 'z':
        return o->del_cold (s->db, op->ns);
    case 'B':
        return o->put_blob (s->db, op->key, op->keylen, (int64_t)op->ns, op->data,
                            op->len);
    case 'T':
        return o->touch_blob (s->db, op->key, op->keylen, (int64_t)op->ns);
    case 'b':
        return o->del_blob (s->db, (int64_t)op->num, (int64_t)op->ns);
    case 'M':
        return write_meta (s, op);
    case 'C':
        return o->put_checkpoint (s->db, op->data, op->len, KEEP_CHECKPOINTS);
    default:
        return write_row (s, op);
    }
}

/* The loop may want to read between two operations. */
static int write_op (struct store *s, const struct redo_op *op)
{
    if (op->type == 'Z')
        return write_cold (s, op);
    pthread_mutex_lock (&s->db_lock);
    int rc = write_other (s, op);
    pthread_mutex_unlock (&s->db_lock);
    return rc;
}

static void write_end (struct store *s)
{
    pthread_mutex_lock (&s->db_lock);
    if (s->rc == 0)
        s->rc = s->ops->commit (s->db, s->sync);
    if (s->rc < 0) {
        snprintf (s->text, sizeof (s->text), "%s", s->ops->errmsg (s->db));
        s->ops->rollback (s->db);
    }
    pthread_mutex_unlock (&s->db_lock);
}

/* A temporary database is opened here: loading SQLite takes milliseconds. */
static int open_late (struct store *s)
{
    flux_error_t err = { { 0 } };
    int rc = -ENOSYS;
    if (s->db)
        return 0;
    const struct storedb_ops *ops = dso_symbol ("store", "storedb_ops", &err);
    if (ops)
        rc = ops->open (NULL, false, &s->db, &err);
    if (rc == 0)
        s->ops = ops;
    snprintf (s->text, sizeof (s->text), "%s", err.text);
    return rc;
}

static void write_all (struct store *s)
{
    const char *p = s->redo.data, *end = p + s->redo.len;
    struct redo_op op;
    int more;

    s->count = 0;
    s->text[0] = '\0';
    if ((s->rc = open_late (s)) < 0)
        return;
    pthread_mutex_lock (&s->db_lock);
    s->rc = s->ops->begin (s->db);
    pthread_mutex_unlock (&s->db_lock);
    while (s->rc == 0 && (more = redo_next (&p, end, &op)) != 0)
        s->rc = more < 0 ? more : write_op (s, &op);
    write_end (s);
}

static void *writer (void *arg)
{
    struct store *s = arg;
    pthread_mutex_lock (&s->lock);
    for (;;) {
        while (!s->work && !s->stop)
            pthread_cond_wait (&s->cond, &s->lock);
        if (!s->work)
            break;
        pthread_mutex_unlock (&s->lock);
        write_all (s);
        pthread_mutex_lock (&s->lock);
        s->work = false;
        s->answered = true;
        pthread_cond_broadcast (&s->cond);
        uint64_t one = 1;
        if (write (s->fd, &one, sizeof (one)) < 0)
            abort ();  /* the counter cannot overflow: one transaction */
    }
    pthread_mutex_unlock (&s->lock);
    tree_thread_ends ();
    return NULL;
}

/* -- on the loop --------------------------------------------------------------------- */

static void answer (struct store *s)
{
    pthread_mutex_lock (&s->lock);
    bool answered = s->answered;
    s->answered = false;
    pthread_mutex_unlock (&s->lock);
    if (!answered)
        return;
    s->busy = false;
    s->readable = s->ops != NULL;
    /* a large transaction's memory is not kept */
    if (s->redo.size > 1024 * 1024)
        buf_release (&s->redo);
    s->done (s->rc, s->text, s->frozen, s->count, s->arg);
}

static void ready_cb (flux_reactor_t *r, flux_watcher_t *w, int revents,
                      void *arg)
{
    struct store *s = arg;
    uint64_t n;
    (void)r;
    (void)w;
    (void)revents;
    if (read (s->fd, &n, sizeof (n)) == sizeof (n))
        answer (s);
}

bool store_busy (const struct store *s)
{
    return s->busy;
}

int store_write (struct store *s, struct buf *redo, bool sync,
                 store_done_f done, void *arg)
{
    if (redo->failed)
        return -ENOMEM;
    struct buf old = s->redo;
    s->redo = *redo;
    *redo = old;
    buf_clear (redo);
    s->sync = sync;
    s->done = done;
    s->arg = arg;
    s->busy = true;
    pthread_mutex_lock (&s->lock);
    s->work = true;
    pthread_cond_broadcast (&s->cond);
    pthread_mutex_unlock (&s->lock);
    return 0;
}

void store_drain (struct store *s)
{
    while (s->busy) {
        pthread_mutex_lock (&s->lock);
        while (!s->answered)
            pthread_cond_wait (&s->cond, &s->lock);
        pthread_mutex_unlock (&s->lock);
        answer (s);
    }
}

static int start_thread (struct store *s, flux_reactor_t *r, flux_error_t *err)
{
    s->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->fd < 0
        || !(s->w = flux_fd_watcher_create (r, s->fd, FLUX_POLLIN, ready_cb, s)))
        return errmsg (err, -errno, "store: %s", strerror (errno));
    flux_watcher_start (s->w);
    int rc = pthread_create (&s->thread, NULL, writer, s);
    if (rc != 0)
        return errmsg (err, -rc, "store: cannot start its thread: %s",
                       strerror (rc));
    (void)pthread_setname_np (s->thread, "store");
    s->running = true;
    return 0;
}

int store_open (const char *path, const char *hashtype, flux_reactor_t *r,
                struct store **sp, flux_error_t *err)
{
    struct store *s = calloc (1, sizeof (*s));
    int rc = -ENOSYS;
    if (!s)
        return errmsg (err, -ENOMEM, "store: out of memory");
    s->readable = path != NULL;
    s->fd = -1;
    s->redo = (struct buf)BUF_INIT;
    pthread_mutex_init (&s->lock, NULL);
    pthread_mutex_init (&s->db_lock, NULL);
    pthread_cond_init (&s->cond, NULL);
    snprintf (s->hashtype, sizeof (s->hashtype), "%s", hashtype);
    if (!path)
        rc = start_thread (s, r, err);
    else if (!(s->path = strdup (path)))
        rc = errmsg (err, -ENOMEM, "store: out of memory");
    else if ((s->ops = dso_symbol ("store", "storedb_ops", err))
             && (rc = s->ops->open (path, false, &s->db, err)) == 0)
        rc = start_thread (s, r, err);
    if (rc < 0) {
        store_close (s);
        return rc;
    }
    *sp = s;
    return 0;
}

void store_close (struct store *s)
{
    if (!s)
        return;
    if (s->running) {
        store_drain (s);
        pthread_mutex_lock (&s->lock);
        s->stop = true;
        pthread_cond_broadcast (&s->cond);
        pthread_mutex_unlock (&s->lock);
        pthread_join (s->thread, NULL);
    }
    flux_watcher_destroy (s->w);
    if (s->fd >= 0)
        close (s->fd);
    if (s->ops) {
        s->ops->close (s->reader);
        s->ops->close (s->db);
    }
    pthread_mutex_destroy (&s->lock);
    pthread_mutex_destroy (&s->db_lock);
    pthread_cond_destroy (&s->cond);
    buf_release (&s->redo);
    free (s->frozen);
    free (s->frozen_id);
    free (s->path);
    free (s);
}

/* -- reading --------------------------------------------------------------------------- */

/* A temporary database has one connection, for which we take turns. */
static struct storedb *reader_get (struct store *s)
{
    if (!s->readable)
        return NULL;
    if (!s->path) {
        pthread_mutex_lock (&s->db_lock);
        return s->db;
    }
    if (!s->reader && s->ops->open (s->path, true, &s->reader, NULL) < 0)
        return NULL;
    return s->reader;
}

static void reader_put (struct store *s)
{
    if (!s->path)
        pthread_mutex_unlock (&s->db_lock);
}

int store_get_cold (struct store *s, uint64_t id, void **data, size_t *len)
{
    struct storedb *db = reader_get (s);
    if (!db)
        return -EIO;
    int rc = s->ops->get_cold (db, id, data, len);
    reader_put (s);
    return rc;
}

int store_get_blob (struct store *s, const char *ref, void **data, size_t *len)
{
    struct storedb *db = reader_get (s);
    if (!db)
        return -EIO;
    int rc = s->ops->get_blob (db, ref, data, len);
    reader_put (s);
    return rc;
}

bool store_has_blob (struct store *s, const char *ref)
{
    struct storedb *db = reader_get (s);
    if (!db)
        return false;
    int rc = s->ops->has_blob (db, ref);
    reader_put (s);
    return rc == 0;
}

int store_max_blob (struct store *s, int64_t *max)
{
    struct storedb *db = reader_get (s);
    *max = 0;
    if (!db && !s->readable)  /* temporary, and nothing was written yet */
        return 0;
    if (!db)
        return -EIO;
    int rc = s->ops->max_blob (db, max);
    reader_put (s);
    return rc;
}

int store_old_blobs (struct store *s, int64_t after, int64_t upto, int64_t epoch,
                     int64_t *ids, size_t *count)
{
    struct storedb *db = reader_get (s);
    if (!db)
        return -EIO;
    int rc = s->ops->old_blobs (db, after, upto, epoch, ids, count);
    reader_put (s);
    return rc;
}

const struct storedb_ops *store_db (struct store *s, struct storedb **db)
{
    *db = s->db;
    return s->ops;
}
