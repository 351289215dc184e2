/* boot.c - find the broker's place in the instance, by PMI
 */
#include <errno.h>
#include <limits.h>
#include <flux/core/conf_builtin.h>

#include "base/errmsg.h"
#include "broker/boot.h"
#include "pmi/pmi.h"

struct boot {
    struct pmi *pmi;
    char *mapping;
    char *interface_hint;
    char *abort_text;
};

/* One block "(0,NODES,PPN)" and what ends it: the number of tasks, or 0. */
static unsigned int scan_block (const char **sp, unsigned int block[3])
{
    int used = 0;

    if (sscanf (*sp, "(%7u,%7u,%7u)%n", &block[0], &block[1], &block[2], &used) != 3 || !used
        || block[1] == 0 || block[2] == 0)
        return 0;
    *sp += used;
    if (**sp != ',' && **sp != ')')
        return 0;
    (*sp)++;
    return block[1] * block[2];
}

static unsigned int count_tasks (const char *s, int *nblocks)
{
    unsigned int total = 0;

    for (*nblocks = 0; *s; (*nblocks)++) {
        unsigned int block[3];
        unsigned int n = scan_block (&s, block);
        if (n == 0)
            return 0;
        total += n;
    }
    return total;
}

/* "(vector,(0,NODES,PPN))" -> "[[0,NODES,PPN,1]]", any number of blocks.  Hydra leaves
 * the repetition to the reader: 4 processes of one node are "(vector,(0,1,1))". */
static char *mapping_of_pmi (const char *s, unsigned int size)
{
    char *out;
    size_t len = 0;
    int nblocks;
    unsigned int total, times, block[3];
    FILE *f;

    if (strncmp (s, "(vector,", 8) != 0)
        return NULL;
    s += 8;
    total = count_tasks (s, &nblocks);
    if (total == 0 || size % total || !(f = open_memstream (&out, &len)))
        return NULL;
    times = size / total;
    for (unsigned int i = 0; i < (nblocks > 1 ? times : 1); i++) {
        const char *p = s;
        while (scan_block (&p, block) > 0)
            fprintf (f, "%s[%u,%u,%u,%u]", ftell (f) ? "," : "[", block[0], block[1],
                     block[2], nblocks > 1 ? 1 : times);
    }
    fputc (']', f);
    if (fclose (f) == 0)
        return out;
    free (out);
    return NULL;
}

static int get_optional (struct boot *b, const char *key, char **valp,
                         flux_error_t *err)
{
    const char *s;
    int rc = pmi_get (b->pmi, key, &s, err);

    if (rc == -ENOENT)
        return 0;
    if (rc < 0)
        return rc;
    return (*valp = strdup (s)) ? 0 : errmsg (err, -ENOMEM, "out of memory");
}

static int get_level (struct boot *b, int *levelp, flux_error_t *err)
{
    char *s = NULL;
    char *end;
    long n;
    int rc = get_optional (b, "flux.instance-level", &s, err);

    if (rc < 0 || !s)
        return rc;
    errno = 0;
    n = strtol (s, &end, 10);
    if (errno || end == s || *end || n < 0 || n > INT_MAX)
        rc = errmsg (err, -EPROTO, "PMI: flux.instance-level is '%s'", s);
    else
        *levelp = n;
    free (s);
    return rc;
}

/* What an enclosing Flux instance says, or what any process manager does. */
static int get_mapping (struct boot *b, flux_error_t *err)
{
    char *s = NULL;
    int rc = get_optional (b, "flux.taskmap", &b->mapping, err);

    if (rc < 0 || b->mapping)
        return rc;
    if ((rc = get_optional (b, "PMI_process_mapping", &s, err)) < 0 || !s)
        return rc;
    b->mapping = mapping_of_pmi (s, pmi_size (b->pmi));
    free (s);
    return 0;
}

static int ask (struct boot *b, struct boot_info *info, flux_error_t *err)
{
    int rc;

    info->rank = pmi_rank (b->pmi);
    info->size = pmi_size (b->pmi);
    info->jobid = pmi_name (b->pmi);
    info->method = pmi_method (b->pmi);
    info->note = pmi_note (b->pmi);
    if ((rc = get_level (b, &info->level, err)) < 0
        || (rc = get_mapping (b, err)) < 0
        || (rc = get_optional (b, "flux.tbon-interface-hint", &b->interface_hint,
                               err)) < 0)
        return rc;
    info->mapping = b->mapping;
    info->interface_hint = b->interface_hint;
    return 0;
}

static int begin (struct boot *b, const char *method,
                  const volatile sig_atomic_t *interrupt, struct boot_info *info,
                  struct buf *why)
{
    struct pmi_args args = {
        .methods = method,
        .debug = getenv ("FLUX_PMI_DEBUG") != NULL,
        .interrupt = interrupt,
        .plugindirs = flux_conf_builtin_get ("upmi_pluginpath", FLUX_CONF_AUTO),
    };
    flux_error_t err = { 0 };
    int rc;

    if (!(b->pmi = pmi_open (&args, why)))
        return -errno;
    if ((rc = ask (b, info, &err)) < 0)
        buf_adds (why, err.text);
    return rc;
}

struct boot *boot_begin (const char *method, const volatile sig_atomic_t *interrupt,
                         struct boot_info *info, struct buf *why)
{
    struct boot *b = calloc (1, sizeof (*b));
    int rc;

    if (!b) {
        buf_adds (why, "out of memory");
        return NULL;
    }
    *info = (struct boot_info){ .size = 1, .method = "single" };
    if ((rc = begin (b, method, interrupt, info, why)) < 0) {
        boot_end (b);
        errno = -rc;
        return NULL;
    }
    return b;
}

int boot_exchange (struct boot *b, const char *card, flux_error_t *err)
{
    char key[16];
    int rc;

    snprintf (key, sizeof (key), "%d", pmi_rank (b->pmi));
    if ((rc = pmi_put (b->pmi, key, card, err)) < 0)
        return rc;
    return pmi_barrier (b->pmi, err);
}

char *boot_card (struct boot *b, uint32_t rank, flux_error_t *err)
{
    char key[16];
    const char *val;
    char *cpy;
    int rc;

    snprintf (key, sizeof (key), "%u", (unsigned int)rank);
    if ((rc = pmi_get (b->pmi, key, &val, err)) < 0) {
        if (rc == -ENOENT)
            errmsg (err, rc, "PMI: rank %s published no business card", key);
        errno = -rc;
        return NULL;
    }
    if (!(cpy = strdup (val)))
        errmsg (err, -ENOMEM, "out of memory");
    return cpy;
}

void boot_abort (struct boot *b, const char *text)
{
    free (b->abort_text);
    if (!(b->abort_text = strdup (text)))
        b->abort_text = strdup ("out of memory");
}

void boot_end (struct boot *b)
{
    if (!b)
        return;
    if (b->pmi && b->abort_text)
        pmi_abort (b->pmi, 1, b->abort_text);
    else if (b->pmi)
        (void)pmi_finalize (b->pmi, NULL);
    pmi_close (b->pmi);
    free (b->abort_text);
    free (b->mapping);
    free (b->interface_hint);
    free (b);
}
