#include <inttypes.h>
#include <stdio.h>

#include "base/core/clock.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/message_stream.h"
#include "ctl/tokens_access.h"
#include "runs/v1/organizations_service.pb-c.h"

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct tokens_options, client)},
    {tokens_options_rows, 0},
    {NULL, 0},
};

// An export while it is printed.
struct export {
    struct json_printer *printer;
    bool is_complete; // its end was printed
    int code;         // of what was printed as an error
};

// Prints a message as a line; returns an exit code, an error has been printed.
static int print_line(const struct invocation *in, struct export *export, struct slice bytes) {
    Runs__V1__ExportOrganizationResponse *message;
    const struct error *error = message_from_bytes(
        in->arena, &runs__v1__export_organization_response__descriptor, bytes, &message);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    export->is_complete = message->item_case == RUNS__V1__EXPORT_ORGANIZATION_RESPONSE__ITEM_END;
    int code = json_printer_print(export->printer, in, bytes);
    putchar('\n');
    return code;
}

// Prints until the stream ends, or standard output fails, which is said at the end.
static const struct error *print_lines(const struct invocation *in, struct message_stream *stream,
                                       struct export *export) {
    struct arena arena; // of a message
    arena_init(&arena);
    struct invocation step = *in;
    step.arena = &arena;
    const struct error *error = NULL;
    bool goes_on = true;
    while (goes_on && export->code == EXIT_CODE_OK && !ferror(stdout)) {
        struct slice bytes;
        arena_reset(&arena);
        goes_on = message_stream_next(stream, 0, &bytes, &error) == MESSAGE_STREAM_MESSAGE;
        if (goes_on) {
            export->code = print_line(&step, export, bytes);
        }
    }
    arena_release(&arena);
    return error;
}

static const struct error *run_export(const struct invocation *in, struct connection *connection,
                                      void *context) {
    struct export *export = context;
    Runs__V1__ExportOrganizationRequest request = RUNS__V1__EXPORT_ORGANIZATION_REQUEST__INIT;
    request.name = (char *)in->operands[0];
    struct message_stream *stream =
        message_stream_open(connection, "/runs.v1.OrganizationsService/ExportOrganization",
                            message_to_bytes(in->arena, &request));
    int64_t until_us = clock_monotonic_us() + connection->timeout_ms * 1000;
    const struct error *error =
        message_stream_wait_answer(stream, until_us)
            ? print_lines(in, stream, export)
            : error_new(in->arena, STATUS_DEADLINE_EXCEEDED, REASON_DEADLINE_PASSED,
                        "the server has not answered within %" PRId64 " ms; nothing was changed",
                        connection->timeout_ms);
    if (error == NULL && export->code == EXIT_CODE_OK && !export->is_complete && !ferror(stdout)) {
        error = error_new(in->arena, STATUS_UNAVAILABLE, REASON_NONE,
                          "the server ended the export before its end");
    }
    if (error != NULL) { // it ends with the stream
        export->code = client_options_print_error(in, connection, error);
    }
    message_stream_close(stream);
    return NULL;
}

static int export_it(struct invocation *in) {
    struct export export = {
        .printer = json_printer_new("runs.v1.ExportOrganizationResponse"),
        .code = EXIT_CODE_OK,
    };
    int code = tokens_access_use(in, in->options, run_export, &export);
    json_printer_free(export.printer);
    return code != EXIT_CODE_OK ? code : export.code;
}

const struct command organizations_export_command = {
    .name = "organizations export",
    .place = 336,
    .operands = "NAME",
    .summary = "Prints all that is kept of an organization, as lines of JSON.",
    .details = "Scope: organizations.admin. Itself, its runs, each followed by its events, its\n"
               "bulk cancels, its tokens without their secrets. The last line is \"end\", which\n"
               "counts the others: without it, and with another exit code than 0, the export is\n"
               "cut. Freeze the organization first: of one that changes meanwhile each run is as\n"
               "it is when it is read.\n",
    .tables = tables,
    .options_size = sizeof(struct tokens_options),
    .operand_count = 1,
    .run = export_it,
};
