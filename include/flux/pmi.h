/* pmi.h - PMI-1 client interface (RFC 13)
 *
 * For a parallel program to find its place and its peers.  Link with -lpmi (pkg-config
 * flux-pmi), or open the library that FLUX_PMI_LIBRARY_PATH names.
 *
 * Every call gives PMI_SUCCESS, or one of the errors below; PMI_ERR_INIT before
 * PMI_Init() and after PMI_Finalize().  Results are changed only on success.  Lengths
 * include the NUL.  Calls block until the server has answered; there is one
 * connection a process, for one thread at a time.
 */
#ifndef _FLUX_PMI_H
#define _FLUX_PMI_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FLUX_PMI_H_INCLUDED 
#define PMI_ERR_INIT 1
#define PMI_ERR_INVALID_ARG 3
#define PMI_ERR_INVALID_ARGS 10
#define PMI_ERR_INVALID_KEY 4
#define PMI_ERR_INVALID_KEYVALP 12
#define PMI_ERR_INVALID_KEY_LENGTH 5
#define PMI_ERR_INVALID_LENGTH 8
#define PMI_ERR_INVALID_NUM_ARGS 9
#define PMI_ERR_INVALID_NUM_PARSED 11
#define PMI_ERR_INVALID_SIZE 13
#define PMI_ERR_INVALID_VAL 6
#define PMI_ERR_INVALID_VAL_LENGTH 7
#define PMI_ERR_NOMEM 2
#define PMI_FAIL -1
#define PMI_SUCCESS 0

typedef struct {
    const char *key;
    char *val;
} PMI_keyval_t;

/* End the whole program: print the message (may be NULL) to standard error, and exit
 * with the code, which is then the job's.  Does not return. */
int PMI_Abort (int exit_code, const char *error_msg);

/* Wait until all processes of the program are here; what they have put can then be
 * read.  PMI_FAIL: one of them is gone. */
int PMI_Barrier (void);

int PMI_Finalize (void);

/* Optional in RFC 13: fails. */
int PMI_Free_keyvals (PMI_keyval_t *keyvalp, int size);

/* 0: a job is one program. */
int PMI_Get_appnum (int *appnum);

/* Ranks on this node, ascending, and how many there are.  PMI_ERR_INVALID_LENGTH: the
 * array is too short. */
int PMI_Get_clique_ranks (int *ranks, int length);

int PMI_Get_clique_size (int *size);

/* The same as PMI_KVS_Get_my_name(), PMI_KVS_Get_name_length_max(). */
int PMI_Get_id (char *kvsname, int length);

int PMI_Get_id_length_max (int *length);

int PMI_Get_kvs_domain_id (char *kvsname, int length);

/* Optional in RFC 13: fails. */
int PMI_Get_options (char *str, int *length);

/* 0 to size - 1. */
int PMI_Get_rank (int *rank);

int PMI_Get_size (int *size);

int PMI_Get_universe_size (int *size);

/* Connect by PMI_FD, PMI_RANK and PMI_SIZE.  *spawned is 1 in a program that another
 * one has spawned.  PMI_FAIL: there is no server, it speaks another version, or this
 * process is connected already.  With FLUX_PMI_DEBUG set each line is shown on
 * standard error. */
int PMI_Init (int *spawned);

int PMI_Initialized (int *initialized);

/* Nothing: PMI_KVS_Put() waits for the server. */
int PMI_KVS_Commit (const char *kvsname);

/* Optional in RFC 13: these fail. */
int PMI_KVS_Create (char *kvsname, int length);

int PMI_KVS_Destroy (const char *kvsname);

/* PMI_ERR_INVALID_KEY: there is no such key; PMI_ERR_INVALID_LENGTH: the value does
 * not fit. */
int PMI_KVS_Get (const char *kvsname, const char *key, char *value, int length);

int PMI_KVS_Get_key_length_max (int *length);

/* The key space of the program; there is no other. */
int PMI_KVS_Get_my_name (char *kvsname, int length);

int PMI_KVS_Get_name_length_max (int *length);

int PMI_KVS_Get_value_length_max (int *length);

/* Optional in RFC 13: these fail. */
int PMI_KVS_Iter_first (const char *kvsname,
                        char *key,
                        int key_len,
                        char *val,
                        int val_len);

int PMI_KVS_Iter_next (const char *kvsname,
                       char *key,
                       int key_len,
                       char *val,
                       int val_len);

/* A key may be put once (else PMI_FAIL); it has no space and no '='. */
int PMI_KVS_Put (const char *kvsname, const char *key, const char *value);

/* Names, options and spawning are optional in RFC 13: the calls below fail. */
int PMI_Lookup_name (const char *service_name, char *port);

int PMI_Parse_option (int num_args,
                      char **args,
                      int *num_parsed,
                      PMI_keyval_t **keyvalp,
                      int *size);

int PMI_Publish_name (const char *service_name, const char *port);

int PMI_Spawn_multiple (int count,
                        const char *cmds[],
                        const char **argvs[],
                        const int *maxprocs,
                        const int *info_keyval_sizesp,
                        const PMI_keyval_t **info_keyval_vectors,
                        int preput_keyval_size,
                        const PMI_keyval_t preput_keyval_vector[],
                        int *errors);

int PMI_Unpublish_name (const char *service_name);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_PMI_H */
