#include "admin/admin_sandbox.h"

#include <stdio.h>

static bool is_as_wanted(void *context, char detail[ADMIN_DETAIL_SIZE]) {
    const struct sandbox *sandbox = context;
    snprintf(detail, ADMIN_DETAIL_SIZE, "%s", sandbox->text);
    return sandbox->is_on == sandbox->is_wanted;
}

void admin_add_sandbox(struct admin *admin, struct sandbox *sandbox) {
    const struct admin_check check = {"sandbox", is_as_wanted, sandbox, true};
    admin_add_check(admin, &check);
}
