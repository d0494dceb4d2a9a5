#include <stdio.h>
#include <string.h>

#include "base/core/timestamp.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "ctl/token_print.h"
#include "ctl/tokens_access.h"
#include "runs/v1/tokens_service.pb-c.h"

struct create_options {
    struct tokens_options access;
    const char *org;
    const char *scopes;
    const char *name;
    const char *expires_at;
    bool quiet;
};

static const struct cli_option rows[] = {
    {.name = "--org",
     .value = "ORG",
     CLI_TEXT_AT(struct create_options, org),
     .is_required = true,
     .help = "the organization that the token is bound to"},
    {.name = "--scopes",
     .value = "A,B",
     CLI_TEXT_AT(struct create_options, scopes),
     .is_required = true,
     .help = "runs.read, runs.cancel, runs.create, runs.report,\n"
             "tokens.admin (all organizations), tokens.admin.own (ORG alone)"},
    {.name = "--name",
     .value = "NAME",
     CLI_TEXT_AT(struct create_options, name),
     .default_help = "made up",
     .help = "its name in events and lists"},
    {.name = "--expires-at",
     .value = "TIME",
     CLI_TEXT_AT(struct create_options, expires_at),
     .default_help = "never",
     .help = "RFC 3339; when it expires"},
    {.name = "--quiet", CLI_FLAG_AT(struct create_options, quiet), .help = "print the token alone"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct create_options, access.client)},
    {tokens_options_rows, offsetof(struct create_options, access)},
    {rows, 0},
    {NULL, 0},
};

// Splits "A,B" at its commas, in a.
static void split_scopes(struct arena *a, const char *text, Runs__V1__CreateTokenRequest *request) {
    request->scopes = ARENA_ARRAY(a, char *, strlen(text) + 1);
    for (const char *p = text;; p++) {
        const char *end = strchrnul(p, ',');
        request->scopes[request->n_scopes++] = arena_cstr(a, slice_of(p, (size_t)(end - p)));
        if (*end == '\0') {
            return;
        }
        p = end;
    }
}

static int create(struct invocation *in) {
    Runs__V1__CreateTokenRequest request = RUNS__V1__CREATE_TOKEN_REQUEST__INIT;
    const struct create_options *options = in->options;
    request.organization_id = (char *)options->org;
    split_scopes(in->arena, options->scopes, &request);
    if (options->name != NULL) {
        request.name = (char *)options->name;
    }
    Google__Protobuf__Timestamp expires = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    if (options->expires_at != NULL) {
        if (!timestamp_parse(slice_of_cstr(options->expires_at), &expires.seconds,
                             &expires.nanos)) {
            return command_usage_error(in,
                                       "--expires-at: \"%s\" is no RFC 3339 time like "
                                       "2026-01-31T09:00:00Z",
                                       options->expires_at);
        }
        request.expires_at = &expires;
    }
    struct slice response;
    int code = tokens_access_call(in, &options->access, "/runs.v1.TokensService/CreateToken",
                                  message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (options->access.client.json) {
        return json_print_reply(in, "runs.v1.CreateTokenResponse", response);
    }
    Runs__V1__CreateTokenResponse *created;
    const struct error *error = message_from_bytes(
        in->arena, &runs__v1__create_token_response__descriptor, response, &created);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    if (created->token == NULL) {
        return command_error(
            in,
            error_new(in->arena, STATUS_INTERNAL, REASON_NONE, "the server's reply has no token"),
            NULL);
    }
    token_print_secret(in->arena, created->secret, created->token, options->quiet);
    return EXIT_CODE_OK;
}

const struct command tokens_create_command = {
    .name = "tokens create",
    .place = 300,
    .operands = "",
    .summary = "Makes a bearer token and shows it, once.",
    .tables = tables,
    .options_size = sizeof(struct create_options),
    .run = create,
};
