/* schedutil.h - help for writing a scheduler that speaks RFC 27
 */
#ifndef _FLUX_SCHEDUTIL_H
#define _FLUX_SCHEDUTIL_H

#include <flux/schedutil/ops.h>
#include <flux/schedutil/init.h>
#include <flux/schedutil/alloc.h>
#include <flux/schedutil/free.h>
#include <flux/schedutil/hello.h>
#include <flux/schedutil/ready.h>

#endif /* !_FLUX_SCHEDUTIL_H */
