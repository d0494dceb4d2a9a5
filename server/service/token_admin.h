#ifndef RUNSD_SERVER_SERVICE_TOKEN_ADMIN_H
#define RUNSD_SERVER_SERVICE_TOKEN_ADMIN_H

#include "server/service/service_call.h"

// Which tokens a caller may administer: with the scope tokens.admin all; with tokens.admin.own
// those of its own organization that have neither the scope tokens.admin nor organizations.admin,
// by which it could get at the others. The methods ask for SCOPE_TOKENS_ADMIN_OWN, and then here.

// Whether the caller may administer tokens of the organization. If not, they are to it as if
// they did not exist.
bool token_admin_covers(const struct service_call *call, struct slice organization);

// Whether the caller may administer those of all: what else is not an organization's own, such as
// how much it may ask for.
bool token_admin_covers_all(const struct service_call *call);

// The scopes that the caller may neither give nor change; bits.
uint32_t token_admin_spared_scopes(const struct service_call *call);

// PERMISSION_DENIED / SCOPE_MISSING: the caller lacks tokens.admin. In the call's arena.
const struct error *token_admin_denied(const struct service_call *call);

#endif
