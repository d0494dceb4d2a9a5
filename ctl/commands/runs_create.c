#include <stdio.h>
#include <string.h>

#include "base/core/wire.h"
#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/file.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "runs/v1/run.pb-c.h"
#include "runs/v1/runs_service.pb-c.h"

// The default of the server's message size limit.
enum { MAX_FILE_BYTES = 4 << 20 };

struct create_options {
    struct client_options client;
    const char *file;
    const char *id;
    const char *workflow;
    int64_t workflow_version;
    bool has_workflow_version;
    const char *source_run;
    bool quiet;
};

static const struct cli_option rows[] = {
    {.name = "--file",
     .value = "FILE",
     CLI_TEXT_AT(struct create_options, file),
     .is_required = true,
     .help = "the run as JSON; - for standard input"},
    {.name = "--id",
     .value = "ID",
     CLI_TEXT_AT(struct create_options, id),
     .help = "the run's id, in place of the file's"},
    {.name = "--workflow",
     .value = "ID",
     CLI_TEXT_AT(struct create_options, workflow),
     .help = "the workflow's id, in place of the file's"},
    {.name = "--workflow-version",
     .value = "N",
     CLI_NUMBER_AT(struct create_options, workflow_version),
     CLI_GIVEN_AT(struct create_options, has_workflow_version),
     .least = 0,
     .most = INT64_MAX,
     .help = "its version, in place of the file's"},
    {.name = "--source-run",
     .value = "ID",
     CLI_TEXT_AT(struct create_options, source_run),
     .help = "the run it is replayed from, in place of the file's"},
    {.name = "--quiet", CLI_FLAG_AT(struct create_options, quiet), .help = "print the id alone"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct create_options, client)},
    {rows, 0},
    {NULL, 0},
};

// Concatenated messages merge, the last value of a field counts: what the options
// say is appended to what the file says.
static void append_text(struct strbuf *b, uint32_t number, const char *text) {
    if (text != NULL) {
        wire_put_bytes(b, number, slice_of_cstr(text));
    }
}

static struct slice make_request(struct arena *a, const struct create_options *options,
                                 struct slice run) {
    enum { FIELD_ID = 3, FIELD_SOURCE_RUN_ID = 10, FIELD_WORKFLOW_ID = 17, FIELD_VERSION = 18 };
    enum { FIELD_RUN = 1 }; // of CreateRunRequest
    struct strbuf b = STRBUF_INIT;
    strbuf_append_slice(&b, run);
    append_text(&b, FIELD_ID, options->id);
    append_text(&b, FIELD_SOURCE_RUN_ID, options->source_run);
    append_text(&b, FIELD_WORKFLOW_ID, options->workflow);
    if (options->has_workflow_version) {
        wire_put_uint(&b, FIELD_VERSION, (uint64_t)options->workflow_version);
    }
    struct strbuf request = STRBUF_INIT;
    wire_put_bytes(&request, FIELD_RUN, strbuf_slice(&b));
    struct slice bytes = arena_copy(a, strbuf_slice(&request));
    strbuf_release(&request);
    strbuf_release(&b);
    return bytes;
}

static int create(struct invocation *in) {
    const struct create_options *options = in->options;
    struct slice text;
    struct slice run;
    const struct error *error =
        file_read(in->arena, "--file", options->file, MAX_FILE_BYTES, &text);
    if (error == NULL) {
        error = json_to_message(in->arena, "runs.v1.Run", text, &run);
    }
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    struct slice response;
    int code = client_options_call(in, &options->client, "/runs.v1.RunsService/CreateRun",
                                   make_request(in->arena, options, run), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (!options->quiet) {
        return run_print(in, response);
    }
    Runs__V1__Run *created;
    error = message_from_bytes(in->arena, &runs__v1__run__descriptor, response, &created);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    puts(created->id);
    return EXIT_CODE_OK;
}

const struct command runs_create_command = {
    .name = "runs create",
    .place = 200,
    .operands = "",
    .summary = "Creates a run from JSON, spelled as over REST. Scope: runs.create.",
    .tables = tables,
    .options_size = sizeof(struct create_options),
    .run = create,
};
