#include <math.h>
#include <stdlib.h>

#include "ctl/client_options.h"
#include "ctl/exit_code.h"
#include "ctl/file.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "runs/v1/runs_service.pb-c.h"

enum {
    REPORT_STATUS = CLIENT_OPTION_COUNT,
    REPORT_EXECUTION_STATE,
    REPORT_TOTAL_CU,
    REPORT_REASON,
    REPORT_OPTION_COUNT,
};

static const struct option options[] = {
    CLIENT_OPTIONS,
    [REPORT_STATUS] = {.name = "--status",
                       .kind = OPTION_TEXT,
                       .value = "WORD",
                       .help = "waiting, running, success or failure",
                       .required = true},
    [REPORT_EXECUTION_STATE] = {.name = "--execution-state",
                                .kind = OPTION_TEXT,
                                .value = "FILE",
                                .help = "JSON object that replaces executionState; - for stdin"},
    [REPORT_TOTAL_CU] = {.name = "--total-cu",
                         .kind = OPTION_TEXT,
                         .value = "NUMBER",
                         .help = "compute units used so far"},
    [REPORT_REASON] = {.name = "--reason",
                       .kind = OPTION_TEXT,
                       .value = "TEXT",
                       .help = "why; kept with the run's events"},
};

enum { MAX_STATE_BYTES = 4 << 20 };

static const struct error *read_state(struct invocation *in, const char *path,
                                      Google__Protobuf__Struct **ret_state) {
    struct slice text;
    struct slice bytes;
    const struct error *error =
        file_read(in->arena, "--execution-state", path, MAX_STATE_BYTES, &text);
    if (error == NULL) {
        error = json_to_message(in->arena, "google.protobuf.Struct", text, &bytes);
    }
    if (error == NULL) {
        error =
            message_from_bytes(in->arena, &google__protobuf__struct__descriptor, bytes, ret_state);
    }
    return error;
}

static int report(struct invocation *in) {
    Runs__V1__ReportRunRequest request = RUNS__V1__REPORT_RUN_REQUEST__INIT;
    const struct option_value *v = in->values;
    request.id = (char *)in->operands[0];
    if (!run_status_parse(v[REPORT_STATUS].text, &request.status)) {
        return command_usage_error(in->command, "--status: \"%s\" is no status",
                                   v[REPORT_STATUS].text);
    }
    Google__Protobuf__DoubleValue total_cu = GOOGLE__PROTOBUF__DOUBLE_VALUE__INIT;
    if (v[REPORT_TOTAL_CU].given) {
        char *end;
        total_cu.value = strtod(v[REPORT_TOTAL_CU].text, &end);
        if (end == v[REPORT_TOTAL_CU].text || *end != '\0' || !isfinite(total_cu.value)) {
            return command_usage_error(in->command, "--total-cu: \"%s\" is no number",
                                       v[REPORT_TOTAL_CU].text);
        }
        request.total_cu = &total_cu;
    }
    if (v[REPORT_REASON].given) {
        request.reason = (char *)v[REPORT_REASON].text;
    }
    if (v[REPORT_EXECUTION_STATE].given) {
        const struct error *error =
            read_state(in, v[REPORT_EXECUTION_STATE].text, &request.execution_state);
        if (error != NULL) {
            return exit_with_error(error, NULL);
        }
    }
    return run_call_and_print(in, "/runs.v1.RunsService/ReportRun",
                              message_to_bytes(in->arena, &request));
}

const struct command runs_report_command = {
    .name = "runs report",
    .place = 240,
    .operands = "ID",
    .summary = "Reports what the executor of a run found. Scope: runs.report.",
    .details = "Exit code 4 says that the run had finished before; an executor that reads\n"
               "\"cancelled\" stops.\n",
    .options = options,
    .option_count = REPORT_OPTION_COUNT,
    .operand_count = 1,
    .run = report,
};
