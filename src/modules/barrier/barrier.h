/* barrier.h - wait until N processes have come (barrier.enter)
 */
#ifndef MODULES_BARRIER_BARRIER_H
#define MODULES_BARRIER_BARRIER_H

#include "core/builtin.h"

extern const struct builtin barrier_builtin;

#endif /* !MODULES_BARRIER_BARRIER_H */
