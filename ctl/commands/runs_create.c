#include <stdio.h>
#include <string.h>

#include "base/core/wire.h"
#include "ctl/client_options.h"
#include "ctl/command_error.h"
#include "ctl/duration_option.h"
#include "ctl/exit_code.h"
#include "ctl/file.h"
#include "ctl/json.h"
#include "ctl/keyed_call.h"
#include "ctl/lease_request.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "runs/v1/run.pb-c.h"
#include "runs/v1/runs_service.pb-c.h"

// Of --on-timeout: failure and cancelled follow each other.
enum { TIMEOUT_WORDS_FROM = RUNS__V1__RUN_STATUS__RUN_STATUS_FAILURE };

// The default of the server's message size limit.
enum { MAX_FILE_BYTES = 4 << 20 };

struct create_options {
    struct client_options client;
    const char *file;
    const char *like;
    const char *id;
    const char *workflow;
    int64_t workflow_version;
    bool has_workflow_version;
    const char *source_run;
    const char *parent;
    struct keyed_options keyed;
    unsigned dispatch; // enum _Runs__V1__RunDispatch
    unsigned on_lease_loss;
    unsigned on_timeout;
    const char *timeout;
    const char *waiting_timeout;
    const char *holder;
    const char *lease;
    bool quiet;
};

static const char *const dispatch_words[] = {"external", "lease", NULL};
static const char *const loss_words[] = {"reacquire", "failure", NULL};
static const char *const timeout_words[] = {"failure", "cancelled", NULL};

static const struct cli_option rows[] = {
    {.name = "--file",
     .value = "FILE",
     CLI_TEXT_AT(struct create_options, file),
     .help = "the run as JSON; - for standard input"},
    {.name = "--like",
     .value = "ID",
     CLI_TEXT_AT(struct create_options, like),
     .help = "in place of a file: this run's workflow and inputs, "
             "as its replay; needs runs.read, too"},
    {.name = "--id",
     .value = "ID",
     CLI_TEXT_AT(struct create_options, id),
     .help = "the run's id, in place of the given one"},
    {.name = "--workflow",
     .value = "ID",
     CLI_TEXT_AT(struct create_options, workflow),
     .help = "the workflow's id, in place of the given one"},
    {.name = "--workflow-version",
     .value = "N",
     CLI_NUMBER_AT(struct create_options, workflow_version),
     CLI_GIVEN_AT(struct create_options, has_workflow_version),
     .least = 0,
     .most = INT64_MAX,
     .help = "its version, in place of the given one"},
    {.name = "--source-run",
     .value = "ID",
     CLI_TEXT_AT(struct create_options, source_run),
     .help = "the run it is replayed from, in place of the given one"},
    {.name = "--parent",
     .value = "ID",
     CLI_TEXT_AT(struct create_options, parent),
     .help = "the run it is a part of: runs cancel --cascade of that one cancels it, too"},
    {.name = "--dispatch",
     .value = "WORD",
     CLI_WORD_AT(struct create_options, dispatch),
     .words = dispatch_words,
     .words_from = RUNS__V1__RUN_DISPATCH__RUN_DISPATCH_EXTERNAL,
     .default_help = "external",
     .help = "who hands the run to an executor: external, or lease: runs acquire"},
    {.name = "--holder",
     .value = "NAME",
     CLI_TEXT_AT(struct create_options, holder),
     .help = "gives the first lease to this executor at once; needs --dispatch lease"},
    {.name = "--lease",
     .value = "TIME",
     CLI_TEXT_AT(struct create_options, lease),
     .default_help = "30s", // the server's
     .help = "how long that lease lasts unless it is renewed"},
    {.name = "--on-lease-loss",
     .value = "WORD",
     CLI_WORD_AT(struct create_options, on_lease_loss),
     .words = loss_words,
     .words_from = RUNS__V1__LEASE_LOSS__LEASE_LOSS_REACQUIRE,
     .default_help = "reacquire",
     .help = "what becomes of it when its executor lets the lease end: reacquire or failure"},
    {.name = "--timeout",
     .value = "TIME",
     CLI_TEXT_AT(struct create_options, timeout),
     .default_help = "without end",
     .help = "how long it may take from its start"},
    {.name = "--waiting-timeout",
     .value = "TIME",
     CLI_TEXT_AT(struct create_options, waiting_timeout),
     .default_help = "without end",
     .help = "how long it may be waiting each time"},
    {.name = "--on-timeout",
     .value = "WORD",
     CLI_WORD_AT(struct create_options, on_timeout),
     .words = timeout_words,
     .words_from = TIMEOUT_WORDS_FROM,
     .default_help = "failure",
     .help = "what becomes of it then: failure or cancelled"},
    {.name = "--quiet", CLI_FLAG_AT(struct create_options, quiet), .help = "print the id alone"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct create_options, client)},
    {rows, 0},
    {keyed_options_rows, offsetof(struct create_options, keyed)},
    {NULL, 0},
};

