// Lines as text, for people and for the journal; tests/base/log_test.cc has those of JSON.
extern "C" {
#include "base/log/log_crash.h"
#include "base/log/log_sink.h"
#include "base/log/server_log.h"
}

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <regex.h>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

// An extended regular expression of POSIX. Not std::regex, of which gcc 12 warns under ASan.
bool Matches(const std::string &text, const char *pattern) {
    regex_t compiled;
    EXPECT_EQ(0, regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB));
    bool matches = regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
    regfree(&compiled);
    return matches;
}

std::string Line(log_format format, log_level level, const std::string &message,
                 const std::vector<log_field> &fields) {
    char line[LOG_LONGEST_LINE];
    size_t n = log_line_format(format, "test", level, message.c_str(), fields.data(),
                               static_cast<int>(fields.size()), line);
    EXPECT_LE(n, sizeof(line));
    return std::string(line, n);
}

std::string Journal(const std::vector<log_field> &fields) {
    return Line(LOG_FORMAT_JOURNAL, LOG_INFO, "m", fields);
}

struct slice Slice(const std::string &text) {
    return slice_of(text.data(), text.size());
}

TEST(LogText, HasTimeLevelProgramMessageAndFields) {
    std::string line =
        Line(LOG_FORMAT_TEXT, LOG_WARN, "call failed",
             {log_text("code", "INTERNAL"), log_int("us", -7), log_bool("ok", true)});
    EXPECT_TRUE(Matches(line, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z "
                              "WARN  test: call failed code=INTERNAL us=-7 ok=true\n$"))
        << line;
}

TEST(LogText, HasThePriorityOfTheJournalInPlaceOfTimeAndProgram) {
    const std::pair<log_level, std::string> rows[] = {
        {LOG_DEBUG, "<7>"}, {LOG_INFO, "<6>"}, {LOG_WARN, "<4>"}, {LOG_ERROR, "<3>"}};
    for (const auto &row : rows) {
        EXPECT_EQ(row.second + "m a=1\n",
                  Line(LOG_FORMAT_JOURNAL, row.first, "m", {log_int("a", 1)}));
    }
}

TEST(LogText, QuotesWhatIsNoWord) {
    const std::pair<std::string, std::string> rows[] = {
        {"/v1/runs/a-b_c.d:e", "/v1/runs/a-b_c.d:e"},
        {"", "\"\""},
        {"a b", "\"a b\""},
        {"a=b", "\"a=b\""},
        {"a\"b", "\"a\\\"b\""},
        {"a\\b", "\"a\\\\b\""},
        {"\xC3\xA9", "\"\xC3\xA9\""},
        {"\xF0\x9F\x98\x80", "\"\xF0\x9F\x98\x80\""},
        {"\xFF", "\"\xEF\xBF\xBD\""},
    };
    for (const auto &row : rows) {
        EXPECT_EQ("<6>m t=" + row.second + "\n", Journal({log_slice("t", Slice(row.first))}));
    }
}

// Whether a terminal, the journal or an editor would take the line for more than one line of text.
void ExpectHarmless(const std::string &line) {
    ASSERT_FALSE(line.empty());
    EXPECT_EQ(line.size() - 1, line.find('\n')) << line;
    for (unsigned char c : line.substr(0, line.size() - 1)) {
        EXPECT_TRUE(c >= 0x20 && c != 0x7F) << line;
    }
    for (const char *hidden : {"\xC2\x85", "\xC2\x9B", "\xC2\x80", "\xC2\x9F", "\xE2\x80\xA8",
                               "\xE2\x80\xAE", "\xE2\x81\xA6", "\xE2\x80\x8F", "\xD8\x9C"}) {
        EXPECT_EQ(std::string::npos, line.find(hidden)) << line;
    }
}

TEST(LogText, NoControlCharacterOfAClientGetsIntoIt) {
    std::vector<std::string> all;
    for (int c = 0; c < 0x100; c++) { // each byte, and each character of two bytes up to U+00FF
        all.emplace_back(1, static_cast<char>(c));
        all.push_back(std::string("\xC2") + static_cast<char>(c));
    }
    for (int c = 0x80; c < 0xC0; c++) {
        all.push_back(std::string("\xE2\x80") + static_cast<char>(c));
        all.push_back(std::string("\xE2\x81") + static_cast<char>(c));
        all.push_back(std::string("\xD8") + static_cast<char>(c));
    }
    all.push_back("\x1B[2J\x1B]0;title\x07");
    for (const std::string &text : all) {
        for (log_format format : {LOG_FORMAT_TEXT, LOG_FORMAT_JOURNAL}) {
            ExpectHarmless(Line(format, LOG_INFO, "m", {log_slice("t", Slice(text))}));
            ExpectHarmless(Line(format, LOG_INFO, "m", {log_own_slice("t", Slice("x" + text))}));
            if (text[0] != '\0') {
                ExpectHarmless(Line(format, LOG_INFO, text, {}));
            }
        }
    }
}

TEST(LogText, EscapesAsJsonDoes) {
    EXPECT_EQ(
        "<6>m t=\"\\u0000\\n\\u001b[2J\\u007f\\u009b\\u202e\"\n",
        Journal({log_slice("t", Slice(std::string("\0\n\x1B[2J\x7F\xC2\x9B\xE2\x80\xAE", 12)))}));
    EXPECT_EQ("<6>m t=\"\xC2\xA0\xE2\x80\x90\xEF\xBB\xBF\"\n",
              Journal({log_slice("t", Slice("\xC2\xA0\xE2\x80\x90\xEF\xBB\xBF"))}));
}

