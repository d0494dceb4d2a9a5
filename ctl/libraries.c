#include "ctl/libraries.h"

#include "gateway/libraries.h"
#include "server/libraries.h"

void ctl_libraries_add(struct build_libraries *libraries) {
    gateway_libraries_add(libraries);
    runsd_libraries_add(libraries);
}
