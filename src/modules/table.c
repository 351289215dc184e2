/* table.c - the built-in services, in the order the default start-up has them
 */
#include "core/builtin.h"

const struct builtin builtin_table[] = {
    { .name = NULL },
};

const struct builtin_data builtin_data_table[] = {
    { .name = NULL },
};
