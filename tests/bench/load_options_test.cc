#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

extern "C" {
#include "bench/load/load_options.h"
}

// The command line that the load generators share.

namespace {

class LoadOptions : public testing::Test {
  protected:
    LoadOptions() {
        arena_init(&arena_);
        options_.program = "loader";
    }
    ~LoadOptions() override {
        load_options_close(&options_);
        arena_release(&arena_);
    }
    // What is told of an option with a wrong value.
    std::string Wrong(int option, const char *value) {
        testing::internal::CaptureStderr();
        EXPECT_FALSE(load_options_take(&options_, option, value));
        return testing::internal::GetCapturedStderr();
    }
    void Take(int option, const std::string &value = "") {
        values_.push_back(std::make_unique<std::string>(value));
        EXPECT_TRUE(load_options_take(&options_, option, values_.back()->c_str()));
    }
    // A file of count targets.
    std::string Targets(int count) {
        std::string path = testing::TempDir() + "/targets";
        std::ofstream file(path);
        for (int i = 0; i < count; i++) {
            file << "target-" << i << "\n";
        }
        return path;
    }

    struct arena arena_;
    struct load_options options_ = {};
    std::vector<std::unique_ptr<std::string>> values_;
};

TEST_F(LoadOptions, WrongNumbersAreToldWithTheirLimits) {
    EXPECT_EQ(Wrong(LOAD_OPTION_SECONDS, "0"),
              "loader: --seconds must be a number from 0.001 to 1e+06, is '0'\n");
    EXPECT_EQ(Wrong(LOAD_OPTION_COUNT, "many"),
              "loader: --count must be a number from 1 to 1e+12, is 'many'\n");
    EXPECT_EQ(Wrong(LOAD_OPTION_FIRST, "-1"),
              "loader: --first must be a number from 0 to 1e+12, is '-1'\n");
    EXPECT_EQ(Wrong(1, "another's"), "");
}

TEST_F(LoadOptions, WhereWhatAndHowLongMustBeGiven) {
    Take(LOAD_OPTION_CONNECT, "127.0.0.1:1");
    Take(LOAD_OPTION_TARGETS, "none");
    EXPECT_FALSE(load_options_complete(&options_));
    for (int how_long : {LOAD_OPTION_SECONDS, LOAD_OPTION_COUNT, LOAD_OPTION_ONCE}) {
        struct load_options whole = options_;
        EXPECT_TRUE(load_options_take(&whole, how_long, "2"));
        EXPECT_TRUE(load_options_complete(&whole)) << how_long;
        whole.connect = nullptr;
        EXPECT_FALSE(load_options_complete(&whole)) << how_long;
    }
}

TEST_F(LoadOptions, TheFirstTargetMustBeThere) {
    Take(LOAD_OPTION_CONNECT, "127.0.0.1:1");
    Take(LOAD_OPTION_TARGETS, Targets(3));
    Take(LOAD_OPTION_FIRST, "3");
    const struct error *error = load_options_open(&arena_, &options_);
    ASSERT_NE(error, nullptr);
    EXPECT_STREQ(error->message, "--first must be below the number of targets, 3, is 3");
    testing::internal::CaptureStderr();
    EXPECT_EQ(load_options_tell(&options_, error, nullptr), 1);
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              "loader: --first must be below the number of targets, 3, is 3\n");
}

TEST_F(LoadOptions, WhatTheyNameIsRead) {
    Take(LOAD_OPTION_CONNECT, "unix:a.sock");
    Take(LOAD_OPTION_TARGETS, Targets(3));
    Take(LOAD_OPTION_FIRST, "2");
    ASSERT_EQ(load_options_open(&arena_, &options_), nullptr);
    EXPECT_EQ(options_.server.kind, ADDRESS_UNIX);
    EXPECT_EQ(options_.targets.count, 3u);
    struct load_report report = {};
    report.generator = "loader";
    report.loop = "closed";
    testing::internal::CaptureStdout();
    EXPECT_EQ(load_options_tell(&options_, nullptr, &report), 0);
    EXPECT_EQ(testing::internal::GetCapturedStdout().substr(0, 23), "{\"generator\":\"loader\",\"");
}

} // namespace