// Fields of runs.v1.Run.
enum { DISPATCH = 19, ON_LEASE_LOSS = 21, ON_TIMEOUT = 22, TIMEOUT = 24, WAITING_TIMEOUT = 25 };
enum { ID = 3, IS_DUST_TEST = 4, IS_SIMULATION = 5, PROP_VALUES = 7, SIMULATION_FORKS = 8 };
enum { SIMULATION_MODE = 9, SOURCE_RUN_ID = 10, WORKFLOW_DEFINITION = 16, WORKFLOW_ID = 17 };
enum { WORKFLOW_VERSION = 18, PARENT_RUN_ID = 26 };

// Concatenated messages merge, the last value of a field counts: what the options
// say is appended to what the file says.
static void append_text(struct strbuf *b, uint32_t number, const char *text) {
    if (text != NULL) {
        wire_put_bytes(b, number, slice_of_cstr(text));
    }
}

static void append_word(struct strbuf *b, uint32_t number, unsigned word) {
    if (word != 0) {
        wire_put_uint(b, number, word);
    }
}

// A google.protobuf.StringValue.
static void append_wrapped(struct strbuf *b, uint32_t number, const char *text) {
    enum { FIELD_VALUE = 1 };
    if (text != NULL) {
        struct strbuf value = STRBUF_INIT;
        wire_put_bytes(&value, FIELD_VALUE, slice_of_cstr(text));
        wire_put_bytes(b, number, strbuf_slice(&value));
        strbuf_release(&value);
    }
}

// What the options give beside the file. Messages are NULL where an option was not given.
struct given {
    struct slice run; // the file's
    Google__Protobuf__Duration *timeout;
    Google__Protobuf__Duration *waiting_timeout;
    Runs__V1__LeaseRequest *lease;
    Google__Protobuf__Duration spans[2];
    struct lease_request lease_request;
};

static void append_message(struct strbuf *b, struct arena *a, uint32_t number,
                           const void *message) {
    if (message != NULL) {
        wire_put_bytes(b, number, message_to_bytes(a, message));
    }
}

static struct slice make_request(struct arena *a, const struct create_options *options,
                                 const struct given *given, const char *key) {
    enum { FIELD_RUN = 1, FIELD_LEASE = 2, FIELD_REQUEST_ID = 3 }; // of CreateRunRequest
    struct strbuf b = STRBUF_INIT;
    strbuf_append_slice(&b, given->run);
    append_text(&b, ID, options->id);
    append_text(&b, SOURCE_RUN_ID, options->source_run);
    append_text(&b, WORKFLOW_ID, options->workflow);
    if (options->has_workflow_version) {
        wire_put_uint(&b, WORKFLOW_VERSION, (uint64_t)options->workflow_version);
    }
    append_word(&b, DISPATCH, options->dispatch);
    append_word(&b, ON_LEASE_LOSS, options->on_lease_loss);
    append_word(&b, ON_TIMEOUT, options->on_timeout);
    append_message(&b, a, TIMEOUT, given->timeout);
    append_message(&b, a, WAITING_TIMEOUT, given->waiting_timeout);
    append_wrapped(&b, PARENT_RUN_ID, options->parent);
    struct strbuf request = STRBUF_INIT;
    wire_put_bytes(&request, FIELD_RUN, strbuf_slice(&b));
    append_message(&request, a, FIELD_LEASE, given->lease);
    append_text(&request, FIELD_REQUEST_ID, key);
    struct slice bytes = arena_copy(a, strbuf_slice(&request));
    strbuf_release(&request);
    strbuf_release(&b);
    return bytes;
}

static const struct error *read_file(const struct invocation *in, const char *path,
                                     struct slice *ret_run) {
    struct slice text;
    const struct error *error = file_read(in->arena, "--file", path, MAX_FILE_BYTES, &text);
    return error != NULL ? error : json_to_message(in->arena, "runs.v1.Run", text, ret_run);
}