TEST(LogText, MasksTokens) {
    std::string token = "rst_" + std::string(43, 'a');
    EXPECT_EQ("<6>m t=\"/v1/rst_***/x?t=rst_***\" u=rst_***\n",
              Journal({log_text("t", ("/v1/" + token + "/x?t=" + token).c_str()),
                       log_text("u", token.c_str())}));
    EXPECT_EQ("<6>rst_***\n", Line(LOG_FORMAT_JOURNAL, LOG_INFO, token, {}));
}

TEST(LogText, KeepsTheLimitsOfLinesAndTexts) {
    const std::string pieces[] = {"x/",   "\"",   "\x01", "\n",       "\xC3\xA9",
                                  "\xFF", "rst_", "aB0 ", "\xC2\x9B", "\x7F"};
    for (log_format format : {LOG_FORMAT_TEXT, LOG_FORMAT_JOURNAL}) {
        for (const std::string &piece : pieces) {
            std::string text;
            while (text.size() < 3000) {
                text += piece;
            }
            for (size_t count = 0; count <= 20; count++) {
                std::string line =
                    Line(format, LOG_INFO, text,
                         std::vector<log_field>(count, log_text("key", text.c_str())));
                ExpectHarmless(line);
                bool is_cut = line.find(" cut=true\n") != std::string::npos;
                if (count == 0) {
                    EXPECT_FALSE(is_cut) << line;
                } else if (count == 20 && piece != "rst_") {
                    EXPECT_TRUE(is_cut) << line;
                }
            }
        }
    }
    std::string text(5000, '/');
    EXPECT_EQ("<6>m t=" + text.substr(0, 2048) + "[cut] after=1\n",
              Journal({log_text("t", text.c_str()), log_int("after", 1)}));
}

// --- where the lines go ---

std::string ReadAll(int fd) {
    std::string all;
    char buffer[65536];
    ssize_t n;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        all.append(buffer, static_cast<size_t>(n));
    }
    return all;
}

TEST(LogText, DroppedLinesAreToldInIt) {
    int fds[2];
    ASSERT_EQ(0, pipe(fds));
    struct log_sink *sink = log_sink_new(fds[1], LOG_FORMAT_JOURNAL, "test");
    ASSERT_NE(sink, nullptr);
    const std::string line(999, 'x');
    while (log_sink_dropped(sink) == 0) {
        log_sink_put(sink, LOG_INFO, (line + "\n").data(), 1000);
    }
    std::string all;
    std::thread reader([&] { all = ReadAll(fds[0]); });
    log_sink_free(sink, 5000);
    close(fds[1]);
    reader.join();
    EXPECT_TRUE(Matches(all, "\n<4>log lines dropped count=[1-9][0-9]*\n"));
    EXPECT_EQ(std::string::npos, all.find('{'));
    close(fds[0]);
}

TEST(LogText, LastWordsAreInIt) {
    int fds[2];
    ASSERT_EQ(0, pipe(fds));
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        log_crash_watch(log_sink_new(fds[1], LOG_FORMAT_JOURNAL, "dying"), "dying");
        const struct log_field where = log_text("file", "x.c");
        log_last_words("check failed", &where, 1);
        abort();
    }
    close(fds[1]);
    EXPECT_EQ("<3>check failed file=x.c\n", ReadAll(fds[0]));
    close(fds[0]);
    EXPECT_EQ(child, waitpid(child, nullptr, 0));
}

// What a server logs to a pipe as its standard error, with the value of $JOURNAL_STREAM.
std::string Server(log_format format, const std::string &stream, bool is_of_pipe) {
    int fds[2];
    EXPECT_EQ(0, pipe(fds));
    pid_t child = fork();
    if (child == 0) {
        dup2(fds[1], STDERR_FILENO);
        close(fds[1]);
        struct stat s;
        fstat(STDERR_FILENO, &s);
        std::string own = std::to_string(s.st_dev) + ":" + std::to_string(s.st_ino);
        setenv("JOURNAL_STREAM", is_of_pipe ? own.c_str() : stream.c_str(), 1);
        struct logger log;
        server_log_start(LOG_INFO, format, "prog", &log);
        LOG(&log, LOG_ERROR, "m", log_int("a", 1));
        server_log_stop(&log);
        _exit(0);
    }
    close(fds[1]);
    std::string all = ReadAll(fds[0]);
    close(fds[0]);
    EXPECT_EQ(child, waitpid(child, nullptr, 0));
    return all;
}

TEST(LogText, OnlyTheJournalItselfGetsPriorities) {
    EXPECT_EQ("<3>m a=1\n", Server(LOG_FORMAT_TEXT, "", true));
    for (const char *stream : {"", "1:2", "nonsense", "8:12345678901234567890123456789"}) {
        std::string line = Server(LOG_FORMAT_TEXT, stream, false);
        EXPECT_NE(std::string::npos, line.find("Z ERROR prog: m a=1\n")) << stream << line;
    }
    std::string json = Server(LOG_FORMAT_JSON, "", true);
    EXPECT_EQ(0u, json.find("{\"time\":")) << "JSON is the same everywhere: " << json;
}

TEST(LogText, NamesItsFormats) {
    EXPECT_STREQ("json", log_format_names[LOG_FORMAT_JSON]);
    EXPECT_STREQ("text", log_format_names[LOG_FORMAT_TEXT]);
    EXPECT_EQ(nullptr, log_format_names[LOG_FORMAT_JOURNAL]);
}

} // namespace
