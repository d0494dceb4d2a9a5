#include "ctl/exit_code.h"
#include "ctl/message.h"
#include "ctl/organization_print.h"
#include "ctl/tokens_access.h"

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct tokens_options, client)},
    {tokens_options_rows, 0},
    {NULL, 0},
};

static int get(struct invocation *in) {
    Runs__V1__GetOrganizationRequest request = RUNS__V1__GET_ORGANIZATION_REQUEST__INIT;
    request.name = (char *)in->operands[0];
    struct slice response;
    int code = tokens_access_call(in, in->options, "/runs.v1.OrganizationsService/GetOrganization",
                                  message_to_bytes(in->arena, &request), &response);
    return code == EXIT_CODE_OK ? organization_print(in, response) : code;
}

const struct command organizations_get_command = {
    .name = "organizations get",
    .place = 330,
    .operands = "NAME",
    .summary = "Shows an organization's size, and whether it is frozen.",
    .details = "Scope: organizations.admin. An organization is there once it has a token or a\n"
               "run.\n",
    .tables = tables,
    .options_size = sizeof(struct tokens_options),
    .operand_count = 1,
    .run = get,
};
