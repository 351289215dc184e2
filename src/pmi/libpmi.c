/* libpmi.c - the PMI-1 calls (<flux/pmi.h>) over the wire protocol
 *
 * The interface has no handle, so the connection is a global; it is not for use by
 * several threads at once, as RFC 13 says of PMI-1.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <flux/pmi.h>

#include "pmi/client.h"
#include "pmi/clique.h"
#include "pmi/wire.h"

/* By this a PMI client that is itself part of Flux knows the library. */
extern const char flux_pmi_library[];
const char flux_pmi_library[] = "libpmi.so of Flux";

static struct pmi_client *client;

static int copy_out (const char *s, char *buf, int length)
{
    size_t n = strlen (s);

    if (length < 1 || n >= (size_t)length)
        return PMI_ERR_INVALID_LENGTH;
    memcpy (buf, s, n + 1);
    return PMI_SUCCESS;
}

static int give_int (int *dst, int val)
{
    if (!client)
        return PMI_ERR_INIT;
    if (!dst)
        return PMI_ERR_INVALID_ARG;
    *dst = val;
    return PMI_SUCCESS;
}

/* Life */

int PMI_Init (int *spawned)
{
    const char *s = getenv ("PMI_SPAWNED");
    flux_error_t err;

    if (!spawned)
        return PMI_ERR_INVALID_ARG;
    if (client || !(client = pmi_client_open_env (getenv ("FLUX_PMI_DEBUG") != NULL, NULL, &err)))
        return PMI_FAIL;
    *spawned = s && strcmp (s, "1") == 0;
    return PMI_SUCCESS;
}

int PMI_Initialized (int *initialized)
{
    if (!initialized)
        return PMI_ERR_INVALID_ARG;
    *initialized = client != NULL;
    return PMI_SUCCESS;
}

int PMI_Finalize (void)
{
    flux_error_t err;
    int rc;

    if (!client)
        return PMI_ERR_INIT;
    rc = pmi_client_finalize (client, &err);
    pmi_client_close (client);
    client = NULL;
    return rc < 0 ? PMI_FAIL : PMI_SUCCESS;
}

int PMI_Abort (int exit_code, const char *error_msg)
{
    if (client)
        pmi_client_abort (client, exit_code, error_msg);
    if (error_msg)
        fprintf (stderr, "%s\n", error_msg);
    exit (exit_code);
}

/* The program */

int PMI_Get_size (int *size)
{
    return give_int (size, client ? pmi_client_size (client) : 0);
}

int PMI_Get_rank (int *rank)
{
    return give_int (rank, client ? pmi_client_rank (client) : 0);
}

static int ask_int (int (*ask) (struct pmi_client *, int *, flux_error_t *), int *dst)
{
    flux_error_t err;
    int val;

    if (!client)
        return PMI_ERR_INIT;
    if (!dst)
        return PMI_ERR_INVALID_ARG;
    if (ask (client, &val, &err) < 0)
        return PMI_FAIL;
    *dst = val;
    return PMI_SUCCESS;
}

int PMI_Get_universe_size (int *size)
{
    return ask_int (pmi_client_universe_size, size);
}

int PMI_Get_appnum (int *appnum)
{
    return ask_int (pmi_client_appnum, appnum);
}

/* *listp, with *countp ranks, is to be freed. */
static int get_clique (int **listp, int *countp)
{
    if (!client)
        return PMI_ERR_INIT;
    return pmi_clique (client, listp, countp) < 0 ? PMI_FAIL : PMI_SUCCESS;
}

int PMI_Get_clique_size (int *size)
{
    int *list = NULL;
    int count;
    int rc = size ? get_clique (&list, &count) : PMI_ERR_INVALID_ARG;

    if (rc == PMI_SUCCESS)
        *size = count;
    free (list);
    return rc;
}

int PMI_Get_clique_ranks (int *ranks, int length)
{
    int *list = NULL;
    int count;
    int rc = ranks ? get_clique (&list, &count) : PMI_ERR_INVALID_ARG;

    if (rc == PMI_SUCCESS && length < count)
        rc = PMI_ERR_INVALID_LENGTH;
    if (rc == PMI_SUCCESS)
        memcpy (ranks, list, count * sizeof (*ranks));
    free (list);
    return rc;
}

/* Keys */

int PMI_KVS_Get_name_length_max (int *length)
{
    return give_int (length, client ? (int)pmi_client_kvsname_max (client) : 0);
}

int PMI_KVS_Get_key_length_max (int *length)
{
    return give_int (length, client ? (int)pmi_client_keylen_max (client) : 0);
}