// Makes of a run's bytes what creates one like it: what is the server's or the executor's to
// say is left out. The rest is copied byte by byte, since protobuf-c cuts strings at U+0000, which
// free-form objects may hold.
static const struct error *make_replay(struct arena *a, struct slice bytes, struct slice *ret_run) {
    const uint32_t kept = 1U << IS_DUST_TEST | 1U << IS_SIMULATION | 1U << PROP_VALUES |
                          1U << SIMULATION_FORKS | 1U << SIMULATION_MODE |
                          1U << WORKFLOW_DEFINITION | 1U << WORKFLOW_ID | 1U << WORKFLOW_VERSION |
                          1U << DISPATCH | 1U << ON_LEASE_LOSS | 1U << ON_TIMEOUT | 1U << TIMEOUT |
                          1U << WAITING_TIMEOUT;
    Runs__V1__Run *like; // well-formed, so that each field can be read below
    const struct error *error = message_from_bytes(a, &runs__v1__run__descriptor, bytes, &like);
    if (error != NULL) {
        return error;
    }
    struct strbuf run = STRBUF_INIT;
    const uint8_t *end = bytes.data + bytes.len;
    struct wire_field field;
    for (const uint8_t *p = bytes.data, *start = p; p < end && wire_read_field(&p, end, &field);
         start = p) {
        if (field.number < 32 && (kept >> field.number & 1U) != 0) {
            strbuf_append_slice(&run, slice_of(start, (size_t)(p - start)));
        }
    }
    wire_put_bytes(&run, SOURCE_RUN_ID, slice_of_cstr(like->id));
    *ret_run = arena_copy(a, strbuf_slice(&run));
    strbuf_release(&run);
    return NULL;
}

static int read_like(const struct invocation *in, struct connection *connection, const char *id,
                     struct slice *ret_run) {
    Runs__V1__GetRunRequest request = RUNS__V1__GET_RUN_REQUEST__INIT;
    request.id = (char *)id;
    struct slice response;
    int code = client_options_call_again(in, connection, "/runs.v1.RunsService/GetRun",
                                         message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    const struct error *error = make_replay(in->arena, response, ret_run);
    return error != NULL ? command_error(in, error, NULL) : EXIT_CODE_OK;
}

static int print_created(const struct invocation *in, struct slice response) {
    const struct create_options *options = in->options;
    if (!options->quiet) {
        return run_print(in, response, NULL);
    }
    Runs__V1__Run *created;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__run__descriptor, response, &created);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    puts(created->id);
    return EXIT_CODE_OK;
}

// Creates the run.
static int create_on(struct invocation *in, struct connection *connection, struct given *given) {
    const struct create_options *options = in->options;
    int code = EXIT_CODE_OK;
    if (options->like != NULL) {
        code = read_like(in, connection, options->like, &given->run);
    }
    const char *key = keyed_call_key(in, &options->keyed);
    struct slice response;
    if (code == EXIT_CODE_OK) {
        code = keyed_call(in, connection, "/runs.v1.RunsService/CreateRun", key,
                          make_request(in->arena, options, given, key), &response);
    }
    return code == EXIT_CODE_OK ? print_created(in, response) : code;
}

// Reads what the options say of leases and deadlines; returns an error of usage.
static const struct error *read_terms(struct arena *a, const struct create_options *options,
                                      struct given *given) {
    const struct error *error =
        duration_option_read(a, "--timeout", options->timeout, &given->spans[0], &given->timeout);
    if (error == NULL) {
        error = duration_option_read(a, "--waiting-timeout", options->waiting_timeout,
                                     &given->spans[1], &given->waiting_timeout);
    }
    if (error != NULL) {
        return error;
    }
    if (options->holder != NULL) {
        given->lease = &given->lease_request.message;
        return lease_request_read(a, options->holder, options->lease, &given->lease_request);
    }
    return options->lease == NULL
               ? NULL
               : error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                           "--lease %s is without --holder, who is to have the lease",
                           options->lease);
}

static int create(struct invocation *in) {
    const struct create_options *options = in->options;
    if ((options->file == NULL) == (options->like == NULL)) {
        return command_usage_error(in, options->file == NULL
                                           ? "--file FILE is missing, or --like ID"
                                           : "--file and --like exclude each other");
    }
    struct given given = {.run = SLICE_EMPTY};
    const struct error *error = command_check_quiet(in, options->quiet);
    if (error == NULL) {
        error = read_terms(in->arena, options, &given);
    }
    if (error == NULL) {
        error = keyed_options_check(in->arena, &options->keyed);
    }
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    error = options->file != NULL ? read_file(in, options->file, &given.run) : NULL;
    struct connection connection;
    if (error == NULL) {
        error = client_options_open(in, &options->client, &connection);
    }
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    int code = create_on(in, &connection, &given);
    connection_close(&connection);
    return code;
}

const struct command runs_create_command = {
    .name = "runs create",
    .place = 200,
    .operands = "",
    .summary = "Creates a run from JSON, spelled as over REST, or from another run.",
    .details = "Scope: runs.create.\n\n" KEYED_CALL_HELP,
    .tables = tables,
    .options_size = sizeof(struct create_options),
    .run = create,
};
