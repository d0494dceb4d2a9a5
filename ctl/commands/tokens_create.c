#include <stdio.h>
#include <string.h>

#include "base/core/timestamp.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "ctl/token_print.h"
#include "ctl/tokens_access.h"
#include "runs/v1/tokens_service.pb-c.h"

enum {
    CREATE_ORG = TOKENS_OPTION_COUNT,
    CREATE_SCOPES,
    CREATE_NAME,
    CREATE_EXPIRES_AT,
    CREATE_QUIET,
    CREATE_OPTION_COUNT,
};

static const struct option options[] = {
    TOKENS_OPTIONS,
    [CREATE_ORG] = {.name = "--org",
                    .kind = OPTION_TEXT,
                    .value = "ORG",
                    .help = "the organization that the token is bound to",
                    .required = true},
    [CREATE_SCOPES] = {.name = "--scopes",
                       .kind = OPTION_TEXT,
                       .value = "A,B",
                       .help = "runs.read, runs.cancel, runs.create, runs.report, tokens.admin",
                       .required = true},
    [CREATE_NAME] = {.name = "--name",
                     .kind = OPTION_TEXT,
                     .value = "NAME",
                     .help = "its name in events and lists [made up]"},
    [CREATE_EXPIRES_AT] = {.name = "--expires-at",
                           .kind = OPTION_TEXT,
                           .value = "TIME",
                           .help = "RFC 3339; when it expires [never]"},
    [CREATE_QUIET] = {.name = "--quiet", .kind = OPTION_FLAG, .help = "print the token alone"},
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

static void print_token(struct invocation *in, const char *secret, const Runs__V1__Token *token) {
    const char *const rows[][2] = {
        {"token", secret},
        {"organization", token->organization_id},
        {"name", token->name},
        {"scopes", token_scopes_text(in->arena, token->scopes, token->n_scopes)},
        {"expires", timestamp_text(in->arena, token->expires_at)},
    };
    print_pairs(rows, sizeof(rows) / sizeof(rows[0]), stdout);
    puts("\nKeep the token: it cannot be read again.");
}

static int create(struct invocation *in) {
    Runs__V1__CreateTokenRequest request = RUNS__V1__CREATE_TOKEN_REQUEST__INIT;
    const struct option_value *v = in->values;
    request.organization_id = (char *)v[CREATE_ORG].text;
    split_scopes(in->arena, v[CREATE_SCOPES].text, &request);
    if (v[CREATE_NAME].given) {
        request.name = (char *)v[CREATE_NAME].text;
    }
    Google__Protobuf__Timestamp expires = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    if (v[CREATE_EXPIRES_AT].given) {
        if (!timestamp_parse(slice_of_cstr(v[CREATE_EXPIRES_AT].text), &expires.seconds,
                             &expires.nanos)) {
            return command_usage_error(in->command,
                                       "--expires-at: \"%s\" is no RFC 3339 time like "
                                       "2026-01-31T09:00:00Z",
                                       v[CREATE_EXPIRES_AT].text);
        }
        request.expires_at = &expires;
    }
    struct slice response;
    int code = tokens_access_call(in, "/runs.v1.TokensService/CreateToken",
                                  message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (v[CLIENT_JSON].given) {
        return json_print_reply(in->arena, "runs.v1.CreateTokenResponse", response);
    }
    Runs__V1__CreateTokenResponse *created;
    const struct error *error = message_from_bytes(
        in->arena, &runs__v1__create_token_response__descriptor, response, &created);
    if (error != NULL) {
        return exit_with_error(error, NULL);
    }
    if (created->token == NULL) {
        return exit_with_error(
            error_new(in->arena, STATUS_INTERNAL, REASON_NONE, "the server's reply has no token"),
            NULL);
    }
    if (v[CREATE_QUIET].given) {
        puts(created->secret);
    } else {
        print_token(in, created->secret, created->token);
    }
    return EXIT_CODE_OK;
}

const struct command tokens_create_command = {
    .name = "tokens create",
    .place = 300,
    .operands = "",
    .summary = "Makes a bearer token and shows it, once.",
    .options = options,
    .option_count = CREATE_OPTION_COUNT,
    .run = create,
};
