/* boot.h - find the broker's place in the instance
 *
 * The first phase tells rank and size; with a size above one, the second
 * exchanges what brokers must know of each other to connect ("business cards").
 */
#ifndef BROKER_BOOT_H
#define BROKER_BOOT_H

#include <signal.h>
#include <stdint.h>
#include <flux/core/types.h>

#include "base/buf.h"

struct boot;

struct boot_info {
    uint32_t rank;
    uint32_t size;
    const char *method;        /* the first word of one of pmi/pmi.h */
    const char *jobid;         /* PMI's name of the program, or NULL */
    const char *note;          /* what a person should know of the outcome, or NULL */
    int level;                 /* of instances: 0 if no other is around */
    const char *mapping;       /* RFC 34 task map of brokers to nodes, or NULL */
    const char *interface_hint;  /* of the enclosing instance, or NULL */
};

/* 'method' is broker.boot-method or NULL to find one.  A signal handler that sets
 * *interrupt ends a call that waits for other brokers.  NULL and errno, with one line
 * in 'why', of any length: each method that was tried and why it would not do. */
struct boot *boot_begin (const char *method, const volatile sig_atomic_t *interrupt,
                         struct boot_info *info, struct buf *why);
/* Publish this broker's card and wait for those of all others. */
int boot_exchange (struct boot *b, const char *card, flux_error_t *err);
/* The card of a rank, for free(). */
char *boot_card (struct boot *b, uint32_t rank, flux_error_t *err);
/* boot_end() is to tell the launcher that this program is over before it began. */
void boot_abort (struct boot *b, const char *text);
/* May end the process, if it is to abort: to be called when all else is done. */
void boot_end (struct boot *b);

#endif /* !BROKER_BOOT_H */
