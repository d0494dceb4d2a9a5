#include "server/service/token_admin.h"

#include "base/core/check.h"

bool token_admin_covers_all(const struct service_call *call) {
    return (call->identity.scopes & SCOPE_TOKENS_ADMIN) != 0;
}

bool token_admin_covers(const struct service_call *call, struct slice organization) {
    CHECK((scopes_with_implied(call->identity.scopes) & SCOPE_TOKENS_ADMIN_OWN) != 0);
    return token_admin_covers_all(call) || slice_equal(organization, call->organization);
}

uint32_t token_admin_spared_scopes(const struct service_call *call) {
    return token_admin_covers_all(call) ? 0 : SCOPE_TOKENS_ADMIN | SCOPE_ORGANIZATIONS_ADMIN;
}

const struct error *token_admin_denied(const struct service_call *call) {
    struct error *e = error_new(call->arena, STATUS_PERMISSION_DENIED, REASON_SCOPE_MISSING,
                                "the token \"%s\" lacks the scope tokens.admin: it administers "
                                "its own organization, and no tokens with that scope, "
                                "organizations.admin, a client name or limits",
                                call->identity.name);
    error_add_metadata(e, call->arena, "scope", "tokens.admin");
    return e;
}
