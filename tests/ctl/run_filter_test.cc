extern "C" {
#include "base/core/timestamp.h"
#include "ctl/run_filter.h"
}

#include <gtest/gtest.h>
#include <string>

namespace {

class RunFilter : public ::testing::Test {
  protected:
    void SetUp() override {
        arena_init(&arena_);
        int32_t nanos = 0;
        EXPECT_TRUE(timestamp_parse(slice_of_cstr("2026-03-01T12:00:00Z"), &now_s_, &nanos));
    }
    void TearDown() override {
        arena_release(&arena_);
    }
    // The filter in words; the message if an option is refused.
    std::string Read() {
        const error *e = run_filter_read(&arena_, &options_, now_s_ * 1000000, &filter_);
        if (e != nullptr) {
            EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
            return e->message;
        }
        return run_filter_text(&arena_, &filter_.message);
    }
    arena arena_;
    int64_t now_s_ = 0;
    run_filter_options options_{};
    run_filter filter_{};
};

TEST_F(RunFilter, OfNothingIsNone) {
    EXPECT_EQ("running or waiting", Read());
    EXPECT_FALSE(filter_.is_given);
}

TEST_F(RunFilter, SaysAllThatNarrowsIt) {
    options_.workflow = "w";
    options_.source_run = "s";
    options_.lease_holder = "h";
    options_.started_after = "7d";
    options_.older_than = "2h";
    EXPECT_EQ(
        "running or waiting, of workflow \"w\", replayed or forked from \"s\", held by \"h\", "
        "started after 2026-02-22T12:00:00Z, started before 2026-03-01T10:00:00Z",
        Read());
    EXPECT_TRUE(filter_.is_given);
}

TEST_F(RunFilter, TakesStatusesWithCommas) {
    const char *both[] = {"waiting", "running"};
    const char *list[] = {"running, waiting"};
    options_.status = {both, 1};
    EXPECT_EQ("waiting", Read());
    EXPECT_TRUE(filter_.is_given);
    options_.status = {both, 2};
    EXPECT_EQ("waiting or running", Read());
    options_.status = {list, 1};
    EXPECT_EQ("running or waiting", Read());
    list[0] = "runing";
    EXPECT_EQ("--status: \"runing\" is no status (did you mean running?)", Read());
}

TEST_F(RunFilter, IsGivenByEachOption) {
    for (const char *run_filter_options::*option :
         {&run_filter_options::workflow, &run_filter_options::source_run,
          &run_filter_options::lease_holder}) {
        options_ = {};
        options_.*option = "x";
        Read();
        EXPECT_TRUE(filter_.is_given);
        options_.*option = "";
        EXPECT_NE(std::string::npos, Read().find(": \"\" names nothing; leave --"));
    }
    for (const char *run_filter_options::*option :
         {&run_filter_options::older_than, &run_filter_options::started_after,
          &run_filter_options::started_before}) {
        options_ = {};
        options_.*option = "1h";
        Read();
        EXPECT_TRUE(filter_.is_given);
        options_.*option = "";
        EXPECT_NE(std::string::npos, Read().find("\"\" is no "));
    }
}

TEST_F(RunFilter, HasOneEndThatIsBehindItsBeginning) {
    options_.older_than = "2h";
    options_.started_before = "1h";
    EXPECT_EQ("--older-than and --started-before exclude each other", Read());
    options_.started_before = nullptr;
    options_.started_after = "2h";
    EXPECT_EQ("--started-after 2h is not before --older-than 2h, so no run is between them",
              Read());
    options_.older_than = nullptr;
    options_.started_before = "2026-01-31";
    EXPECT_EQ("--started-after 2h is not before --started-before 2026-01-31, so no run is between "
              "them",
              Read());
    options_.started_after = "2026-01-30";
    EXPECT_EQ("running or waiting, started after 2026-01-30T00:00:00Z, started before "
              "2026-01-31T00:00:00Z",
              Read());
}

TEST_F(RunFilter, OlderThanIsALengthOfTimeAlone) {
    for (const char *text : {"2026-01-31", "2026-01-31T09:00:00Z", "soon", "-2h"}) {
        options_.older_than = text;
        EXPECT_NE(std::string::npos, Read().find("is no length of time like")) << text;
    }
    options_.older_than = "0s";
    EXPECT_EQ("running or waiting, started before 2026-03-01T12:00:00Z", Read());
}

} // namespace
