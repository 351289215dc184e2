/* pmi2.h - PMI-2 client interface
 *
 * The calls of PMI-2 that MPI libraries start with, over the PMI-1 connection that
 * PMI_FD names.  Link with -lpmi2 (pkg-config flux-pmi).
 *
 * Every call gives PMI2_SUCCESS, or one of the errors below; PMI2_ERR_INIT before
 * PMI2_Init() and after PMI2_Finalize().  Results are changed only on success.
 * Lengths include the NUL.  Calls block until the server has answered.
 */
#ifndef _FLUX_PMI2_H
#define _FLUX_PMI2_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FLUX_PMI2_H_INCLUDED 
#define PMI2_ERR_INIT 1
#define PMI2_ERR_INVALID_ARG 3
#define PMI2_ERR_INVALID_ARGS 10
#define PMI2_ERR_INVALID_KEY 4
#define PMI2_ERR_INVALID_KEYVALP 12
#define PMI2_ERR_INVALID_KEY_LENGTH 5
#define PMI2_ERR_INVALID_LENGTH 8
#define PMI2_ERR_INVALID_NUM_ARGS 9
#define PMI2_ERR_INVALID_NUM_PARSED 11
#define PMI2_ERR_INVALID_SIZE 13
#define PMI2_ERR_INVALID_VAL 6
#define PMI2_ERR_INVALID_VAL_LENGTH 7
#define PMI2_ERR_NOMEM 2
#define PMI2_ERR_OTHER 14
#define PMI2_FAIL -1
#define PMI2_ID_NULL -1
#define PMI2_MAX_ATTRVALUE 1024
#define PMI2_MAX_KEYLEN 64
#define PMI2_MAX_VALLEN 1024
#define PMI2_SUCCESS 0

typedef struct MPID_Info {
    int handle;
    int pobj_mutex;
    int ref_count;
    struct MPID_Info *next;
    char *key;
    char *value;
} MPID_Info;

typedef struct PMI2_Connect_comm {
    int (*read) (void *buf, int maxlen, void *ctx);
    int (*write) (const void *buf, int len, void *ctx);
    void *ctx;
    int isMaster;
} PMI2_Connect_comm_t;

/* Print the message (may be NULL) to standard error and exit with code 1; with 'flag'
 * the whole program ends.  Does not return. */
int PMI2_Abort (int flag, const char *msg);

int PMI2_Finalize (void);

/* Attributes of the program: PMI_process_mapping, universeSize, and keys that have been
 * put.  *found says if there is one of that name; a value that is too long is cut. */
int PMI2_Info_GetJobAttr (const char *name,
                          char *value,
                          int valuelen,
                          int *found);

int PMI2_Info_GetJobAttrIntArray (const char *name,
                                  int *array,
                                  int arraylen,
                                  int *outlen,
                                  int *found);

/* What a process of this node has put with PMI2_Info_PutNodeAttr(); 'waitfor' waits
 * until one has. */
int PMI2_Info_GetNodeAttr (const char *name,
                           char *value,
                           int valuelen,
                           int *found,
                           int waitfor);

/* localRanks: the ranks on this node; localRanksCount: how many. */
int PMI2_Info_GetNodeAttrIntArray (const char *name,
                                   int *array,
                                   int arraylen,
                                   int *outlen,
                                   int *found);

/* How many processes of the program are on this node. */
int PMI2_Info_GetSize (int *size);

int PMI2_Info_PutNodeAttr (const char *name, const char *value);

/* Connect by PMI_FD, PMI_RANK and PMI_SIZE. */
int PMI2_Init (int *spawned, int *size, int *rank, int *appnum);

/* 1 or 0. */
int PMI2_Initialized (void);

/* Not supported: these fail. */
int PMI2_Job_Connect (const char *jobid, PMI2_Connect_comm_t *conn);

int PMI2_Job_Disconnect (const char *jobid);

int PMI2_Job_GetId (char *jobid, int jobid_size);

int PMI2_Job_GetRank (int *rank);

/* Not supported: fails. */
int PMI2_Job_Spawn (int count,
                    const char **cmds,
                    int *argcs,
                    const char **argvs[],
                    const int maxprocs[],
                    const int *info_keyval_sizes,
                    const struct MPID_Info **info_keyval_vectors,
                    int preput_keyval_size,
                    const struct MPID_Info **preput_keyval_vector,
                    char *jobId,
                    int jobIdSize,
                    int *errors);

/* Wait until all processes of the program are here; what they have put can then be
 * read. */
int PMI2_KVS_Fence (void);

/* 'jobid' is that of this program, or NULL; 'src_pmi_id' is not looked at.  *vallen is
 * the length of the value, or, if it had to be cut, the negative of its length. */
int PMI2_KVS_Get (const char *jobid,
                  int src_pmi_id,
                  const char *key,
                  char *value,
                  int maxvalue,
                  int *vallen);

/* A key may be put once (else PMI2_FAIL). */
int PMI2_KVS_Put (const char *key, const char *value);

/* Not supported: these fail. */
int PMI2_Nameserv_lookup (const char *service_name,
                          const struct MPID_Info *info_ptr,
                          char *port,
                          int portLen);

int PMI2_Nameserv_publish (const char *service_name,
                           const struct MPID_Info *info_ptr,
                           const char *port);

int PMI2_Nameserv_unpublish (const char *service_name,
                             const struct MPID_Info *info_ptr);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_PMI2_H */
