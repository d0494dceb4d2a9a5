#include "ctl/exit_code.h"
#include "ctl/message.h"
#include "ctl/organization_print.h"
#include "ctl/tokens_access.h"

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct tokens_options, client)},
    {tokens_options_rows, 0},
    {NULL, 0},
};

static int unfreeze(struct invocation *in) {
    Runs__V1__UnfreezeOrganizationRequest request = RUNS__V1__UNFREEZE_ORGANIZATION_REQUEST__INIT;
    request.name = (char *)in->operands[0];
    in->unknown_hint = "say it again: one that is not frozen stays so";
    struct slice response;
    int code =
        tokens_access_call(in, in->options, "/runs.v1.OrganizationsService/UnfreezeOrganization",
                           message_to_bytes(in->arena, &request), &response);
    return code == EXIT_CODE_OK ? organization_print(in, response) : code;
}

const struct command organizations_unfreeze_command = {
    .name = "organizations unfreeze",
    .place = 334,
    .operands = "NAME",
    .summary = "Lets an organization's runs be changed again.",
    .details = "Scope: organizations.admin.\n",
    .tables = tables,
    .options_size = sizeof(struct tokens_options),
    .operand_count = 1,
    .run = unfreeze,
};
