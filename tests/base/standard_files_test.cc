extern "C" {
#include "base/cli/standard_files.h"
}

#include <cstdio>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace {

// Runs body in a process of its own; returns its exit status.
template <typename Body> int StatusOf(Body body) {
    fflush(nullptr);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(body());
    }
    int status = 0;
    EXPECT_EQ(pid, waitpid(pid, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int IsWhole(const char *path, const std::string &text) {
    int fd = open(path, O_WRONLY);
    dup2(fd, STDOUT_FILENO);
    fwrite(text.data(), 1, text.size(), stdout);
    return standard_output_finish() == nullptr ? 1 : 0;
}

TEST(StandardFiles, OutputThatWasWrittenIsWhole) {
    EXPECT_EQ(1, StatusOf([] { return IsWhole("/dev/null", "text"); }));
    EXPECT_EQ(1, StatusOf([] { return IsWhole("/dev/full", ""); }));
}

TEST(StandardFiles, OutputThatAFullDiskCutIsNot) {
    EXPECT_EQ(0, StatusOf([] { return IsWhole("/dev/full", "text"); }));
    EXPECT_EQ(0, StatusOf([] { return IsWhole("/dev/full", std::string(1 << 20, 'x')); }));
}

TEST(StandardFiles, WhatWasClosedIsOpenedSoThatItFails) {
    EXPECT_EQ(0, StatusOf([] {
                  close(STDIN_FILENO);
                  close(STDOUT_FILENO);
                  close(STDERR_FILENO);
                  standard_files_open();
                  char byte;
                  bool fails = read(STDIN_FILENO, &byte, 1) < 0 &&
                               write(STDOUT_FILENO, "x", 1) < 0 && write(STDERR_FILENO, "x", 1) < 0;
                  int next = open("/dev/null", O_RDONLY);
                  puts("lost");
                  return fails && next > STDERR_FILENO && standard_output_finish() != nullptr ? 0
                                                                                              : 1;
              }));
}

} // namespace
