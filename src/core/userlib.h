/* userlib.h - open a shared object that a user built
 *
 * Modules and plugins name libflux-core.so and its sisters as what they need.  Those
 * are in this program already; the loader still wants to find the files.  They may
 * be where it does not look (in tree, or in a prefix of its own), so they are opened by
 * path before the first such object.  A search path in the program would do too, but
 * it makes every start of it slower.
 */
#ifndef CORE_USERLIB_H
#define CORE_USERLIB_H

/* As dlopen(3). */
void *userlib_open (const char *path, int flags);

#endif /* !CORE_USERLIB_H */
