/* trace.h - message summaries as they come (flux-overlay(1), flux-module(1): trace)
 */
#ifndef CMD_TRACE_H
#define CMD_TRACE_H

#include <flux/core.h>
#include <flux/optparse.h>
#include <jansson.h>

/* Options that both commands have: --full, --type, --color, --human, --delta. */
#define TRACE_OPTIONS \
    { .name = "full", .key = 'f', .usage = "Include JSON payload in output, if any" }, \
    { .name = "type", .key = 't', .has_arg = 1, .arginfo = "TYPE,...", \
      .usage = "Filter by message type: request, response, event, control" }, \
    { .name = "color", .key = 'L', .has_arg = 2, .arginfo = "WHEN", \
      .flags = OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG, \
      .usage = "Colorize output: always, never, auto" }, \
    { .name = "human", .key = 'H', .usage = "Display human-readable output" }, \
    { .name = "delta", .key = 'd', \
      .usage = "With --human, display the time since the last message" }

/* Send 'request' (an object, taken), with the types of --type, to the streaming
 * service 'topic' and print what comes until the stream ends. */
void trace_run (optparse_t *p, flux_t *h, const char *topic, json_t *request);

#endif /* !CMD_TRACE_H */
