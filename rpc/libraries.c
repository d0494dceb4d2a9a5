#include "rpc/libraries.h"

#include <grpc/grpc.h>
#include <openssl/crypto.h>
#include <zlib.h>

void rpc_libraries_add(struct build_libraries *libraries) {
    build_libraries_add(libraries, "gRPC core", grpc_version_string());
    build_libraries_add(libraries, "OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING));
    build_libraries_add(libraries, "zlib", zlibVersion());
}
