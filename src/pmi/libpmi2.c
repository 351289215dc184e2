/* libpmi2.c - the PMI-2 calls (<flux/pmi2.h>) over the PMI-1 wire protocol
 *
 * A job attribute is a key of the program; a node attribute is a key too, under a
 * name that holds the lowest rank of the node, which a local process can read as soon
 * as another has put it, since both have the same server.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <flux/pmi2.h>

#include "pmi/client.h"
#include "pmi/clique.h"
#include "pmi/wire.h"

#define POLL_NS (10 * 1000 * 1000)

extern const char flux_pmi_library[];
const char flux_pmi_library[] = "libpmi2.so of Flux";

static struct pmi_client *client;
static int *local_ranks;
static int nlocal;

static void drop_client (void)
{
    pmi_client_close (client);
    client = NULL;
    free (local_ranks);
    local_ranks = NULL;
    nlocal = 0;
}

/* Life */

int PMI2_Init (int *spawned, int *size, int *rank, int *appnum)
{
    const char *s = getenv ("PMI_SPAWNED");
    flux_error_t err;
    int app;

    if (!spawned || !size || !rank || !appnum)
        return PMI2_ERR_INVALID_ARG;
    if (client || !(client = pmi_client_open_env (getenv ("FLUX_PMI_DEBUG") != NULL, NULL, &err)))
        return PMI2_FAIL;
    if (pmi_client_appnum (client, &app, &err) < 0
        || pmi_clique (client, &local_ranks, &nlocal) < 0) {
        drop_client ();
        return PMI2_FAIL;
    }
    *spawned = s && strcmp (s, "1") == 0;
    *size = pmi_client_size (client);
    *rank = pmi_client_rank (client);
    *appnum = app;
    return PMI2_SUCCESS;
}

int PMI2_Initialized (void)
{
    return client != NULL;
}

int PMI2_Finalize (void)
{
    flux_error_t err;
    int rc;

    if (!client)
        return PMI2_ERR_INIT;
    rc = pmi_client_finalize (client, &err);
    drop_client ();
    return rc < 0 ? PMI2_FAIL : PMI2_SUCCESS;
}

/* 'flag': the whole program, not only this process. */
int PMI2_Abort (int flag, const char *msg)
{
    if (client && flag)
        pmi_client_abort (client, 1, msg);
    if (msg)
        fprintf (stderr, "%s\n", msg);
    exit (1);
}

/* The program */

static int give_int (int *dst, int val)
{
    if (!client)
        return PMI2_ERR_INIT;
    if (!dst)
        return PMI2_ERR_INVALID_ARG;
    *dst = val;
    return PMI2_SUCCESS;
}

int PMI2_Job_GetId (char *jobid, int jobid_size)
{
    const char *name;

    if (!client)
        return PMI2_ERR_INIT;
    if (!jobid)
        return PMI2_ERR_INVALID_ARG;
    name = pmi_client_kvsname (client);
    if (jobid_size < 1 || strlen (name) >= (size_t)jobid_size)
        return PMI2_ERR_INVALID_LENGTH;
    memcpy (jobid, name, strlen (name) + 1);
    return PMI2_SUCCESS;
}

int PMI2_Job_GetRank (int *rank)
{
    return give_int (rank, client ? pmi_client_rank (client) : 0);
}

/* Processes on this node. */
int PMI2_Info_GetSize (int *size)
{
    return give_int (size, nlocal);
}

/* Keys */

static int check_key (const char *key)
{
    if (!client)
        return PMI2_ERR_INIT;
    if (!key || !pmi_wire_is_word (key))
        return PMI2_ERR_INVALID_KEY;
    if (strlen (key) >= pmi_client_keylen_max (client))
        return PMI2_ERR_INVALID_KEY_LENGTH;
    return PMI2_SUCCESS;
}

int PMI2_KVS_Put (const char *key, const char *value)
{
    flux_error_t err;
    int rc = check_key (key);

    if (rc != PMI2_SUCCESS)
        return rc;
    if (!value || !pmi_wire_is_string (value))
        return PMI2_ERR_INVALID_VAL;
    if (strlen (value) >= pmi_client_vallen_max (client))
        return PMI2_ERR_INVALID_VAL_LENGTH;
    return pmi_client_put (client, key, value, &err) < 0 ? PMI2_FAIL : PMI2_SUCCESS;
}

int PMI2_KVS_Fence (void)
{
    flux_error_t err;

    if (!client)
        return PMI2_ERR_INIT;
    return pmi_client_barrier (client, &err) < 0 ? PMI2_FAIL : PMI2_SUCCESS;
}

/* What does not fit is cut; *vallen is then the negative of the whole length. */
static void copy_out (const char *s, char *buf, int size, int *vallen)
{
    size_t len = strlen (s);
    size_t n = len < (size_t)size ? len : (size_t)size - 1;

    memcpy (buf, s, n);
    buf[n] = '\0';
    if (vallen)
        *vallen = n < len ? -(int)len : (int)len;
}

/* Any program but this one has keys that are not to be reached. */
static bool is_ours (const char *jobid)
{
    return !jobid || !*jobid || strcmp (jobid, pmi_client_kvsname (client)) == 0;
}

