#ifndef RUNSD_TESTS_STORAGE_STORE_URL_H
#define RUNSD_TESTS_STORAGE_STORE_URL_H

#include <string>

#include "tests/storage/postgres_cluster.h"

namespace store_testing {

// The URL of a new store of the scheme; path is a file that is not there.
inline std::string StoreUrl(const std::string &scheme, const std::string &path) {
    if (scheme == "memory") {
        return "memory:";
    }
    if (scheme == "postgres") {
        PostgresCluster &cluster = PostgresCluster::Shared();
        return cluster.Url(cluster.NewDatabase());
    }
    return scheme + ":" + path;
}

} // namespace store_testing

#endif
