/* core.h - everything a Flux program or broker module includes
 */
#ifndef _FLUX_CORE_H
#define _FLUX_CORE_H

/* programs written for Flux take these from here, the examples of its manual pages too */
#include <errno.h>
#include <string.h>

#include <flux/core/types.h>
#include <flux/core/message.h>
#include <flux/core/conf.h>
#include <flux/core/handle.h>
#include <flux/core/conf_builtin.h>
#include <flux/core/connector.h>
#include <flux/core/control.h>
#include <flux/core/reactor.h>
#include <flux/core/watcher.h>
#include <flux/core/msg_handler.h>
#include <flux/core/msglist.h>
#include <flux/core/future.h>
#include <flux/core/flog.h>
#include <flux/core/attr.h>
#include <flux/core/rpc.h>
#include <flux/core/request.h>
#include <flux/core/response.h>
#include <flux/core/event.h>
#include <flux/core/service.h>
#include <flux/core/method.h>
#include <flux/core/disconnect.h>
#include <flux/core/module.h>
#include <flux/core/plugin.h>
#include <flux/core/stats.h>
#include <flux/core/sync.h>
#include <flux/core/hosts.h>
#include <flux/core/kvs.h>
#include <flux/core/job.h>
#include <flux/core/jobspec1.h>
#include <flux/core/command.h>
#include <flux/core/subprocess.h>
#include <flux/core/version.h>

#endif /* !_FLUX_CORE_H */
