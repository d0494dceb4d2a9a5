extern "C" {
#include "base/log/log.h"
}

#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

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
        return logger{pipe_[1], level, "test", nullptr};
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
    std::string text;
    while (text.size() < 5000) {
        text += "x/";
    }
    LOG(&l, LOG_INFO, "m", log_text("t", text.c_str()), log_int("after", 1));
    std::string line = Written();
    EXPECT_NE(std::string::npos, line.find("\"" + text.substr(0, 2048) + "[cut]\",\"after\":1}\n"));
}

TEST_F(Log, ALineIsNeverLongerThanOneWriteOfAPipe) {
    const std::string pieces[] = {"x/", "\"", "\x01", "\n", "\xC3\xA9", "\xFF", "rst_", "aB0 "};
    for (const std::string &piece : pieces) {
        std::string text;
        while (text.size() < 3000) {
            text += piece;
        }
        std::vector<log_field> fields(20, log_text("key", text.c_str()));
        char line[LOG_LONGEST_LINE];
        for (int count = 0; count <= 20; count++) {
            size_t n = log_line_format(LOG_FORMAT_JSON, "test", LOG_INFO, text.c_str(),
                                       fields.data(), count, line);
            ASSERT_LE(n, static_cast<size_t>(LOG_LONGEST_LINE));
            std::string written(line, n);
            EXPECT_EQ("}\n", written.substr(n - 2));
            EXPECT_EQ(n - 1, written.find('\n'));
            bool is_cut = written.find(",\"cut\":true}") != std::string::npos;
            if (count == 0) {
                EXPECT_FALSE(is_cut) << written;
            } else if (count == 20 && piece != "rst_") { // which hides what follows
                EXPECT_TRUE(is_cut) << written;
            }
        }
    }
}

TEST_F(Log, EscapesWhatJsonDoesNotTake) {
    logger l = Logger(LOG_INFO);
    std::string text("\b\t\n\v\f\r\x1F\"\\\x7F\xC3\xA9\xC3.\0", 15);
    LOG(&l, LOG_INFO, "m", log_slice("t", slice_of(text.data(), text.size())));
    EXPECT_NE(
        std::string::npos,
        Written().find(
            "\"t\":\"\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\\x7F\xC3\xA9\xEF\xBF\xBD.\\u0000\"}"));
}

TEST_F(Log, WritesEveryNumber) {
    logger l = Logger(LOG_INFO);
    LOG(&l, LOG_INFO, "m", log_int("a", 0), log_int("b", INT64_MAX), log_int("c", INT64_MIN));
    EXPECT_NE(std::string::npos,
              Written().find("\"a\":0,\"b\":9223372036854775807,\"c\":-9223372036854775808}"));
}

TEST_F(Log, MasksTokensWhereverTheyTurnUp) {
    logger l = Logger(LOG_INFO);
    std::string token = "rst_" + std::string(43, 'a');
    std::string text = "/v1/" + token + "/x?t=" + token;
    LOG(&l, LOG_INFO, token.c_str(), log_text("t", text.c_str()), log_text("u", token.c_str()));
    std::string line = Written();
    EXPECT_NE(
        std::string::npos,
        line.find("\"message\":\"rst_***\",\"t\":\"/v1/rst_***/x?t=rst_***\",\"u\":\"rst_***\"}"))
        << line;
}

TEST_F(Log, LeavesOwnTextAlone) {
    logger l = Logger(LOG_INFO);
    LOG(&l, LOG_INFO, "m", log_own_text("route", "/v1/rst_x/{anIdentifierThatIsVeryLongIndeed}"));
    EXPECT_NE(std::string::npos,
              Written().find("\"route\":\"/v1/rst_x/{anIdentifierThatIsVeryLongIndeed}\"}"));
}

TEST_F(Log, NeverFailsOnAClosedDescriptor) {
    logger l{-1, LOG_INFO, "test", nullptr};
    LOG(&l, LOG_ERROR, "lost");
    close(pipe_[1]);
}

TEST(LogLevel, NamesItsFourLevelsInOrder) {
    EXPECT_STREQ("debug", log_level_names[LOG_DEBUG]);
    EXPECT_STREQ("error", log_level_names[LOG_ERROR]);
    EXPECT_EQ(nullptr, log_level_names[LOG_ERROR + 1]);
}

} // namespace
