#include "gateway/libraries.h"

#include "base/cli/config_file.h"
#include "gateway/http/libraries.h"
#include "rpc/libraries.h"

void gateway_libraries_add(struct build_libraries *libraries) {
    rpc_libraries_add(libraries);
    config_file_libraries_add(libraries);
    http_libraries_add(libraries);
}
