/* heartbeat.h - the instance's pulse (flux-config-heartbeat(5))
 */
#ifndef MODULES_HEARTBEAT_HEARTBEAT_H
#define MODULES_HEARTBEAT_HEARTBEAT_H

#include "core/builtin.h"

extern const struct builtin heartbeat_builtin;

#endif /* !MODULES_HEARTBEAT_HEARTBEAT_H */
