#include "ctl/run_filter.h"

#include "ctl/comma_list.h"
#include "ctl/run_print.h"
#include "ctl/time_option.h"
#include "ctl/timestamp_option.h"

const struct cli_option run_filter_options_rows[] = {
    {.name = "--status",
     .value = "WORD,...",
     CLI_LIST_AT(struct run_filter_options, status),
     .default_help = "both",
     .help = "runs that are running, waiting"},
    {.name = "--workflow",
     .value = "ID",
     CLI_TEXT_AT(struct run_filter_options, workflow),
     .help = "runs of this workflow"},
    {.name = "--older-than",
     .value = "TIME",
     CLI_TEXT_AT(struct run_filter_options, older_than),
     .help = "runs that started longer ago, than 2h say"},
    {.name = "--started-after",
     .value = "TIME",
     CLI_TEXT_AT(struct run_filter_options, started_after),
     .help = "runs that started after: " TIME_OPTION_VALUES},
    {.name = "--started-before",
     .value = "TIME",
     CLI_TEXT_AT(struct run_filter_options, started_before),
     .help = "runs that started before, likewise"},
    {.name = "--source-run",
     .value = "ID",
     CLI_TEXT_AT(struct run_filter_options, source_run),
     .help = "runs that were replayed or forked from this one"},
    {.name = "--lease-holder",
     .value = "NAME",
     CLI_TEXT_AT(struct run_filter_options, lease_holder),
     .help = "runs that this executor holds"},
    {.name = NULL},
};

// Leaves *ret_field as it is if the option was not given.
static const struct error *read_text(struct arena *a, const char *option, const char *text,
                                     char **ret_field) {
    if (text != NULL && text[0] == '\0') {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "%s: \"\" names nothing; leave %s out if it is not to narrow the runs",
                         option, option);
    }
    if (text != NULL) {
        *ret_field = (char *)text;
    }
    return NULL;
}

static const struct error *read_texts(struct arena *a, const struct run_filter_options *options,
                                      Runs__V1__RunFilter *ret) {
    const struct error *error = read_text(a, "--workflow", options->workflow, &ret->workflow_id);
    if (error == NULL) {
        error = read_text(a, "--source-run", options->source_run, &ret->source_run_id);
    }
    return error != NULL
               ? error
               : read_text(a, "--lease-holder", options->lease_holder, &ret->lease_holder);
}

// A length of time alone: --older-than 2026-01-31 would be read as its opposite.
static const struct error *read_older(struct arena *a, const struct run_filter_options *options,
                                      int64_t now_us, struct run_filter *ret) {
    if (options->older_than == NULL) {
        return NULL;
    }
    if (options->started_before != NULL) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--older-than and --started-before exclude each other");
    }
    int64_t seconds;
    const struct error *error =
        time_option_read_span(a, "--older-than", options->older_than, &seconds);
    return error != NULL ? error
                         : timestamp_option_read(a, "--older-than", options->older_than, now_us,
                                                 &ret->before, &ret->message.started_before);
}

static const struct error *read_times(struct arena *a, const struct run_filter_options *options,
                                      int64_t now_us, struct run_filter *ret) {
    Runs__V1__RunFilter *message = &ret->message;
    const struct error *error = timestamp_option_read(a, "--started-after", options->started_after,
                                                      now_us, &ret->after, &message->started_after);
    if (error == NULL) {
        error = timestamp_option_read(a, "--started-before", options->started_before, now_us,
                                      &ret->before, &message->started_before);
    }
    if (error == NULL) {
        error = read_older(a, options, now_us, ret);
    }
    bool is_older = options->older_than != NULL;
    return error != NULL ? error
                         : timestamp_option_check_order(
                               a, "--started-after", options->started_after, message->started_after,
                               is_older ? "--older-than" : "--started-before",
                               is_older ? options->older_than : options->started_before,
                               message->started_before);
}

const struct error *run_filter_read(struct arena *a, const struct run_filter_options *options,
                                    int64_t now_us, struct run_filter *ret) {
    *ret = (struct run_filter){.is_given = false};
    runs__v1__run_filter__init(&ret->message);
    const struct error *error =
        run_statuses_read(a, &options->status, &ret->message.status, &ret->message.n_status);
    if (error == NULL) {
        error = read_texts(a, options, &ret->message);
    }
    if (error == NULL) {
        error = read_times(a, options, now_us, ret);
    }
    ret->is_given = options->status.count > 0 || options->workflow != NULL ||
                    options->source_run != NULL || options->lease_holder != NULL ||
                    options->older_than != NULL || options->started_after != NULL ||
                    options->started_before != NULL;
    return error;
}

// "running", "waiting"; "running or waiting" for both, and for none, which is the same.
static const char *statuses_text(struct arena *a, const Runs__V1__RunFilter *filter) {
    if (filter->n_status == 0) {
        return "running or waiting";
    }
    const char *text = status_text((int)filter->status[0]);
    for (size_t i = 1; i < filter->n_status; i++) {
        text = arena_printf(a, "%s or %s", text, status_text((int)filter->status[i]));
    }
    return text;
}

const char *run_filter_text(struct arena *a, const Runs__V1__RunFilter *filter) {
    const char *text = statuses_text(a, filter);
    const struct {
        const char *before;
        const char *value;
    } texts[] = {
        {"of workflow", filter->workflow_id},
        {"replayed or forked from", filter->source_run_id},
        {"held by", filter->lease_holder},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].value[0] != '\0') {
            text = arena_printf(a, "%s, %s \"%s\"", text, texts[i].before, texts[i].value);
        }
    }
    if (filter->started_after != NULL) {
        text =
            arena_printf(a, "%s, started after %s", text, timestamp_text(a, filter->started_after));
    }
    if (filter->started_before != NULL) {
        text = arena_printf(a, "%s, started before %s", text,
                            timestamp_text(a, filter->started_before));
    }
    return text;
}
