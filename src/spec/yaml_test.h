/* yaml_test.h - YAML to JSON, as much as the examples of the RFCs need (tests)
 */
#ifndef SPEC_YAML_TEST_H
#define SPEC_YAML_TEST_H

#include <jansson.h>

/* One document without anchors.  Plain scalars become null, booleans, integers
 * and reals by their look.  New reference or NULL. */
json_t *yaml_test_load (const char *path);

#endif /* !SPEC_YAML_TEST_H */
