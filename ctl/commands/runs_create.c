#include <stdio.h>
#include <string.h>

#include "base/core/wire.h"
#include "ctl/client_options.h"
#include "ctl/exit_code.h"
#include "ctl/file.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "runs/v1/run.pb-c.h"
#include "runs/v1/runs_service.pb-c.h"

// The default of the server's message size limit.
enum { MAX_FILE_BYTES = 4 << 20 };

enum {
    CREATE_FILE = CLIENT_OPTION_COUNT,
    CREATE_ID,
    CREATE_WORKFLOW,
    CREATE_WORKFLOW_VERSION,
    CREATE_SOURCE_RUN,
    CREATE_QUIET,
    CREATE_OPTION_COUNT,
};

static const struct option options[] = {
    CLIENT_OPTIONS,
    [CREATE_FILE] = {.name = "--file",
                     .kind = OPTION_TEXT,
                     .value = "FILE",
                     .help = "the run as JSON; - for standard input",
                     .required = true},
    [CREATE_ID] = {.name = "--id",
                   .kind = OPTION_TEXT,
                   .value = "ID",
                   .help = "the run's id, in place of the file's"},
    [CREATE_WORKFLOW] = {.name = "--workflow",
                         .kind = OPTION_TEXT,
                         .value = "ID",
                         .help = "the workflow's id, in place of the file's"},
    [CREATE_WORKFLOW_VERSION] = {.name = "--workflow-version",
                                 .kind = OPTION_NUMBER,
                                 .value = "N",
                                 .help = "its version, in place of the file's",
                                 .minimum = 0,
                                 .maximum = INT64_MAX},
    [CREATE_SOURCE_RUN] = {.name = "--source-run",
                           .kind = OPTION_TEXT,
                           .value = "ID",
                           .help = "the run it is replayed from, in place of the file's"},
    [CREATE_QUIET] = {.name = "--quiet", .kind = OPTION_FLAG, .help = "print the id alone"},
};

// Concatenated messages merge, the last value of a field counts: what the options
// say is appended to what the file says.
static void append_text(struct strbuf *b, uint32_t number, const struct option_value *v) {
    if (v->given) {
        wire_put_bytes(b, number, slice_of_cstr(v->text));
    }
}

static struct slice make_request(struct arena *a, const struct option_value *values,
                                 struct slice run) {
    enum { FIELD_ID = 3, FIELD_SOURCE_RUN_ID = 10, FIELD_WORKFLOW_ID = 17, FIELD_VERSION = 18 };
    struct strbuf b = STRBUF_INIT;
    strbuf_append_slice(&b, run);
    append_text(&b, FIELD_ID, &values[CREATE_ID]);
    append_text(&b, FIELD_SOURCE_RUN_ID, &values[CREATE_SOURCE_RUN]);
    append_text(&b, FIELD_WORKFLOW_ID, &values[CREATE_WORKFLOW]);
    if (values[CREATE_WORKFLOW_VERSION].given) {
        wire_put_uint(&b, FIELD_VERSION, (uint64_t)values[CREATE_WORKFLOW_VERSION].number);
    }
    struct strbuf request = STRBUF_INIT;
    wire_put_bytes(&request, 1, strbuf_slice(&b));
    struct slice bytes = arena_copy(a, strbuf_slice(&request));
    strbuf_release(&request);
    strbuf_release(&b);
    return bytes;
}

static int create(struct invocation *in) {
    struct slice text;
    struct slice run;
    const struct error *error =
        file_read(in->arena, "--file", in->values[CREATE_FILE].text, MAX_FILE_BYTES, &text);
    if (error == NULL) {
        error = json_to_message(in->arena, "runs.v1.Run", text, &run);
    }
    if (error != NULL) {
        return exit_with_error(error, NULL);
    }
    struct slice response;
    int code = client_options_call(in, "/runs.v1.RunsService/CreateRun",
                                   make_request(in->arena, in->values, run), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (!in->values[CREATE_QUIET].given) {
        return run_print(in->arena, response, in->values[CLIENT_JSON].given);
    }
    Runs__V1__Run *created;
    error = message_from_bytes(in->arena, &runs__v1__run__descriptor, response, &created);
    if (error != NULL) {
        return exit_with_error(error, NULL);
    }
    puts(created->id);
    return EXIT_CODE_OK;
}

const struct command runs_create_command = {
    .name = "runs create",
    .place = 200,
    .operands = "",
    .summary = "Creates a run from JSON, spelled as over REST. Scope: runs.create.",
    .options = options,
    .option_count = CREATE_OPTION_COUNT,
    .run = create,
};
