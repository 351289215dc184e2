/* read_yaml.h - YAML documents as JSON (libyaml), for jobspec files
 */
#ifndef GRAPH_READ_YAML_H
#define GRAPH_READ_YAML_H

#include <stddef.h>
#include <jansson.h>
#include <flux/core/types.h>

/* One document.  Plain scalars become null, booleans, integers and reals by their
 * look, as in the core schema of YAML 1.2; quoted ones are strings.  Aliases are
 * refused (they could make a small text a huge document), and so are keys twice.
 * NULL with errno EINVAL or ENOMEM and err->text: line, column, cause. */
json_t *yaml_to_json (const char *s, size_t len, flux_error_t *err);

#endif /* !GRAPH_READ_YAML_H */