int PMI_KVS_Get_value_length_max (int *length)
{
    return give_int (length, client ? (int)pmi_client_vallen_max (client) : 0);
}

int PMI_Get_id_length_max (int *length)
{
    return PMI_KVS_Get_name_length_max (length);
}

int PMI_KVS_Get_my_name (char *kvsname, int length)
{
    if (!client)
        return PMI_ERR_INIT;
    if (!kvsname)
        return PMI_ERR_INVALID_ARG;
    return copy_out (pmi_client_kvsname (client), kvsname, length);
}

int PMI_Get_kvs_domain_id (char *kvsname, int length)
{
    return PMI_KVS_Get_my_name (kvsname, length);
}

int PMI_Get_id (char *kvsname, int length)
{
    return PMI_KVS_Get_my_name (kvsname, length);
}

/* There is one key space, that of the program. */
static int check_name (const char *kvsname)
{
    if (!client)
        return PMI_ERR_INIT;
    if (!kvsname || strcmp (kvsname, pmi_client_kvsname (client)) != 0)
        return PMI_ERR_INVALID_ARG;
    return PMI_SUCCESS;
}

static int check_key (const char *key)
{
    if (!key || !pmi_wire_is_word (key))
        return PMI_ERR_INVALID_KEY;
    if (strlen (key) >= pmi_client_keylen_max (client))
        return PMI_ERR_INVALID_KEY_LENGTH;
    return PMI_SUCCESS;
}

int PMI_KVS_Put (const char *kvsname, const char *key, const char *value)
{
    flux_error_t err;
    int rc = check_name (kvsname);

    if (rc != PMI_SUCCESS || (rc = check_key (key)) != PMI_SUCCESS)
        return rc;
    if (!value || !pmi_wire_is_string (value))
        return PMI_ERR_INVALID_VAL;
    if (strlen (value) >= pmi_client_vallen_max (client))
        return PMI_ERR_INVALID_VAL_LENGTH;
    return pmi_client_put (client, key, value, &err) < 0 ? PMI_FAIL : PMI_SUCCESS;
}

/* A put is with the server already. */
int PMI_KVS_Commit (const char *kvsname)
{
    return check_name (kvsname);
}

int PMI_KVS_Get (const char *kvsname, const char *key, char *value, int length)
{
    flux_error_t err;
    const char *s;
    int rc = check_name (kvsname);

    if (rc != PMI_SUCCESS || (rc = check_key (key)) != PMI_SUCCESS)
        return rc;
    if (!value)
        return PMI_ERR_INVALID_VAL;
    rc = pmi_client_get (client, key, &s, &err);
    if (rc == -ENOENT)
        return PMI_ERR_INVALID_KEY;
    return rc < 0 ? PMI_FAIL : copy_out (s, value, length);
}

int PMI_Barrier (void)
{
    flux_error_t err;

    if (!client)
        return PMI_ERR_INIT;
    return pmi_client_barrier (client, &err) < 0 ? PMI_FAIL : PMI_SUCCESS;
}

/* Optional in RFC 13, and not there: the server has no other key spaces, no names,
 * and starts no processes. */

int PMI_KVS_Create (char *kvsname, int length)
{
    return PMI_FAIL;
}

int PMI_KVS_Destroy (const char *kvsname)
{
    return PMI_FAIL;
}

int PMI_KVS_Iter_first (const char *kvsname, char *key, int key_len, char *val, int val_len)
{
    return PMI_FAIL;
}

int PMI_KVS_Iter_next (const char *kvsname, char *key, int key_len, char *val, int val_len)
{
    return PMI_FAIL;
}

int PMI_Spawn_multiple (int count, const char *cmds[], const char **argvs[], const int *maxprocs,
                        const int *info_keyval_sizesp, const PMI_keyval_t **info_keyval_vectors,
                        int preput_keyval_size, const PMI_keyval_t preput_keyval_vector[],
                        int *errors)
{
    return PMI_FAIL;
}

int PMI_Publish_name (const char *service_name, const char *port)
{
    return PMI_FAIL;
}

int PMI_Unpublish_name (const char *service_name)
{
    return PMI_FAIL;
}

int PMI_Lookup_name (const char *service_name, char *port)
{
    return PMI_FAIL;
}

int PMI_Parse_option (int num_args, char **args, int *num_parsed, PMI_keyval_t **keyvalp,
                      int *size)
{
    return PMI_FAIL;
}

int PMI_Free_keyvals (PMI_keyval_t *keyvalp, int size)
{
    return PMI_FAIL;
}

int PMI_Get_options (char *str, int *length)
{
    return PMI_FAIL;
}
