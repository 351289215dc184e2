/* hostlist.h - lists of host names (RFC 29; man3 hostlist_create)
 */
#ifndef _FLUX_HOSTLIST_H
#define _FLUX_HOSTLIST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct hostlist;
struct hostlist_hostname;

#ifdef __cplusplus
extern "C" {
#endif

#define hostlist_is_empty(__hl) (hostlist_count (__hl) == 0)

int hostlist_append (struct hostlist *hl, const char *hosts);

int hostlist_append_list (struct hostlist *hl1, struct hostlist *hl2);

struct hostlist *hostlist_copy (const struct hostlist *hl);

int hostlist_count (struct hostlist *hl);

struct hostlist *hostlist_create (void);

const char *hostlist_current (struct hostlist *hl);

struct hostlist *hostlist_decode (const char *s);

int hostlist_delete (struct hostlist *hl, const char *hosts);

void hostlist_destroy (struct hostlist *hl);

char *hostlist_encode (struct hostlist *hl);

int hostlist_find (struct hostlist *hl, const char *hostname);

int hostlist_find_hostname (struct hostlist *hl, struct hostlist_hostname *hn);

const char *hostlist_first (struct hostlist *hl);

struct hostlist_hostname *hostlist_hostname_create (const char *hostname);

void hostlist_hostname_destroy (struct hostlist_hostname *hn);

const char *hostlist_last (struct hostlist *hl);

const char *hostlist_next (struct hostlist *hl);

const char *hostlist_nth (struct hostlist *hl, int n);

int hostlist_remove_current (struct hostlist *hl);

void hostlist_sort (struct hostlist *hl);

void hostlist_uniq (struct hostlist *hl);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_HOSTLIST_H */
