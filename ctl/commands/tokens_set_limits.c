#include <stdio.h>

#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/token_limit_options.h"
#include "ctl/tokens_access.h"
#include "runs/v1/tokens_service.pb-c.h"

struct set_limits_options {
    struct tokens_options access;
    const char *org;
    struct token_limit_options limits;
};

static const struct cli_option rows[] = {
    {.name = "--org",
     .value = "ORG",
     CLI_TEXT_AT(struct set_limits_options, org),
     .is_required = true,
     .help = "the token's organization"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct set_limits_options, access.client)},
    {tokens_options_rows, offsetof(struct set_limits_options, access)},
    {rows, 0},
    {token_limit_options_rows, offsetof(struct set_limits_options, limits)},
    {NULL, 0},
};

static int set_limits(struct invocation *in) {
    Runs__V1__SetTokenLimitsRequest request = RUNS__V1__SET_TOKEN_LIMITS_REQUEST__INIT;
    const struct set_limits_options *options = in->options;
    request.organization_id = (char *)options->org;
    request.name = (char *)in->operands[0];
    Runs__V1__TokenLimits limits;
    const struct error *error =
        token_limit_options_read(in->arena, &options->limits, &limits, &request.limits);
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    if (request.limits == NULL) {
        return command_usage_error(in, "give at least one of --limit-reads, --limit-changes, "
                                       "--limit-bytes and --limit-streams: what is not given is "
                                       "as the server's options say");
    }
    in->unknown_hint = "set them again: that may be done at will";
    struct slice response;
    int code = tokens_access_call(in, &options->access, "/runs.v1.TokensService/SetTokenLimits",
                                  message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (options->access.client.json) {
        return json_print_reply(in, "runs.v1.Token", response);
    }
    Runs__V1__Token *token;
    error = message_from_bytes(in->arena, &runs__v1__token__descriptor, response, &token);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    const char *text = token_limit_text(in->arena, token->limits);
    fputs("Limits of ", stdout);
    print_text(stdout, slice_of_cstr(token->name));
    printf(": %s.\n", text[0] != '\0' ? text : "as the server's options say");
    return EXIT_CODE_OK;
}

const struct command tokens_set_limits_command = {
    .name = "tokens set-limits",
    .place = 325,
    .operands = "NAME",
    .summary = "Sets how much a token may ask for, in place of what was set before.",
    .tables = tables,
    .options_size = sizeof(struct set_limits_options),
    .operand_count = 1,
    .run = set_limits,
};
