/* waker.h - what wakes a thread that sleeps in its reactor
 *
 *      owner                               any thread
 *        waker_arm                           put something where the owner looks
 *        look; if there is nothing:          waker_claim: was it armed?
 *        sleep until waker_fd is readable      then waker_wake
 *        waker_disarm
 *
 * One for all the in-process handles of a reactor: who sends to a thread that is
 * awake, or that somebody else has woken already, makes no system call.  Nothing is
 * lost if what is put there is written, and looked at, with atomic operations that
 * are sequentially consistent.
 */
#ifndef CORE_WAKER_H
#define CORE_WAKER_H

#include <stdbool.h>

struct waker;

/* NULL with errno: no descriptor, no memory. */
struct waker *waker_new (void);
/* Any thread. */
struct waker *waker_ref (struct waker *w);
void waker_unref (struct waker *w);       /* NULL is fine */

/* The owner */
int waker_fd (const struct waker *w);
void waker_arm (struct waker *w);
void waker_disarm (struct waker *w);
/* The descriptor is readable: take in the wake-up. */
void waker_take (struct waker *w);

/* Others: true if the owner sleeps, or is about to; then it must be woken, which
 * only this caller is told. */
bool waker_claim (struct waker *w);
void waker_wake (struct waker *w);

#endif /* !CORE_WAKER_H */
