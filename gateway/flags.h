#ifndef RUNSD_GATEWAY_FLAGS_H
#define RUNSD_GATEWAY_FLAGS_H

#include <stdint.h>

#include "base/cli/command_line.h"
#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/process/descriptor_limit.h"
#include "gateway/options.h"

// The options of the command line that set up a gateway, for each program that has
// one in it.

enum {
    GATEWAY_FLAG_ENVELOPE,
    GATEWAY_FLAG_IGNORE_UNKNOWN,
    GATEWAY_FLAG_CORS_ORIGIN,
    GATEWAY_FLAG_CORS_CREDENTIALS,
    GATEWAY_FLAG_CORS_MAX_AGE,
    GATEWAY_FLAG_REQUEST_HEADER,
    GATEWAY_FLAG_RESPONSE_HEADER,
    GATEWAY_FLAG_GZIP,
    GATEWAY_FLAG_HEARTBEAT,
    GATEWAY_FLAG_WEB,
    GATEWAY_FLAG_MAX_HEADER,
    GATEWAY_FLAG_MAX_BODY,
    GATEWAY_FLAG_MAX_URL,
    GATEWAY_FLAG_MAX_BUFFERED,
    GATEWAY_FLAG_MAX_CONNECTIONS,
    GATEWAY_FLAG_MAX_IN_FLIGHT,
    GATEWAY_FLAG_RESERVED_IN_FLIGHT,
    GATEWAY_FLAG_MAX_STREAMS,
    GATEWAY_FLAG_IDLE_TIMEOUT,
    GATEWAY_FLAG_REQUEST_TIMEOUT,
    GATEWAY_FLAG_UPSTREAM_TIMEOUT,
    GATEWAY_FLAG_COUNT,
};

extern const char *const gateway_envelope_words[]; // by enum envelope_kind
extern const char *const gateway_gzip_words[];
extern const char *const gateway_web_words[];

