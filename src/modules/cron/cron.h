/* cron.h - the cron service: commands at times and events (flux-cron(1))
 */
#ifndef CRON_CRON_H
#define CRON_CRON_H

#include "core/builtin.h"

extern const struct builtin cron_builtin;

#endif /* !CRON_CRON_H */
