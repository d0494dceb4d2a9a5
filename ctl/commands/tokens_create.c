#include "ctl/client_san.h"
#include "ctl/comma_list.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "ctl/token_expiry.h"
#include "ctl/token_limit_options.h"
#include "ctl/token_print.h"
#include "ctl/tokens_access.h"
#include "runs/v1/tokens_service.pb-c.h"

struct create_options {
    struct tokens_options access;
    const char *org;
    struct cli_list scopes;
    const char *name;
    const char *expires_at;
    const char *expires_in;
    const char *client_san;
    bool quiet;
    struct token_limit_options limits;
};

static const struct cli_option rows[] = {
    {.name = "--org",
     .value = "ORG",
     CLI_TEXT_AT(struct create_options, org),
     .is_required = true,
     .help = "the organization that the token is bound to"},
    {.name = "--scopes",
     .value = "A,B",
     CLI_LIST_AT(struct create_options, scopes),
     .is_required = true,
     .help = "runs.read, runs.cancel, runs.create, runs.report, runs.delete, "
             "tokens.admin (all organizations), tokens.admin.own (ORG alone), "
             "organizations.admin (all organizations)"},
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
    {.name = "--expires-in",
     .value = "DURATION",
     CLI_TEXT_AT(struct create_options, expires_in),
     .help = "how long it is valid, in place of --expires-at: 12h, 30d"},
    {.name = "--client-san",
     .value = "NAME",
     CLI_TEXT_AT(struct create_options, client_san),
     .help = "the name of a client's certificate that opens the token, in place of a secret: "
             "spiffe://acme/worker, worker.example, uri:... or dns:..."},
    {.name = TOKENS_OPTION_CREATE,
     CLI_FLAG_AT(struct create_options, access.creates_store),
     .help = "make the store of --store if it is not there"},
    {.name = "--quiet", CLI_FLAG_AT(struct create_options, quiet), .help = "print the token alone"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct create_options, access.client)},
    {tokens_options_rows, offsetof(struct create_options, access)},
    {rows, 0},
    {token_limit_options_rows, offsetof(struct create_options, limits)},
    {NULL, 0},
};

static const struct error *read_scopes(struct arena *a, const struct create_options *options,
                                       Runs__V1__CreateTokenRequest *request) {
    struct cli_list scopes;
    const struct error *error = comma_list_read(a, "--scopes", &options->scopes, &scopes);
    if (error == NULL) {
        request->scopes = (char **)scopes.items;
        request->n_scopes = scopes.count;
    }
    return error;
}

// What to do where it is not known whether the token was made.
static const char *hint_of_unknown(const struct create_options *options) {
    if (options->client_san != NULL) {
        return "ask for it again: that the client name is taken says that it was made, and runsctl "
               "tokens list shows it";
    }
    return options->name != NULL
               ? "ask for it again with the same name: that the token is there already says that "
                 "it "
                 "was made, but its secret is lost; then revoke it"
               : "runsctl tokens list shows whether it was made; its secret is lost, so revoke it "
                 "then";
}

static int create(struct invocation *in) {
    Runs__V1__CreateTokenRequest request = RUNS__V1__CREATE_TOKEN_REQUEST__INIT;
    const struct create_options *options = in->options;
    request.organization_id = (char *)options->org;
    if (options->name != NULL) {
        request.name = (char *)options->name;
    }
    Google__Protobuf__Timestamp expires = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    const struct error *error = read_scopes(in->arena, options, &request);
    if (error == NULL) {
        error = token_expiry_read(in->arena, options->expires_at, options->expires_in, &expires,
                                  &request.expires_at);
    }
    if (error == NULL) {
        error = command_check_quiet(in, options->quiet);
    }
    if (options->client_san != NULL) {
        request.client_san = (char *)client_san_of(in->arena, options->client_san);
    }
    Runs__V1__TokenLimits limits;
    if (error == NULL) {
        error = token_limit_options_read(in->arena, &options->limits, &limits, &request.limits);
    }
    if (error == NULL && options->quiet && options->client_san != NULL) {
        return command_usage_error(in, "--quiet prints the secret alone, and a token with "
                                       "--client-san has none");
    }
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    in->unknown_hint = hint_of_unknown(options);
    struct slice response;
    int code = tokens_access_call(in, &options->access, "/runs.v1.TokensService/CreateToken",
                                  message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    Runs__V1__CreateTokenResponse *created;
    error = message_from_bytes(in->arena, &runs__v1__create_token_response__descriptor, response,
                               &created);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    if (created->token == NULL) {
        return command_error(
            in,
            error_new(in->arena, STATUS_INTERNAL, REASON_NONE, "the server's reply has no token"),
            NULL);
    }
    bool has_secret = created->secret[0] != '\0';
    in->unwritten =
        !has_secret ? "the token was made"
                    : arena_printf(in->arena,
                                   "the token was made, but its secret is lost: revoke it (runsctl "
                                   "tokens revoke %s --org %s) and make another one",
                                   created->token->name, created->token->organization_id);
    if (in->json) {
        return json_print_reply(in, "runs.v1.CreateTokenResponse", response);
    }
    if (has_secret) {
        token_print_secret(in->arena, created->secret, created->token, options->quiet);
    } else {
        token_print_client(in->arena, created->token);
    }
    return EXIT_CODE_OK;
}

const struct command tokens_create_command = {
    .name = "tokens create",
    .place = 300,
    .operands = "",
    .summary = "Makes a token and shows its secret, once.",
    .tables = tables,
    .options_size = sizeof(struct create_options),
    .run = create,
    .shows_secret = true,
};
