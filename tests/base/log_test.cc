extern "C" {
#include "base/log.h"
}

#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

namespace {

class Log : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(0, pipe(pipe_));
    }
    void TearDown() override {
        close(pipe_[0]);
    }
    logger Logger(log_level level) {
        return logger{pipe_[1], level, "test"};
    }
    std::string Written() {
        close(pipe_[1]);
        std::string all;
        char buffer[4096];
        ssize_t n;
        while ((n = read(pipe_[0], buffer, sizeof(buffer))) > 0) {
            all.append(buffer, static_cast<size_t>(n));
        }
        return all;
    }
    int pipe_[2];
};

TEST_F(Log, WritesOneJsonObjectALine) {
    logger l = Logger(LOG_INFO);
    LOG(&l, LOG_WARN, "said \"so\"", log_text("id", "a\nb"), log_int("us", -7),
        log_bool("ok", true));
    std::string line = Written();
    EXPECT_EQ(0u, line.find("{\"time\":\"2")) << line;
    EXPECT_NE(std::string::npos,
              line.find("\"level\":\"warn\",\"program\":\"test\",\"message\":\"said \\\"so\\\"\","
                        "\"id\":\"a\\nb\",\"us\":-7,\"ok\":true}\n"))
        << line;
}

TEST_F(Log, TakesNoFields) {
    logger l = Logger(LOG_DEBUG);
    LOG(&l, LOG_DEBUG, "bare");
    EXPECT_NE(std::string::npos, Written().find("\"message\":\"bare\"}\n"));
}

TEST_F(Log, DropsWhatIsBelowItsLevel) {
    logger l = Logger(LOG_WARN);
    LOG(&l, LOG_INFO, "no");
    log_write(&l, LOG_DEBUG, "no", nullptr, 0);
    EXPECT_EQ("", Written());
}

TEST_F(Log, CutsLongTextButNotTheLine) {
    logger l = Logger(LOG_INFO);
    std::string text(5000, 'x');
    LOG(&l, LOG_INFO, "m", log_text("t", text.c_str()), log_int("after", 1));
    std::string line = Written();
    EXPECT_NE(std::string::npos, line.find("\"" + std::string(2048, 'x') + "\",\"after\":1}\n"));
}

TEST_F(Log, MasksTokensWhereverTheyTurnUp) {
    logger l = Logger(LOG_INFO);
    std::string token = "rst_" + std::string(43, 'a');
    std::string text = "/v1/" + token + "/x?t=" + token;
    LOG(&l, LOG_INFO, "m", log_text("t", text.c_str()), log_text("u", token.c_str()));
    std::string line = Written();
    EXPECT_NE(std::string::npos, line.find("\"t\":\"/v1/rst_***/x?t=rst_***\",\"u\":\"rst_***\"}"))
        << line;
}

TEST_F(Log, NeverFailsOnAClosedDescriptor) {
    logger l{-1, LOG_INFO, "test"};
    LOG(&l, LOG_ERROR, "lost");
    close(pipe_[1]);
}

TEST(LogLevel, NamesItsFourLevelsInOrder) {
    EXPECT_STREQ("debug", log_level_names[LOG_DEBUG]);
    EXPECT_STREQ("error", log_level_names[LOG_ERROR]);
    EXPECT_EQ(nullptr, log_level_names[LOG_ERROR + 1]);
}

} // namespace
