#ifndef RUNSD_GATEWAY_LOCAL_LOCAL_TABLE_H
#define RUNSD_GATEWAY_LOCAL_LOCAL_TABLE_H

#include "gateway/local/local_route.h"

// The pages that every gateway has: one row each. Pure.
extern const struct local_table local_table_default;

#endif
