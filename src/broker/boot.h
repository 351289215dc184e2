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

struct boot;

struct boot_info {
    uint32_t rank;
    uint32_t size;
    const char *method;        /* "simple" or "single" */
    const char *jobid;         /* PMI's name of the program, or NULL */
    int level;                 /* of instances: 0 if no other is around */
    const char *mapping;       /* RFC 34 task map of brokers to nodes, or NULL */
    const char *interface_hint;  /* of the enclosing instance, or NULL */
};

/* 'method' is broker.boot-method or NULL to find one.  A signal handler that sets
 * *interrupt ends a call that waits for other brokers.  NULL and errno with
 * err->text. */
struct boot *boot_begin (const char *method, const volatile sig_atomic_t *interrupt,
                         struct boot_info *info, flux_error_t *err);
/* Publish this broker's card and wait for those of all others. */
int boot_exchange (struct boot *b, const char *card, flux_error_t *err);
/* The card of a rank, for free(). */
char *boot_card (struct boot *b, uint32_t rank, flux_error_t *err);
/* Tell the process manager that this program is over before it began. */
void boot_abort (struct boot *b, const char *text);
void boot_end (struct boot *b);

#endif /* !BROKER_BOOT_H */
