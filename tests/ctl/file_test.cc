extern "C" {
#include "ctl/file.h"
}

#include <fstream>
#include <gtest/gtest.h>
#include <string>

namespace {

class File : public ::testing::Test {
  protected:
    void SetUp() override {
        arena_init(&arena_);
        path_ = ::testing::TempDir() + "file_test_input";
    }
    void TearDown() override {
        arena_release(&arena_);
    }
    const error *Read(size_t size, size_t limit) {
        std::ofstream(path_, std::ios::binary) << std::string(size, 'x');
        return file_read(&arena_, "--file", path_.c_str(), limit, &bytes_);
    }
    arena arena_;
    std::string path_;
    slice bytes_{};
};

TEST_F(File, IsReadWhole) {
    // 4,096 is the block it is read in.
    for (size_t size : {0, 1, 4095, 4096, 4097, 100000}) {
        ASSERT_EQ(nullptr, Read(size, 100000)) << size;
        EXPECT_EQ(size, bytes_.len);
    }
    EXPECT_EQ('x', bytes_.data[99999]);
}

TEST_F(File, IsRefusedOneByteBeyondTheLimit) {
    const error *e = Read(4097, 4096);
    ASSERT_NE(nullptr, e);
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
    EXPECT_EQ("--file: " + path_ + " has more than 4096 bytes", e->message);
}

TEST_F(File, ThatIsNotThereIsNamedWithTheReason) {
    const error *e = file_read(&arena_, "--file", "/nowhere/at/all", 10, &bytes_);
    ASSERT_NE(nullptr, e);
    EXPECT_STREQ("--file: /nowhere/at/all: No such file or directory", e->message);
}

TEST_F(File, ThatIsAFolderIsRefused) {
    const error *e = file_read(&arena_, "--file", "/", 10, &bytes_);
    ASSERT_NE(nullptr, e);
    EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
}

} // namespace
