/* builtins.h - the built-in plugins of the shell, one line each
 */
#ifndef SHELL_BUILTINS_H
#define SHELL_BUILTINS_H

struct shell_builtin;

#endif /* !SHELL_BUILTINS_H */
