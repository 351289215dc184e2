/* attr_flags.h - the "flags" of an attr.get response
 */
#ifndef CORE_ATTR_FLAGS_H
#define CORE_ATTR_FLAGS_H

enum {
    ATTR_IMMUTABLE = 1, /* clients may cache the value for good */
};

#endif /* !CORE_ATTR_FLAGS_H */
