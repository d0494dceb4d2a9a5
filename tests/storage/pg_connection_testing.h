#ifndef RUNSD_TESTS_STORAGE_PG_CONNECTION_TESTING_H
#define RUNSD_TESTS_STORAGE_PG_CONNECTION_TESTING_H

#include <csignal>
#include <gtest/gtest.h>
#include <string>

#include "tests/storage/postgres_cluster.h"

extern "C" {
#include "base/core/clock.h"
#include "storage/postgres/pg_connection.h"
#include "storage/postgres/pg_row.h"
}

namespace store_testing {

constexpr int64_t kSecondUs = 1000 * 1000;

// A connection of the back-end for PostgreSQL, with an arena for parameters.
class PgConnection {
  public:
    explicit PgConnection(const std::string &conninfo, bool is_pooled = false)
        : conninfo_(conninfo) {
        struct pg_connection_options options = {};
        options.conninfo = conninfo_.c_str();
        options.application_name = "runsd test";
        options.is_pooled = is_pooled;
        c_ = pg_connection_new(&options);
        arena_init(&arena_);
    }
    ~PgConnection() {
        pg_connection_free(c_);
        arena_release(&arena_);
    }
    PgConnection(const PgConnection &) = delete;
    PgConnection &operator=(const PgConnection &) = delete;

    enum pg_outcome Open(int64_t within_us = 20 * kSecondUs) {
        return pg_connection_open(c_, clock_monotonic_us() + within_us);
    }
    void Within(int64_t us) {
        pg_connection_set_deadline(c_, clock_monotonic_us() + us);
    }
    enum pg_outcome Run(const struct pg_statement &statement,
                        const struct pg_params *params = nullptr,
                        const PGresult **ret_result = nullptr) {
        return pg_run(c_, &statement, params, ret_result);
    }
    // Of a statement whose answer is one integer; -1 where it failed.
    int64_t Integer(const struct pg_statement &statement) {
        const PGresult *result = nullptr;
        return Run(statement, nullptr, &result) == PG_OK ? pg_int(result, 0, 0) : -1;
    }
    void Queue(const struct pg_statement &statement, const PGresult **ret_result = nullptr) {
        pg_queue(c_, &statement, nullptr, ret_result);
    }
    struct pg_params Params() {
        struct pg_params p;
        pg_params_init(&p, &arena_);
        return p;
    }
    std::string detail() const {
        return pg_connection_detail(c_);
    }
    std::string sqlstate() const {
        return pg_connection_sqlstate(c_);
    }
    struct pg_connection *get() {
        return c_;
    }
    struct arena *arena() {
        return &arena_;
    }

  private:
    std::string conninfo_;
    struct pg_connection *c_;
    struct arena arena_;
};

// A process that stands still until the end of the scope.
class Frozen {
  public:
    explicit Frozen(pid_t pid) : pid_(pid) {
        kill(pid_, SIGSTOP);
    }
    ~Frozen() {
        kill(pid_, SIGCONT);
    }
    Frozen(const Frozen &) = delete;
    Frozen &operator=(const Frozen &) = delete;

  private:
    pid_t pid_;
};

} // namespace store_testing

#endif
