/* module_state.h - states of a module as module.status reports them (RFC 5)
 */
#ifndef CORE_MODULE_STATE_H
#define CORE_MODULE_STATE_H

enum module_state {
    MODULE_STATE_INIT = 0,
    MODULE_STATE_RUNNING = 1,
    MODULE_STATE_FINALIZING = 2,
    MODULE_STATE_EXITED = 3,
};

/* Aux item of a module's handle: int *, the debug mask. */
#define MODULE_DEBUG_AUX "flux::debug_flags"

#endif /* !CORE_MODULE_STATE_H */
