#ifndef RUNSD_TESTS_STORAGE_POSTGRES_WRITER_STORE_H
#define RUNSD_TESTS_STORAGE_POSTGRES_WRITER_STORE_H

#include <map>
#include <mutex>
#include <string>

#include "tests/storage/postgres_cluster.h"
#include "tests/storage/store_testing.h"

extern "C" {
#include "storage/postgres/writer.h"
#include "tests/storage/store_metrics_testing.h"
}

namespace store_testing {

// The writers of the back-end alone, as a store that takes changes and nothing else, and whose
// guard is the test's.
class WriterStore {
  public:
    struct Options {
        std::string conninfo;
        int queue_limit = 0;
        std::string standby_names = {};
        bool checks_standbys = false;
    };

    explicit WriterStore(const Options &options) : options_(options) {
        base_.store.ops = &kOps;
        base_.self = this;
        struct pg_writer_surroundings around = {};
        around.connection.conninfo = options_.conninfo.c_str();
        around.connection.log = &kSilent;
        around.log = &kSilent;
        around.queue_limit = options.queue_limit;
        around.metrics = metrics_;
        around.context = this;
        around.look_at_guard = LookAtGuard;
        around.on_commit = OnCommit;
        around.on_health = OnHealth;
        writers_ = pg_writers_start(&around);
    }
    ~WriterStore() {
        pg_writers_stop(writers_);
        store_metrics_testing_free(metrics_);
    }
    WriterStore(const WriterStore &) = delete;
    WriterStore &operator=(const WriterStore &) = delete;

    struct run_store *store() {
        return &base_.store;
    }
    struct pg_writers *writers() {
        return writers_;
    }
    void SetAllowed(bool allows) {
        std::lock_guard<std::mutex> lock(mutex_);
        allows_ = allows;
    }
    void SetStandbys(const std::string &names) {
        std::lock_guard<std::mutex> lock(mutex_);
        options_.standby_names = names;
    }
    // The newest revision that was told of the organization.
    int64_t Told(const std::string &organization) {
        std::lock_guard<std::mutex> lock(mutex_);
        return told_[organization];
    }
    // How many runs were told to have become such that they can be acquired.
    int Opened() {
        std::lock_guard<std::mutex> lock(mutex_);
        return opened_;
    }
    bool IsWell() {
        std::lock_guard<std::mutex> lock(mutex_);
        return is_well_;
    }
    int TimesIll() {
        std::lock_guard<std::mutex> lock(mutex_);
        return times_ill_;
    }

  private:
    static void Submit(struct run_store *store, struct store_op *op) {
        WriterStore *self = reinterpret_cast<struct base *>(store)->self;
        if (!pg_writers_push(self->writers_, op)) {
            op->result = STORE_BUSY;
            op->done(op);
        }
    }
    static void LookAtGuard(void *context, struct arena *a, struct pg_writer_guard *ret) {
        WriterStore *self = static_cast<WriterStore *>(context);
        std::lock_guard<std::mutex> lock(self->mutex_);
        ret->allows = self->allows_;
        ret->detail = "the test does not allow it";
        ret->standby_names = self->options_.checks_standbys
                                 ? arena_printf(a, "%s", self->options_.standby_names.c_str())
                                 : nullptr;
    }
    static void OnCommit(void *context, const struct store_commit *commits, int count) {
        WriterStore *self = static_cast<WriterStore *>(context);
        std::lock_guard<std::mutex> lock(self->mutex_);
        for (int i = 0; i < count; i++) {
            int64_t &told = self->told_[ToString(commits[i].organization)];
            told = std::max(told, commits[i].revision);
            self->opened_ += commits[i].opened;
        }
    }
    static void OnHealth(void *context, bool works, const char *) {
        WriterStore *self = static_cast<WriterStore *>(context);
        std::lock_guard<std::mutex> lock(self->mutex_);
        EXPECT_NE(self->is_well_, works);
        self->is_well_ = works;
        self->times_ill_ += !works;
    }

    struct base {
        struct run_store store;
        WriterStore *self;
    };
    static constexpr struct run_store_ops kOps = {"writers", Submit, nullptr};
    static inline const struct logger kSilent = {-1, LOG_ERROR, "test", nullptr};

    Options options_;
    struct base base_ = {};
    struct store_metrics *metrics_ = store_metrics_testing_new();
    struct pg_writers *writers_;
    std::mutex mutex_;
    bool allows_ = true;
    bool is_well_ = true;
    int times_ill_ = 0;
    int opened_ = 0;
    std::map<std::string, int64_t> told_;
};

// Waits, for as long as a test may take, until holds() does.
template <typename F> bool Eventually(F holds) {
    for (int i = 0; i < 6000; i++) {
        if (holds()) {
            return true;
        }
        usleep(10000);
    }
    return false;
}

inline WriterStore::Options OptionsFor(const PostgresCluster &cluster,
                                       const std::string &database) {
    return {.conninfo = cluster.Url(database)};
}

} // namespace store_testing

#endif
