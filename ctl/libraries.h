#ifndef RUNSD_CTL_LIBRARIES_H
#define RUNSD_CTL_LIBRARIES_H

#include "base/core/build_info.h"

// Adds the libraries that runsctl runs with: those of gateway and server, which it can be both.
void ctl_libraries_add(struct build_libraries *libraries);

#endif
