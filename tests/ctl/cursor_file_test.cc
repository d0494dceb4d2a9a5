extern "C" {
#include "ctl/cursor_file.h"
}

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

class CursorFile : public ::testing::Test {
  protected:
    void SetUp() override {
        arena_init(&arena_);
        std::string name = ::testing::TempDir() + "/cursorXXXXXX";
        folder_ = mkdtemp(name.data());
        path_ = folder_ / "cursor";
    }
    void TearDown() override {
        fs::permissions(folder_, fs::perms::owner_all);
        fs::remove_all(folder_);
        arena_release(&arena_);
    }
    void Give(const std::string &text) {
        std::ofstream(path_) << text;
    }
    std::string Bytes() {
        std::ifstream in(path_);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    // What the file has; "-" if it is not there, the message if it is refused.
    std::string Open() {
        const char *cursor = "untouched";
        const error *e = cursor_file_open(&arena_, "--cursor-file", path_.c_str(), &cursor);
        if (e != nullptr) {
            EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
            EXPECT_STREQ("untouched", cursor);
            EXPECT_EQ(0u, std::string(e->message).find("--cursor-file: ")) << e->message;
            return e->message;
        }
        return cursor != nullptr ? cursor : "-";
    }
    const error *Write(const char *cursor) {
        return cursor_file_write(&arena_, "--cursor-file", path_.c_str(), cursor);
    }
    size_t Files() {
        return static_cast<size_t>(
            std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
    }
    arena arena_;
    fs::path folder_;
    fs::path path_;
};

TEST_F(CursorFile, KeepsTheLastOneWritten) {
    EXPECT_EQ("-", Open());
    EXPECT_EQ(0u, Files());
    EXPECT_EQ(nullptr, Write("first"));
    EXPECT_EQ("first", Open());
    EXPECT_EQ(nullptr, Write("c2"));
    EXPECT_EQ("c2\n", Bytes());
    EXPECT_EQ("c2", Open());
    EXPECT_EQ(1u, Files());
}

TEST_F(CursorFile, TakesALineWithoutItsEnd) {
    Give("abc");
    EXPECT_EQ("abc", Open());
}

TEST_F(CursorFile, RefusesWhatIsNoCursor) {
    for (const std::string &text :
         {std::string(), std::string("\n"), std::string("two words\n"), std::string("a\nb\n"),
          std::string("a\0b", 3), std::string("gr\xc3\xbcn\n"), std::string("a\n\n")}) {
        Give(text);
        EXPECT_NE(std::string::npos, Open().find("has no cursor that an export wrote")) << text;
        EXPECT_EQ(text, Bytes());
    }
    Give(std::string(1025, 'a'));
    EXPECT_NE(std::string::npos, Open().find("has more than 1024 bytes"));
}

TEST_F(CursorFile, RefusesWhatIsNoFile) {
    fs::create_directory(path_);
    EXPECT_NE(std::string::npos, Open().find("is no file"));
    path_ = "/dev/null";
    EXPECT_NE(std::string::npos, Open().find("/dev/null is no file"));
    path_ = folder_ / "missing" / "cursor";
    EXPECT_NE(std::string::npos, Open().find("cannot be replaced: "));
}

TEST_F(CursorFile, LeavesWhatWasThereBeforeIfTheNewOneCannotBeWritten) {
    Give("kept\n");
    fs::create_directory(path_.string() + ".new"); // in the way, for root too
    EXPECT_NE(std::string::npos, Open().find("Is a directory"));
    const error *e = Write("lost");
    ASSERT_NE(nullptr, e);
    EXPECT_EQ(STATUS_UNKNOWN, e->code);
    EXPECT_EQ("kept\n", Bytes());
}

TEST_F(CursorFile, OfAnotherNameStaysALink) {
    fs::create_symlink("real", path_);
    EXPECT_EQ("-", Open());
    Give("a\n"); // by the link
    EXPECT_EQ(nullptr, Write("b"));
    EXPECT_TRUE(fs::is_symlink(path_));
    EXPECT_EQ("b\n", Bytes());
}

TEST_F(CursorFile, WhatACrashLeftIsInNobodysWay) {
    Give("a\n");
    std::ofstream(path_.string() + ".new") << "half of somethi";
    EXPECT_EQ("a", Open());
    EXPECT_EQ(nullptr, Write("b"));
    EXPECT_EQ("b\n", Bytes());
    EXPECT_EQ(1u, Files());
}

} // namespace
