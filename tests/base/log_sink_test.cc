extern "C" {
#include "base/core/clock.h"
#include "base/log/log_crash.h"
#include "base/log/log_file.h"
#include "base/log/log_sink.h"
}

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

// There under ThreadSanitizer alone; the macro that says so is taken away in .bazelrc.
extern "C" void __tsan_init() __attribute__((weak));

namespace {

constexpr int kPatienceMs = 10000;

class LogSink : public ::testing::Test {
  protected:
    void SetUp() override {
        signal(SIGPIPE, SIG_IGN);
        ASSERT_EQ(pipe(pipe_), 0);
        Start(pipe_[1]);
    }
    void TearDown() override {
        log_sink_free(sink_, 10);
        close(pipe_[0]);
        close(pipe_[1]);
    }
    void Start(int fd) {
        log_sink_free(sink_, 10);
        sink_ = log_sink_new(fd, LOG_FORMAT_JSON, "test");
        ASSERT_NE(sink_, nullptr);
    }
    void Put(const std::string &line, log_level level = LOG_INFO) {
        log_sink_put(sink_, level, line.data(), line.size());
    }
    // Ends the sink; whatever is not written then never will be.
    void End(int patience_ms = kPatienceMs) {
        log_sink_free(sink_, patience_ms);
        sink_ = nullptr;
    }
    // A line that names its writer and its number, long or short.
    static std::string Line(int writer, int number, size_t length) {
        std::string line = std::to_string(writer) + " " + std::to_string(number) + " ";
        line.resize(length - 2, static_cast<char>('a' + writer % 26));
        return line + "]\n";
    }
    // Reads until the writers have closed or as long as something comes.
    static std::string ReadAll(int fd, int wait_ms) {
        std::string all;
        char buffer[65536];
        pollfd p = {fd, POLLIN, 0};
        while (poll(&p, 1, wait_ms) == 1) {
            ssize_t n = read(fd, buffer, sizeof(buffer));
            if (n <= 0) {
                break;
            }
            all.append(buffer, static_cast<size_t>(n));
        }
        return all;
    }
    static std::vector<std::string> Lines(const std::string &text) {
        std::vector<std::string> lines;
        size_t start = 0;
        for (size_t at; (at = text.find('\n', start)) != std::string::npos; start = at + 1) {
            lines.push_back(text.substr(start, at - start));
        }
        EXPECT_EQ(start, text.size()) << "the last line is whole";
        return lines;
    }
    static long Dropped(const std::vector<std::string> &lines) {
        long dropped = 0;
        for (const auto &line : lines) {
            size_t at = line.find("\"count\":");
            if (line.find("log lines dropped") != std::string::npos) {
                dropped += atol(line.c_str() + at + 8);
            }
        }
        return dropped;
    }
    int pipe_[2] = {-1, -1};
    struct log_sink *sink_ = nullptr;
};

TEST_F(LogSink, WritesLinesInOrderBeforeItEnds) {
    for (int i = 0; i < 100; i++) {
        Put(Line(0, i, 64));
    }
    End();
    auto lines = Lines(ReadAll(pipe_[0], 0));
    ASSERT_EQ(lines.size(), 100u);
    for (int i = 0; i < 100; i++) {
        EXPECT_EQ(lines[static_cast<size_t>(i)] + "\n", Line(0, i, 64));
    }
}

TEST_F(LogSink, WritesALineWithoutBeingAskedTo) {
    for (int i = 0; i < 3; i++) {
        Put("alone\n");
        pollfd p = {pipe_[0], POLLIN, 0};
        ASSERT_EQ(poll(&p, 1, kPatienceMs), 1);
        EXPECT_EQ(ReadAll(pipe_[0], 0), "alone\n");
    }
}

TEST_F(LogSink, NeverWaitsForAReaderAndCountsWhatItDrops) {
    const int kLines = 20000;
    for (int i = 0; i < kLines; i++) {
        Put(Line(1, i, 256)); // five times what the buffer and the pipe take
    }
    EXPECT_GT(log_sink_dropped(sink_), 0u);
    std::thread end([this] { End(); });
    auto lines = Lines(ReadAll(pipe_[0], 500));
    end.join();
    auto more = Lines(ReadAll(pipe_[0], 0));
    lines.insert(lines.end(), more.begin(), more.end());
    long dropped = Dropped(lines);
    long notices = 0;
    for (const auto &line : lines) {
        notices += line.find("log lines dropped") != std::string::npos;
        EXPECT_TRUE(line.back() == ']' || line.back() == '}') << line;
    }
    EXPECT_GE(notices, 1);
    EXPECT_EQ(static_cast<long>(lines.size()) - notices + dropped, kLines);
}

TEST_F(LogSink, KeepsRoomForErrors) {
    while (log_sink_dropped(sink_) == 0) {
        Put(Line(2, 0, 1024));
    }
    uint64_t dropped = log_sink_dropped(sink_);
    for (int i = 0; i < 100; i++) {
        Put(Line(3, i, 1024), i % 2 == 0 ? LOG_ERROR : LOG_WARN);
    }
    EXPECT_EQ(log_sink_dropped(sink_), dropped);
    for (int i = 0; i < 1000; i++) {
        Put(Line(3, i, 1024), LOG_ERROR);
    }
    EXPECT_GT(log_sink_dropped(sink_), dropped) << "the reserve has an end, too";
}

TEST_F(LogSink, EndsSoonWithoutAReader) {
    for (int i = 0; i < 5000; i++) {
        Put(Line(4, i, 256));
    }
    int64_t start_us = clock_monotonic_us();
    End(50);
    EXPECT_LT(clock_monotonic_us() - start_us, 5000000);
    // What the pipe took are whole lines.
    EXPECT_GT(Lines(ReadAll(pipe_[0], 0)).size(), 100u);
}

TEST_F(LogSink, ADescriptorThatIsSharedStaysAsItIs) {
    Put("line\n");
    End();
    EXPECT_EQ(fcntl(pipe_[1], F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(LogSink, LinesOfManyThreadsAndTwoProcessesNeverMix) {
    if (__tsan_init != nullptr) {
        GTEST_SKIP() << "ThreadSanitizer ends a forked child that starts threads";
    }
    const int kThreads = 4, kLines = 400;
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        struct log_sink *mine = log_sink_new(pipe_[1], LOG_FORMAT_JSON, "child");
        for (int i = 0; i < kThreads * kLines; i++) {
            std::string line = Line(10, i, i % 3 == 0 ? 4096 : 100);
            while (log_sink_put(mine, LOG_INFO, line.data(), line.size()),
                   log_sink_dropped(mine) > 0) {
                _exit(2);
            }
            if (i % 100 == 0) {
                usleep(10000); // so that the buffer takes all
            }
        }
        log_sink_free(mine, kPatienceMs);
        _exit(0);
    }
    std::string all;
    std::thread reader([&] { all = ReadAll(pipe_[0], 3000); });
    std::vector<std::thread> writers;
    for (int w = 0; w < kThreads; w++) {
        writers.emplace_back([this, w] {
            for (int i = 0; i < kLines; i++) {
                Put(Line(w, i, i % 5 == 0 ? 4096 : 80 + static_cast<size_t>(i)));
                if (i % 20 == 0) {
                    usleep(10000);
                }
            }
        });
    }
    for (auto &w : writers) {
        w.join();
    }
    int status;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    uint64_t dropped = log_sink_dropped(sink_);
    End();
    reader.join();
    std::vector<int> next(11, 0);
    long read = 0;
    for (const auto &line : Lines(all)) {
        if (line[0] == '{') {
            continue; // of dropped ones
        }
        int writer, number;
        ASSERT_EQ(sscanf(line.c_str(), "%d %d ", &writer, &number), 2) << line;
        ASSERT_GE(number, next[static_cast<size_t>(writer)]) << "in order";
        next[static_cast<size_t>(writer)] = number + 1;
        ASSERT_EQ(line + "\n", Line(writer, number, line.size() + 1));
        read++;
    }
    EXPECT_EQ(read + static_cast<long>(dropped), 2L * kThreads * kLines);
}

TEST_F(LogSink, OutlivesAReaderThatIsGone) {
    close(pipe_[0]);
    for (int i = 0; i < 20000; i++) {
        Put(Line(5, i, 256));
    }
    int64_t start_us = clock_monotonic_us();
    End();
    EXPECT_LT(clock_monotonic_us() - start_us, 5000000);
    pipe_[0] = open("/dev/null", O_RDONLY);
}

TEST_F(LogSink, OutlivesAFullDisk) {
    int full = open("/dev/full", O_WRONLY);
    ASSERT_GE(full, 0);
    Start(full);
    for (int i = 0; i < 20000; i++) {
        Put(Line(6, i, 256));
    }
    EXPECT_GT(log_sink_dropped(sink_), 0u);
    End(50);
    close(full);
}

TEST_F(LogSink, OutlivesAClosedDescriptor) {
    Start(-1);
    Put("lost\n");
    End();
}

TEST_F(LogSink, WritesToFilesAndSockets) {
    char path[] = "/tmp/log_sink_XXXXXX";
    int file = mkstemp(path);
    ASSERT_GE(file, 0);
    unlink(path);
    Start(file);
    std::string expected;
    for (int i = 0; i < 1000; i++) {
        Put(Line(7, i, 500));
        expected += Line(7, i, 500);
    }
    End();
    std::string read(expected.size() + 1, '\0');
    ASSERT_EQ(pread(file, &read[0], read.size(), 0), static_cast<ssize_t>(expected.size()));
    read.resize(expected.size());
    EXPECT_EQ(read, expected);
    close(file);

    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    Start(pair[1]);
    for (int i = 0; i < 1000; i++) {
        Put(Line(7, i, 500)); // more than the socket takes at once
    }
    std::string all;
    std::thread reader([&] { all = ReadAll(pair[0], 1000); });
    End();
    close(pair[1]);
    reader.join();
    EXPECT_EQ(all, expected);
    close(pair[0]);
}

// --- a process that dies ---

std::string LogOf(void (*die)(struct log_sink *), int *ret_status) {
    int fds[2];
    EXPECT_EQ(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        struct log_sink *sink = log_sink_new(fds[1], LOG_FORMAT_JSON, "dying");
        // As in a program without a sanitizer's handlers.
        for (int number : {SIGABRT, SIGSEGV}) {
            signal(number, SIG_DFL);
        }
        log_crash_watch(sink, "dying");
        log_sink_put(sink, LOG_INFO, "first\n", 6);
        usleep(1000);
        log_sink_put(sink, LOG_INFO, "second\n", 7); // while the thread lingers
        die(sink);
        _exit(99);
    }
    close(fds[1]);
    std::string all;
    char buffer[65536];
    ssize_t n;
    while ((n = read(fds[0], buffer, sizeof(buffer))) > 0) {
        all.append(buffer, static_cast<size_t>(n));
    }
    close(fds[0]);
    EXPECT_EQ(waitpid(child, ret_status, 0), child);
    return all;
}

TEST(LogCrash, LinesThatWaitAreWrittenWhenTheProcessAborts) {
    int status;
    EXPECT_EQ(LogOf([](struct log_sink *) { abort(); }, &status), "first\nsecond\n");
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGABRT);
}

TEST(LogCrash, LinesThatWaitAreWrittenWhenTheProcessFaults) {
    int status;
    EXPECT_EQ(LogOf(
                  [](struct log_sink *) {
                      raise(SIGSEGV);
                      raise(SIGSEGV);
                  },
                  &status),
              "first\nsecond\n");
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGSEGV);
}

TEST(LogCrash, LastWordsComeLast) {
    int status;
    std::string log = LogOf(
        [](struct log_sink *) {
            const struct log_field where = log_text("file", "x.c");
            log_last_words("a check failed", &where, 1);
            abort();
        },
        &status);
    EXPECT_EQ(log.find("first\nsecond\n{\"time\":\""), 0u) << log;
    EXPECT_NE(log.find("\"level\":\"error\",\"program\":\"dying\",\"message\":\"a check failed\","
                       "\"file\":\"x.c\"}\n"),
              std::string::npos)
        << log;
    EXPECT_TRUE(WIFSIGNALED(status));
}

TEST(LogCrash, DiesSoonWithoutAReader) {
    int fds[2];
    ASSERT_EQ(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        struct log_sink *sink = log_sink_new(fds[1], LOG_FORMAT_JSON, "dying");
        log_crash_watch(sink, "dying");
        std::string line(999, 'x');
        line += "\n";
        for (int i = 0; i < 500; i++) {
            log_sink_put(sink, LOG_INFO, line.data(), line.size());
        }
        abort();
    }
    int64_t start_us = clock_monotonic_us();
    int status;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_LT(clock_monotonic_us() - start_us, 20000000);
    close(fds[0]);
    close(fds[1]);
}

} // namespace
