#include "ctl/exit_code.h"
#include "ctl/message.h"
#include "ctl/organization_print.h"
#include "ctl/tokens_access.h"

static const struct cli_table tables[] = {
    {client_options_rows, offsetof(struct tokens_options, client)},
    {tokens_options_rows, 0},
    {NULL, 0},
};

static int freeze(struct invocation *in) {
    Runs__V1__FreezeOrganizationRequest request = RUNS__V1__FREEZE_ORGANIZATION_REQUEST__INIT;
    request.name = (char *)in->operands[0];
    in->unknown_hint = "freeze it again: one that is frozen stays so";
    struct slice response;
    int code =
        tokens_access_call(in, in->options, "/runs.v1.OrganizationsService/FreezeOrganization",
                           message_to_bytes(in->arena, &request), &response);
    return code == EXIT_CODE_OK ? organization_print(in, response) : code;
}

const struct command organizations_freeze_command = {
    .name = "organizations freeze",
    .place = 332,
    .operands = "NAME",
    .summary = "Refuses changes of an organization's runs from now on.",
    .details = "Scope: organizations.admin. Reads and watches go on; deadlines and leases end\n"
               "after the thaw.\n",
    .tables = tables,
    .options_size = sizeof(struct tokens_options),
    .operand_count = 1,
    .run = freeze,
};
