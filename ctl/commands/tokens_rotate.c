#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/json.h"
#include "ctl/message.h"
#include "ctl/run_print.h"
#include "ctl/time_option.h"
#include "ctl/token_expiry.h"
#include "ctl/token_overlap.h"
#include "ctl/token_print.h"
#include "ctl/tokens_access.h"
#include "runs/v1/tokens_service.pb-c.h"

struct rotate_options {
    struct tokens_options access;
    const char *org;
    const char *overlap;
    const char *expires_at;
    const char *expires_in;
    bool ends_oldest;
    bool quiet;
};

static const struct cli_option rows[] = {
    {.name = "--org",
     .value = "ORG",
     CLI_TEXT_AT(struct rotate_options, org),
     .is_required = true,
     .help = "the token's organization"},
    {.name = "--overlap",
     .value = "DURATION",
     CLI_TEXT_AT(struct rotate_options, overlap),
     .fallback = "24h",
     .help = "how long the secret so far stays valid, like 45m, 24h or 30d; 0: no longer"},
    {.name = "--expires-at",
     .value = "TIME",
     CLI_TEXT_AT(struct rotate_options, expires_at),
     .default_help = "as so far",
     .help = "RFC 3339; when the new secret expires"},
    {.name = "--expires-in",
     .value = "DURATION",
     CLI_TEXT_AT(struct rotate_options, expires_in),
     .help = "how long it is valid, in place of --expires-at: 12h, 30d"},
    {.name = "--end-oldest",
     CLI_FLAG_AT(struct rotate_options, ends_oldest),
     .help = "also where an overlap of before is not over: its secret ends"},
    {.name = "--quiet", CLI_FLAG_AT(struct rotate_options, quiet), .help = "print the token alone"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct rotate_options, access.client)},
    {tokens_options_rows, offsetof(struct rotate_options, access)},
    {rows, 0},
    {NULL, 0},
};

// Whether the secret so far is valid beside the new one.
static bool has_overlap(const Runs__V1__Token *token) {
    if (token->n_secrets < 2) {
        return false;
    }
    const Google__Protobuf__Timestamp *made = token->secrets[0]->created_at;
    const Google__Protobuf__Timestamp *end = token->secrets[1]->expires_at;
    return made != NULL && end != NULL &&
           (end->seconds > made->seconds ||
            (end->seconds == made->seconds && end->nanos > made->nanos));
}

// What to say if the new secret cannot be written.
static const char *lost_text(struct arena *a, const Runs__V1__Token *token) {
    if (!has_overlap(token)) {
        return "the token was rotated, but the new secret is lost, and the secret so far has "
               "ended: rotate it again";
    }
    return arena_printf(a,
                        "the token was rotated, but the new secret is lost; the secret so far is "
                        "valid until %s, and another rotation ends it at once: make another token "
                        "for its users (runsctl tokens create), or rotate again with --end-oldest "
                        "when they can take the new secret at once",
                        timestamp_text(a, token->secrets[1]->expires_at));
}

static int print_rotated(struct invocation *in, struct slice response, bool quiet) {
    Runs__V1__RotateTokenResponse *rotated;
    const struct error *error = message_from_bytes(
        in->arena, &runs__v1__rotate_token_response__descriptor, response, &rotated);
    if (error != NULL) {
        return command_error(in, error, NULL);
    }
    if (rotated->token == NULL) {
        return command_error(
            in,
            error_new(in->arena, STATUS_INTERNAL, REASON_NONE, "the server's reply has no token"),
            NULL);
    }
    in->unwritten = lost_text(in->arena, rotated->token);
    if (in->json) {
        return json_print_reply(in, "runs.v1.RotateTokenResponse", response);
    }
    token_print_secret(in->arena, rotated->secret, rotated->token, quiet);
    return EXIT_CODE_OK;
}

static int rotate(struct invocation *in) {
    const struct rotate_options *options = in->options;
    Runs__V1__RotateTokenRequest request = RUNS__V1__ROTATE_TOKEN_REQUEST__INIT;
    Google__Protobuf__Duration overlap = GOOGLE__PROTOBUF__DURATION__INIT;
    Google__Protobuf__Timestamp expires = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    request.organization_id = (char *)options->org;
    request.name = (char *)in->operands[0];
    request.overlap = &overlap;
    const struct error *error =
        time_option_read_span(in->arena, "--overlap", options->overlap, &overlap.seconds);
    if (error == NULL) {
        error = token_expiry_read(in->arena, options->expires_at, options->expires_in, &expires,
                                  &request.expires_at);
    }
    if (error == NULL) {
        error = command_check_quiet(in, options->quiet);
    }
    if (error != NULL) {
        return command_usage_error(in, "%s", error->message);
    }
    int code = EXIT_CODE_OK;
    if (overlap.seconds > 0 && !options->ends_oldest) {
        code = token_overlap_check(in, &options->access, options->org, in->operands[0]);
    }
    in->unknown_hint = "see with runsctl tokens list whether there is a newer secret: it is lost "
                       "then, and another rotation ends the secret in use";
    struct slice response;
    if (code == EXIT_CODE_OK) {
        code = tokens_access_call(in, &options->access, "/runs.v1.TokensService/RotateToken",
                                  message_to_bytes(in->arena, &request), &response);
    }
    if (code != EXIT_CODE_OK) {
        return code;
    }
    return print_rotated(in, response, options->quiet);
}

const struct command tokens_rotate_command = {
    .name = "tokens rotate",
    .place = 315,
    .operands = "NAME",
    .summary = "Gives a token a new secret and shows it, once; the one so far ends later.",
    .details = "A token has two secrets at most: where it was rotated before and the secret of\n"
               "then is valid still, it is refused, for that one would end at once, unless\n"
               "--end-oldest or --overlap 0 says that it may.\n",
    .tables = tables,
    .options_size = sizeof(struct rotate_options),
    .operand_count = 1,
    .run = rotate,
    .shows_secret = true,
};
