#include "server/libraries.h"

#include <protobuf-c/protobuf-c.h>

#include "base/cli/config_file.h"
#include "rpc/libraries.h"
#include "storage/store_opener.h"

void runsd_libraries_add(struct build_libraries *libraries) {
    rpc_libraries_add(libraries);
    config_file_libraries_add(libraries);
    build_libraries_add(libraries, "protobuf-c", protobuf_c_version());
    store_libraries_add(libraries);
}
