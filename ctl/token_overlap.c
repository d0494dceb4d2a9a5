#include "ctl/token_overlap.h"

#include <string.h>

#include "base/core/clock.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "runs/v1/tokens_service.pb-c.h"

// When the previous secret ends; NULL if there is none that is valid still.
static const Google__Protobuf__Timestamp *overlap_end(const Runs__V1__Token *token) {
    if (token->revoked_at != NULL || token->n_secrets < 2) {
        return NULL;
    }
    const Google__Protobuf__Timestamp *end = token->secrets[1]->expires_at;
    return end != NULL && end->seconds > clock_now_us(&clock_system) / 1000000 ? end : NULL;
}

static int refuse(const struct invocation *in, const char *name,
                  const Google__Protobuf__Timestamp *end) {
    const struct error *error =
        error_new(in->arena, STATUS_FAILED_PRECONDITION, REASON_NONE,
                  "the token \"%s\" was rotated before, and its previous secret is valid until %s: "
                  "a rotation would end that at once; nothing was changed",
                  name, timestamp_text_short(in->arena, end));
    return command_error(in, error,
                         "if nobody uses the previous secret, give --end-oldest; if the newest is "
                         "lost, runsctl tokens create makes another token");
}

int token_overlap_check(const struct invocation *in, const struct tokens_options *options,
                        const char *organization, const char *name) {
    Runs__V1__ListTokensRequest request = RUNS__V1__LIST_TOKENS_REQUEST__INIT;
    request.organization_id = (char *)organization;
    struct slice response;
    int code = tokens_access_call(in, options, "/runs.v1.TokensService/ListTokens",
                                  message_to_bytes(in->arena, &request), &response);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    Runs__V1__ListTokensResponse *listed;
    const struct error *error = message_from_bytes(
        in->arena, &runs__v1__list_tokens_response__descriptor, response, &listed);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    for (size_t i = 0; i < listed->n_tokens; i++) {
        const Runs__V1__Token *token = listed->tokens[i];
        const Google__Protobuf__Timestamp *end =
            strcmp(token->name, name) == 0 ? overlap_end(token) : NULL;
        if (end != NULL) {
            return refuse(in, name, end);
        }
    }
    return EXIT_CODE_OK;
}
