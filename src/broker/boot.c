/* boot.c - find the broker's place in the instance
 *
 * "simple" is the PMI-1 wire protocol (RFC 13), "single" an instance of one.
 */
#include <errno.h>
#include <limits.h>

#include "base/errmsg.h"
#include "broker/boot.h"
#include "pmi/client.h"

struct boot {
    struct pmi_client *pmi;      /* NULL: single */
    char *mapping;
    char *interface_hint;
    bool aborted;
    const volatile sig_atomic_t *interrupt;
};

/* "(vector,(0,NODES,PPN))" -> "[[0,NODES,PPN,1]]", any number of blocks. */
static char *mapping_of_pmi (const char *s)
{
    char *out;
    size_t len = 0;
    FILE *f;

    if (strncmp (s, "(vector,", 8) != 0 || !(f = open_memstream (&out, &len)))
        return NULL;
    fputc ('[', f);
    s += 8;
    for (int n = 0;; n++) {
        unsigned int node, nnodes, ppn;
        int used = 0;
        if (sscanf (s, "(%u,%u,%u)%n", &node, &nnodes, &ppn, &used) != 3 || !used)
            break;
        fprintf (f, "%s[%u,%u,%u,1]", n ? "," : "", node, nnodes, ppn);
        s += used;
        if (*s == ')') {
            fputc (']', f);
            return fclose (f) == 0 ? out : NULL;
        }
        if (*s++ != ',')
            break;
    }
    fclose (f);
    free (out);
    return NULL;
}

static int get_optional (struct boot *b, const char *key, char **valp,
                         flux_error_t *err)
{
    const char *s;
    int rc = pmi_client_get (b->pmi, key, &s, err);

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
    b->mapping = mapping_of_pmi (s);
    free (s);
    return 0;
}

static int begin_pmi (struct boot *b, struct boot_info *info, flux_error_t *err)
{
    int rc;

    if (!(b->pmi = pmi_client_open_env (getenv ("FLUX_PMI_DEBUG") != NULL, err)))
        return -errno;
    pmi_client_set_interrupt (b->pmi, b->interrupt);
    info->rank = pmi_client_rank (b->pmi);
    info->size = pmi_client_size (b->pmi);
    info->jobid = pmi_client_kvsname (b->pmi);
    info->method = "simple";
    if ((rc = get_level (b, &info->level, err)) < 0
        || (rc = get_mapping (b, err)) < 0
        || (rc = get_optional (b, "flux.tbon-interface-hint", &b->interface_hint,
                               err)) < 0)
        return rc;
    info->mapping = b->mapping;
    info->interface_hint = b->interface_hint;
    return 0;
}

/* A process manager that is there is used, so PMI comes first. */
static int try_methods (struct boot *b, const char *methods, struct boot_info *info,
                        flux_error_t *err)
{
    const char *p = methods;
    bool tried = false;

    while (*(p += strspn (p, " "))) {
        size_t len = strcspn (p, " ");
        if (len == 6 && !strncmp (p, "single", 6))
            return 0;
        if (len == 6 && !strncmp (p, "simple", 6)) {
            tried = true;
            if (getenv ("PMI_FD"))
                return begin_pmi (b, info, err);
        }
        p += len;
    }
    return errmsg (err, -ENOENT, "%s '%.60s'", tried ? "no process manager offers PMI"
                   " to" : "no usable boot method in", methods);
}

struct boot *boot_begin (const char *method, const volatile sig_atomic_t *interrupt,
                         struct boot_info *info, flux_error_t *err)
{
    struct boot *b = calloc (1, sizeof (*b));
    const char *methods = getenv ("FLUX_PMI_CLIENT_METHODS");
    int rc;

    if (!b) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    b->interrupt = interrupt;
    *info = (struct boot_info){ .size = 1, .method = "single" };
    if (!methods)
        methods = "simple libpmi2 libpmi single";
    if (!method)
        rc = try_methods (b, methods, info, err);
    else
        rc = try_methods (b, method, info, err);
    if (rc < 0) {
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

    if (!b->pmi)
        return errmsg (err, -EINVAL, "a single broker has nobody to exchange with");
    snprintf (key, sizeof (key), "%d", pmi_client_rank (b->pmi));
    if ((rc = pmi_client_put (b->pmi, key, card, err)) < 0)
        return rc;
    return pmi_client_barrier (b->pmi, err);
}

char *boot_card (struct boot *b, uint32_t rank, flux_error_t *err)
{
    char key[16];
    const char *val;
    char *cpy;
    int rc;

    snprintf (key, sizeof (key), "%u", (unsigned int)rank);
    if ((rc = pmi_client_get (b->pmi, key, &val, err)) < 0) {
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
    if (b && b->pmi)
        pmi_client_abort (b->pmi, 1, text);
    if (b)
        b->aborted = true;
}

void boot_end (struct boot *b)
{
    if (!b)
        return;
    if (b->pmi) {
        if (!b->aborted)
            (void)pmi_client_finalize (b->pmi, NULL);
        pmi_client_close (b->pmi);
    }
    free (b->mapping);
    free (b->interface_hint);
    free (b);
}
