#include <stdio.h>

#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/print.h"
#include "ctl/run_print.h"
#include "ctl/tokens_access.h"
#include "runs/v1/tokens_service.pb-c.h"

enum { REVOKE_ORG = TOKENS_OPTION_COUNT, REVOKE_OPTION_COUNT };

static const struct option options[] = {
    TOKENS_OPTIONS,
    [REVOKE_ORG] = {.name = "--org",
                    .kind = OPTION_TEXT,
                    .value = "ORG",
                    .help = "the token's organization",
                    .required = true},
};

static int revoke(struct invocation *in) {
    Runs__V1__RevokeTokenRequest request = RUNS__V1__REVOKE_TOKEN_REQUEST__INIT;
    request.organization_id = (char *)in->values[REVOKE_ORG].text;
    request.name = (char *)in->operands[0];
    struct slice response;
    int code = tokens_access_call(in, "/runs.v1.TokensService/RevokeToken",
                                  message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (in->values[CLIENT_JSON].given) {
        return json_print_reply(in->arena, "runs.v1.Token", response);
    }
    Runs__V1__Token *token;
    const struct error *error =
        message_from_bytes(in->arena, &runs__v1__token__descriptor, response, &token);
    if (error != NULL) {
        return exit_with_error(error, NULL);
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
    .options = options,
    .option_count = REVOKE_OPTION_COUNT,
    .operand_count = 1,
    .run = revoke,
};
