/* control.c - control messages
 */
#include <errno.h>
#include <flux/core.h>

int flux_control_decode (const flux_msg_t *msg, int *type, int *status)
{
    int t;
    int mtype;
    int s;

    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    if (flux_msg_get_type (msg, &mtype) < 0
        || mtype != FLUX_MSGTYPE_CONTROL
        || flux_msg_get_control (msg, &t, &s) < 0) {
        errno = EPROTO;
        return -1;
    }
    if (type)
        *type = t;
    if (status)
        *status = s;
    return 0;
}

flux_msg_t *flux_control_encode (int type, int status)
{
    flux_msg_t *msg;

    if (!(msg = flux_msg_create (FLUX_MSGTYPE_CONTROL)))
        return NULL;
    if (flux_msg_set_control (msg, type, status) < 0) {
        flux_msg_decref (msg);
        return NULL;
    }
    return msg;
}
