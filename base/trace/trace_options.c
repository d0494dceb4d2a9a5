#include "base/trace/trace_options.h"

#define DEFAULT_SAMPLE "0.01"

const struct cli_option trace_options_rows[] = {
    {.name = "--trace-endpoint",
     .value = "URL",
     CLI_TEXT_AT(struct trace_options, endpoint),
     .help = "where traces go, over OTLP/HTTP: http://127.0.0.1:4318/v1/traces"},
    {.name = "--trace-sample",
     .value = "RATIO",
     CLI_TEXT_AT(struct trace_options, sample),
     .default_help = DEFAULT_SAMPLE,
     .help = "which part of the traces that begin here is sampled, 0 to 1"},
    // Not in the table how often: a message would show the value.
    {.name = "--trace-header",
     .value = "NAME=VALUE",
     CLI_LIST_AT(struct trace_options, headers),
     .environment = "RUNSD_TRACE_HEADER",
     .is_secret = true,
     .help = "what the export sends with each request"},
    {.name = NULL},
};

const struct error *trace_options_finish(struct arena *a, struct trace_options *options) {
    struct trace_settings *ret = &options->settings;
    if (options->endpoint == NULL) {
        // A header of the environment alone is there for the other programs.
        return options->sample == NULL
                   ? NULL
                   : error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                               "--trace-sample without --trace-endpoint: traces would go nowhere");
    }
    const char *sample = options->sample != NULL ? options->sample : DEFAULT_SAMPLE;
    if (!trace_sampler_read(sample, &ret->sampler)) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--trace-sample: \"%s\" is no number from 0 to 1, like 0.01", sample);
    }
    const struct error *error =
        trace_settings_read_endpoint(a, "--trace-endpoint", options->endpoint, ret);
    for (size_t i = 0; error == NULL && i < options->headers.count; i++) {
        error = trace_settings_add_header(a, "--trace-header", options->headers.items[i], ret);
    }
    return error;
}
