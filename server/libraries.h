#ifndef RUNSD_SERVER_LIBRARIES_H
#define RUNSD_SERVER_LIBRARIES_H

#include "base/core/build_info.h"

// Adds the libraries that the server runs with: those of calls, of its messages and of the stores.
void runsd_libraries_add(struct build_libraries *libraries);

#endif
