/* brokersvc.h - small services of the broker: broker.*, shutdown.*, runat.*
 */
#ifndef BROKER_BROKERSVC_H
#define BROKER_BROKERSVC_H

#include <flux/core.h>
#include "broker/environment.h"
#include "broker/life.h"

struct brokersvc;

struct brokersvc *brokersvc_new (flux_t *h, struct life *life, struct attrs *attrs,
                                 struct environment *env, uint32_t rank);
void brokersvc_free (struct brokersvc *bs);

#endif /* !BROKER_BROKERSVC_H */
