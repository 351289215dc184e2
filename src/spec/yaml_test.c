/* yaml_test.c - YAML to JSON for tests, from libyaml events
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "spec/yaml_test.h"

static json_t *load_node (yaml_parser_t *parser, yaml_event_t *ev);

static json_t *load_scalar (const yaml_event_t *ev)
{
    const char *s = (const char *)ev->data.scalar.value;
    char *end;

    if (ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return json_string (s);
    if (strcmp (s, "null") == 0 || strcmp (s, "~") == 0 || s[0] == '\0')
        return json_null ();
    if (strcmp (s, "true") == 0 || strcmp (s, "false") == 0)
        return json_boolean (s[0] == 't');
    if (strspn (s, "+-0123456789.eE") == strlen (s)) {
        long long i = strtoll (s, &end, 10);
        double d;

        if (*end == '\0')
            return json_integer (i);
        d = strtod (s, &end);
        if (*end == '\0')
            return json_real (d);
    }
    return json_string (s);
}

static json_t *load_sequence (yaml_parser_t *parser)
{
    json_t *o = json_array ();
    yaml_event_t ev;

    while (yaml_parser_parse (parser, &ev)) {
        json_t *value;
        bool end = ev.type == YAML_SEQUENCE_END_EVENT;

        if (!end && (value = load_node (parser, &ev)))
            json_array_append_new (o, value);
        yaml_event_delete (&ev);
        if (end)
            return o;
    }
    json_decref (o);
    return NULL;
}

static json_t *load_mapping (yaml_parser_t *parser)
{
    json_t *o = json_object ();
    yaml_event_t ev, val;

    while (yaml_parser_parse (parser, &ev)) {
        bool end = ev.type == YAML_MAPPING_END_EVENT;

        if (!end && yaml_parser_parse (parser, &val)) {
            json_object_set_new (o, (const char *)ev.data.scalar.value,
                                 load_node (parser, &val));
            yaml_event_delete (&val);
        }
        yaml_event_delete (&ev);
        if (end)
            return o;
    }
    json_decref (o);
    return NULL;
}

static json_t *load_node (yaml_parser_t *parser, yaml_event_t *ev)
{
    switch (ev->type) {
        case YAML_SCALAR_EVENT:
            return load_scalar (ev);
        case YAML_SEQUENCE_START_EVENT:
            return load_sequence (parser);
        case YAML_MAPPING_START_EVENT:
            return load_mapping (parser);
        default:
            return NULL;
    }
}

json_t *yaml_test_load (const char *path)
{
    yaml_parser_t parser;
    yaml_event_t ev;
    json_t *o = NULL;
    FILE *f;

    if (!(f = fopen (path, "r")))
        return NULL;
    yaml_parser_initialize (&parser);
    yaml_parser_set_input_file (&parser, f);
    while (yaml_parser_parse (&parser, &ev)) {
        bool end = ev.type == YAML_STREAM_END_EVENT;

        if (!o)
            o = load_node (&parser, &ev);
        yaml_event_delete (&ev);
        if (end)
            break;
    }
    yaml_parser_delete (&parser);
    fclose (f);
    return o;
}
