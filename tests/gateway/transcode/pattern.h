#ifndef RUNSD_TESTS_GATEWAY_TRANSCODE_PATTERN_H
#define RUNSD_TESTS_GATEWAY_TRANSCODE_PATTERN_H

#include <gtest/gtest.h>
#include <regex.h>
#include <string>

// A POSIX extended regular expression. (gcc 12 warns of std::regex itself under
// ASan.)
class Pattern {
  public:
    explicit Pattern(const char *text) {
        EXPECT_EQ(regcomp(&compiled_, text, REG_EXTENDED | REG_NOSUB), 0) << text;
    }
    ~Pattern() {
        regfree(&compiled_);
    }
    Pattern(const Pattern &) = delete;
    Pattern &operator=(const Pattern &) = delete;

    bool IsIn(const std::string &text) const {
        return regexec(&compiled_, text.c_str(), 0, nullptr, 0) == 0;
    }

  private:
    regex_t compiled_;
};

#endif