int PMI2_KVS_Get (const char *jobid, int src_pmi_id, const char *key, char *value, int maxvalue,
                  int *vallen)
{
    flux_error_t err;
    const char *s;
    int rc = check_key (key);

    if (rc != PMI2_SUCCESS)
        return rc;
    if (!value || maxvalue < 1 || !is_ours (jobid))
        return PMI2_ERR_INVALID_ARG;
    rc = pmi_client_get (client, key, &s, &err);
    if (rc == -ENOENT)
        return PMI2_ERR_INVALID_KEY;
    if (rc < 0)
        return PMI2_FAIL;
    copy_out (s, value, maxvalue, vallen);
    return PMI2_SUCCESS;
}

/* Attributes */

int PMI2_Info_GetJobAttr (const char *name, char *value, int valuelen, int *found)
{
    flux_error_t err;
    const char *s;
    char num[16];
    int n;
    int rc = check_key (name);

    if (rc != PMI2_SUCCESS)
        return rc;
    if (!value || valuelen < 1)
        return PMI2_ERR_INVALID_ARG;
    if (strcmp (name, "universeSize") == 0) {
        if (pmi_client_universe_size (client, &n, &err) < 0)
            return PMI2_FAIL;
        snprintf (num, sizeof (num), "%d", n);
        s = num;
        rc = 0;
    }
    else
        rc = pmi_client_get (client, name, &s, &err);
    if (rc < 0 && rc != -ENOENT)
        return PMI2_FAIL;
    if (rc == 0)
        copy_out (s, value, valuelen, NULL);
    if (found)
        *found = rc == 0;
    return PMI2_SUCCESS;
}

int PMI2_Info_GetJobAttrIntArray (const char *name, int *array, int arraylen, int *outlen,
                                  int *found)
{
    int rc = check_key (name);

    if (rc != PMI2_SUCCESS)
        return rc;
    if (found)
        *found = 0;             /* there is none */
    return PMI2_SUCCESS;
}

static int node_key (char *buf, size_t size, const char *name)
{
    int rc = check_key (name);
    int n;

    if (rc != PMI2_SUCCESS)
        return rc;
    n = snprintf (buf, size, "local.%d.%s", local_ranks[0], name);
    return n < 0 || (size_t)n >= size || (size_t)n >= pmi_client_keylen_max (client)
               ? PMI2_ERR_INVALID_KEY_LENGTH : PMI2_SUCCESS;
}

int PMI2_Info_PutNodeAttr (const char *name, const char *value)
{
    char key[PMI_WIRE_KEYLEN_MAX];
    int rc = node_key (key, sizeof (key), name);

    return rc == PMI2_SUCCESS ? PMI2_KVS_Put (key, value) : rc;
}

/* 'waitfor': until another process on this node has put it. */
int PMI2_Info_GetNodeAttr (const char *name, char *value, int valuelen, int *found, int waitfor)
{
    static const struct timespec pause = { .tv_nsec = POLL_NS };
    char key[PMI_WIRE_KEYLEN_MAX];
    int have = 0;
    int rc = node_key (key, sizeof (key), name);

    if (rc != PMI2_SUCCESS)
        return rc;
    while ((rc = PMI2_Info_GetJobAttr (key, value, valuelen, &have)) == PMI2_SUCCESS
           && !have && waitfor)
        nanosleep (&pause, NULL);
    if (found && rc == PMI2_SUCCESS)
        *found = have;
    return rc;
}

/* "localRanksCount" and "localRanks" */
int PMI2_Info_GetNodeAttrIntArray (const char *name, int *array, int arraylen, int *outlen,
                                   int *found)
{
    int rc = check_key (name);
    const int *src = NULL;
    int n = 0;

    if (rc != PMI2_SUCCESS)
        return rc;
    if (!array || arraylen < 1)
        return PMI2_ERR_INVALID_ARG;
    if (strcmp (name, "localRanksCount") == 0) {
        src = &nlocal;
        n = 1;
    }
    else if (strcmp (name, "localRanks") == 0) {
        src = local_ranks;
        n = nlocal;
    }
    if (src && arraylen < n)
        return PMI2_ERR_INVALID_LENGTH;
    if (src)
        memcpy (array, src, n * sizeof (*array));
    if (src && outlen)
        *outlen = n;
    if (found)
        *found = src != NULL;
    return PMI2_SUCCESS;
}

/* Not there: the server starts no processes and knows no names. */

int PMI2_Job_Spawn (int count, const char **cmds, int *argcs, const char **argvs[],
                    const int maxprocs[], const int *info_keyval_sizes,
                    const struct MPID_Info **info_keyval_vectors, int preput_keyval_size,
                    const struct MPID_Info **preput_keyval_vector, char *jobId, int jobIdSize,
                    int *errors)
{
    return PMI2_FAIL;
}

int PMI2_Job_Connect (const char *jobid, PMI2_Connect_comm_t *conn)
{
    return PMI2_FAIL;
}

int PMI2_Job_Disconnect (const char *jobid)
{
    return PMI2_FAIL;
}

int PMI2_Nameserv_publish (const char *service_name, const struct MPID_Info *info_ptr,
                           const char *port)
{
    return PMI2_FAIL;
}

int PMI2_Nameserv_unpublish (const char *service_name, const struct MPID_Info *info_ptr)
{
    return PMI2_FAIL;
}

int PMI2_Nameserv_lookup (const char *service_name, const struct MPID_Info *info_ptr, char *port,
                          int portLen)
{
    return PMI2_FAIL;
}