// The rows of a table of options, from index first on.
// clang-format off
#define GATEWAY_FLAGS(first)                                                                       \
    [(first) + GATEWAY_FLAG_ENVELOPE] = {                                                          \
        .name = "--envelope", .kind = OPTION_CHOICE, .value = "KIND",                              \
        .help = "runs: {code, data, message, requestId} around replies;\n"                         \
                "none: messages as they are, errors as google.rpc.Status [runs]",                  \
        .words = gateway_envelope_words},                                                          \
    [(first) + GATEWAY_FLAG_IGNORE_UNKNOWN] = {                                                    \
        .name = "--ignore-unknown-fields", .kind = OPTION_FLAG,                                    \
        .help = "of JSON bodies, instead of refusing them"},                                       \
    [(first) + GATEWAY_FLAG_CORS_ORIGIN] = {                                                       \
        .name = "--cors-origin", .kind = OPTION_LIST, .value = "ORIGIN", .maximum = 64,            \
        .help = "scheme://host[:port] whose pages may read replies, or *"},                        \
    [(first) + GATEWAY_FLAG_CORS_CREDENTIALS] = {                                                  \
        .name = "--cors-credentials", .kind = OPTION_FLAG,                                         \
        .help = "lets these pages send cookies and client certificates"},                          \
    [(first) + GATEWAY_FLAG_CORS_MAX_AGE] = {                                                      \
        .name = "--cors-max-age-s", .kind = OPTION_NUMBER, .value = "N", .minimum = 1,             \
        .maximum = 86400, .help = "how long browsers keep a preflight's answer [600]"},            \
    [(first) + GATEWAY_FLAG_REQUEST_HEADER] = {                                                    \
        .name = "--request-header", .kind = OPTION_LIST, .value = "NAME[=KEY]", .maximum = 64,     \
        .help = "HTTP header passed on as metadata"},                                              \
    [(first) + GATEWAY_FLAG_RESPONSE_HEADER] = {                                                   \
        .name = "--response-header", .kind = OPTION_LIST, .value = "KEY[=NAME]", .maximum = 64,    \
        .help = "metadata of replies passed on as HTTP header"},                                   \
    [(first) + GATEWAY_FLAG_GZIP] = {                                                              \
        .name = "--gzip-min-bytes", .kind = OPTION_NUMBER, .value = "N|off", .minimum = 1,         \
        .maximum = 1 << 30, .help = "replies from this size on are compressed [4096]",             \
        .words = gateway_gzip_words},                                                              \
    [(first) + GATEWAY_FLAG_HEARTBEAT] = {                                                         \
        .name = "--stream-heartbeat-ms", .kind = OPTION_NUMBER, .value = "N", .minimum = 100,      \
        .maximum = 3600000, .help = "of a stream without messages [15000]"},                       \
    [(first) + GATEWAY_FLAG_WEB] = {                                                               \
        .name = "--web", .kind = OPTION_CHOICE, .value = "on|off",                                 \
        .help = "the reference page at /docs, where the API has no route\n"                        \
                "[on with runsctl serve, else off]",                                               \
        .words = gateway_web_words},                                                               \
    [(first) + GATEWAY_FLAG_MAX_HEADER] = {                                                        \
        .name = "--max-header-bytes", .kind = OPTION_NUMBER, .value = "N", .minimum = 1,           \
        .maximum = 1 << 20, .help = "of an HTTP request's head [16384]"},                          \
    [(first) + GATEWAY_FLAG_MAX_BODY] = {                                                          \
        .name = "--max-body-bytes", .kind = OPTION_NUMBER, .value = "N", .minimum = 1,             \
        .maximum = 1 << 30, .help = "of an HTTP request's body [1048576]"},                        \
    [(first) + GATEWAY_FLAG_MAX_URL] = {                                                           \
        .name = "--max-url-bytes", .kind = OPTION_NUMBER, .value = "N", .minimum = 1,              \
        .maximum = 1 << 20, .help = "of an HTTP request's path and query [8192]"},                 \
    [(first) + GATEWAY_FLAG_MAX_BUFFERED] = {                                                      \
        .name = "--max-buffered-bytes", .kind = OPTION_NUMBER, .value = "N",                       \
        .minimum = GATEWAY_LEAST_BUFFERED_BYTES, .maximum = INT64_C(1) << 40,                      \
        .help = "of bodies, messages and replies of HTTP at once;\n"                               \
                "more wait, then: 429 [268435456]"},                                               \
    [(first) + GATEWAY_FLAG_MAX_CONNECTIONS] = {                                                   \
        .name = "--max-connections", .kind = OPTION_NUMBER, .value = "N", .minimum = 1,            \
        .maximum = 1000000, .help = "of HTTP at once [10000, or what fits\nthe limit of open files]"},                                    \
    [(first) + GATEWAY_FLAG_MAX_IN_FLIGHT] = {                                                     \
        .name = "--max-in-flight", .kind = OPTION_NUMBER, .value = "N", .minimum = 1,              \
        .maximum = 1000000, .help = "calls behind HTTP requests at once; more: 429 [1536]"},       \
    [(first) + GATEWAY_FLAG_RESERVED_IN_FLIGHT] = {                                                \
        .name = "--reserved-in-flight", .kind = OPTION_NUMBER, .value = "N", .minimum = 0,         \
        .maximum = 999999,                                                                         \
        .help = "of these, for requests that change something [a quarter]"},    \
    [(first) + GATEWAY_FLAG_MAX_STREAMS] = {                                                       \
        .name = "--max-streams", .kind = OPTION_NUMBER, .value = "N", .minimum = 1,                \
        .maximum = 1000000, .help = "open at once, beside the calls; more: 429 [1024]"},           \
    [(first) + GATEWAY_FLAG_IDLE_TIMEOUT] = {                                                      \
        .name = "--idle-timeout-ms", .kind = OPTION_NUMBER, .value = "N", .minimum = 1,            \
        .maximum = 3600000, .help = "of a quiet HTTP connection [75000]"},                         \
    [(first) + GATEWAY_FLAG_REQUEST_TIMEOUT] = {                                                   \
        .name = "--request-timeout-ms", .kind = OPTION_NUMBER, .value = "N", .minimum = 1,         \
        .maximum = 3600000, .help = "to receive one HTTP request [30000]"},                        \
    [(first) + GATEWAY_FLAG_UPSTREAM_TIMEOUT] = {                                                  \
        .name = "--upstream-timeout-ms", .kind = OPTION_NUMBER, .value = "N", .minimum = 1,        \
        .maximum = 3600000, .help = "of the call behind an HTTP request [30000]"}
// clang-format on

// How many HTTP connections these rows ask for, to be fitted into the limit of open files.
struct descriptor_share gateway_flags_connections(const struct option_value *values);

// Sets limits, http and transcoding of *options from the values of these rows (values
// points to that of the first), and web, if it is given. What it points to lives in a or as long as
// the arguments. INVALID_ARGUMENT for what contradicts itself or is no origin or mapping; the
// message names the option and what was given.
const struct error *gateway_flags_read(struct arena *a, const struct option_value *values,
                                       struct gateway_options *options);

#endif
