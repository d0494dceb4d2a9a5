#ifndef RUNSD_GATEWAY_LIBRARIES_H
#define RUNSD_GATEWAY_LIBRARIES_H

#include "base/core/build_info.h"

// Adds the libraries that a gateway runs with.
void gateway_libraries_add(struct build_libraries *libraries);

#endif
