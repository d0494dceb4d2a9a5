#include <stdio.h>

#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "ctl/tokens_access.h"
#include "runs/v1/tokens_service.pb-c.h"

struct revoke_options {
    struct tokens_options access;
    const char *org;
};

static const struct cli_option rows[] = {
    {.name = "--org",
     .value = "ORG",
     CLI_TEXT_AT(struct revoke_options, org),
     .is_required = true,
     .help = "the token's organization"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct revoke_options, access.client)},
    {tokens_options_rows, offsetof(struct revoke_options, access)},
    {rows, 0},
    {NULL, 0},
};

static int revoke(struct invocation *in) {
    Runs__V1__RevokeTokenRequest request = RUNS__V1__REVOKE_TOKEN_REQUEST__INIT;
    const struct revoke_options *options = in->options;
    request.organization_id = (char *)options->org;
    request.name = (char *)in->operands[0];
    in->unknown_hint = "revoke it again: that may be done at will";
    struct slice response;
    int code = tokens_access_call(in, &options->access, "/runs.v1.TokensService/RevokeToken",
                                  message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (options->access.client.json) {
        return json_print_reply(in, "runs.v1.Token", response);
    }
    Runs__V1__Token *token;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__token__descriptor, response, &token);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    fputs("Revoked ", stdout);
    print_text(stdout, slice_of_cstr(token->name));
    printf(" at %s.\n", timestamp_text(in->arena, token->revoked_at));
    return EXIT_CODE_OK;
}

const struct command tokens_revoke_command = {
    .name = "tokens revoke",
    .place = 320,
    .operands = "NAME",
    .summary = "Revokes a token; it opens nothing from then on.",
    .tables = tables,
    .options_size = sizeof(struct revoke_options),
    .operand_count = 1,
    .run = revoke,
};
