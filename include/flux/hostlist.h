/* hostlist.h - ordered lists of host names (RFC 29)
 *
 * Manual: hostlist_create(3).
 *
 * A list may hold a name more than once.  Names in a row that differ in one
 * number only are kept, and encoded, as a range.  A list has a cursor, at first
 * on the first host; a string that is returned belongs to the list and is valid
 * until the next call that moves the cursor.
 *
 * On failure functions return NULL or -1 with errno set: EINVAL (NULL, or text
 * that is not RFC 29), ERANGE (more than INT_MAX hosts, numbers of more than 18
 * digits), ENOENT (no such host or index), ENOMEM; the list is unchanged.  One
 * list must not be used by two threads at once.
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

/* Append the hosts of an RFC 29 string.  Returns how many. */
int hostlist_append (struct hostlist *hl, const char *hosts);

/* Append the hosts of hl2 to hl1.  Returns how many. */
int hostlist_append_list (struct hostlist *hl1, struct hostlist *hl2);

/* A copy, cursor included. */
struct hostlist *hostlist_copy (const struct hostlist *hl);

/* The number of hosts; 0 if hl is NULL. */
int hostlist_count (struct hostlist *hl);

/* An empty list, to be freed with hostlist_destroy(). */
struct hostlist *hostlist_create (void);

/* The host at the cursor; NULL with ENOENT at the end of the list. */
const char *hostlist_current (struct hostlist *hl);

/* A list of the hosts of an RFC 29 string such as "foo[1-3,7],bar". */
struct hostlist *hostlist_decode (const char *s);

/* Delete all hosts that an RFC 29 string names, wherever they are in the list.
 * Returns how many.  The cursor stays on its host, or goes to the next that is
 * left. */
int hostlist_delete (struct hostlist *hl, const char *hosts);

/* NULL is ignored; errno is kept. */
void hostlist_destroy (struct hostlist *hl);

/* The list as an RFC 29 string, to be freed with free(). */
char *hostlist_encode (struct hostlist *hl);

/* Move the cursor to the first host of this name.  Returns its index. */
int hostlist_find (struct hostlist *hl, const char *hostname);

/* The same with a name that was parsed once, for many searches. */
int hostlist_find_hostname (struct hostlist *hl, struct hostlist_hostname *hn);

/* Move the cursor to the first host and return it. */
const char *hostlist_first (struct hostlist *hl);

/* Parse a host name for hostlist_find_hostname(). */
struct hostlist_hostname *hostlist_hostname_create (const char *hostname);

void hostlist_hostname_destroy (struct hostlist_hostname *hn);

/* Move the cursor to the last host and return it. */
const char *hostlist_last (struct hostlist *hl);

/* Move the cursor to the next host and return it. */
const char *hostlist_next (struct hostlist *hl);

/* Move the cursor to the host with index n, from 0, and return it. */
const char *hostlist_nth (struct hostlist *hl, int n);

/* Remove the host at the cursor; the next one becomes current.  Returns 1, or 0
 * if the cursor is at the end. */
int hostlist_remove_current (struct hostlist *hl);

/* Sort by name, numbers by value.  Without memory, or if the list repeats
 * about a million names, it stays as it is. */
void hostlist_sort (struct hostlist *hl);

/* Sort, and keep each name once. */
void hostlist_uniq (struct hostlist *hl);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_HOSTLIST_H */
