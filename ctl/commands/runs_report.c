#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/strbuf.h"
#include "base/core/wire.h"
#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/file.h"
#include "ctl/json.h"
#include "ctl/keyed_call.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "runs/v1/runs_service.pb-c.h"

struct report_options {
    struct client_options client;
    const char *status;
    const char *execution_state;
    const char *total_cu;
    const char *reason;
    int64_t attempt;
    struct keyed_options keyed;
};

static const struct cli_option rows[] = {
    {.name = "--status",
     .value = "WORD",
     CLI_TEXT_AT(struct report_options, status),
     .is_required = true,
     .help = "waiting, running, success or failure"},
    {.name = "--execution-state",
     .value = "FILE",
     CLI_TEXT_AT(struct report_options, execution_state),
     .help = "JSON object that replaces executionState; - for stdin"},
    {.name = "--total-cu",
     .value = "NUMBER",
     CLI_TEXT_AT(struct report_options, total_cu),
     .help = "compute units used so far"},
    {.name = "--reason",
     .value = "TEXT",
     CLI_TEXT_AT(struct report_options, reason),
     .help = "why; kept with the run's events"},
    {.name = "--attempt",
     .value = "N",
     CLI_NUMBER_AT(struct report_options, attempt),
     .least = 0,
     .most = INT64_MAX,
     .default_help = "0: the run was never acquired",
     .help = "the attempt that reports, as runs acquire printed it"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct report_options, client)},
    {rows, 0},
    {keyed_options_rows, offsetof(struct report_options, keyed)},
    {NULL, 0},
};

enum { MAX_STATE_BYTES = 4 << 20 };

static const struct error *read_state(struct invocation *in, const char *path,
                                      struct slice *ret_bytes) {
    struct slice text;
    const struct error *error =
        file_read(in->arena, "--execution-state", path, MAX_STATE_BYTES, &text);
    return error != NULL ? error
                         : json_to_message(in->arena, "google.protobuf.Struct", text, ret_bytes);
}

// The request's bytes with the state's behind them: protobuf-c would cut its strings at U+0000.
static struct slice with_state(struct invocation *in, struct slice request, struct slice state) {
    enum { EXECUTION_STATE = 3 }; // runs.v1.ReportRunRequest
    struct strbuf b = STRBUF_INIT;
    strbuf_append_slice(&b, request);
    wire_put_bytes(&b, EXECUTION_STATE, state);
    struct slice bytes = arena_copy(in->arena, strbuf_slice(&b));
    strbuf_release(&b);
    return bytes;
}

static int report(struct invocation *in) {
    Runs__V1__ReportRunRequest request = RUNS__V1__REPORT_RUN_REQUEST__INIT;
    const struct report_options *options = in->options;
    request.id = (char *)in->operands[0];
    const struct error *wrong = run_status_read(in->arena, options->status, &request.status);
    if (wrong == NULL) {
        wrong = keyed_options_check(in->arena, &options->keyed);
    }
    if (wrong != NULL) {
        return command_usage_error(in, "%s", wrong->message);
    }
    Google__Protobuf__DoubleValue total_cu = GOOGLE__PROTOBUF__DOUBLE_VALUE__INIT;
    if (options->total_cu != NULL) {
        char *end;
        total_cu.value = strtod(options->total_cu, &end);
        bool is_decimal = options->total_cu[strspn(options->total_cu, "+-.eE0123456789")] == '\0';
        if (!is_decimal || end == options->total_cu || *end != '\0' || !isfinite(total_cu.value)) {
            return command_usage_error(in, "--total-cu: \"%s\" is no number", options->total_cu);
        }
        request.total_cu = &total_cu;
    }
    if (options->reason != NULL) {
        request.reason = (char *)options->reason;
    }
    request.attempt = options->attempt;
    const char *key = keyed_call_key(in, &options->keyed);
    request.request_id = (char *)key;
    struct slice bytes = message_to_bytes(in->arena, &request);
    if (options->execution_state != NULL) {
        struct slice state;
        const struct error *error = read_state(in, options->execution_state, &state);
        if (error != NULL) {
            return command_error(in, error, NULL);
        }
        bytes = with_state(in, bytes, state);
    }
    struct slice response;
    int code = keyed_call_once(in, &options->client, "/runs.v1.RunsService/ReportRun", key, bytes,
                               &response);
    return code != EXIT_CODE_OK ? code : run_print(in, response, NULL);
}

const struct command runs_report_command = {
    .name = "runs report",
    .place = 240,
    .operands = "ID",
    .summary = "Reports what the executor of a run found. Scope: runs.report.",
    .details = "Exit code 4 says that the run had finished before, or that another attempt has\n"
               "it: an executor that reads that stops.\n"
               "\n" KEYED_CALL_HELP,
    .tables = tables,
    .options_size = sizeof(struct report_options),
    .operand_count = 1,
    .run = report,
};
