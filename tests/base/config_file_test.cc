extern "C" {
#include "base/cli/config_file.h"
#include "base/cli/configuration.h"
#include "tests/base/command_line_rows.h"
}

#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

// The configuration file: its shape, each mistake with its line and column, and which of the file,
// the environment and the command line counts.

namespace {

class ConfigFile : public testing::Test {
  protected:
    ConfigFile() {
        arena_init(&arena_);
    }
    ~ConfigFile() override {
        arena_release(&arena_);
    }
    // Returns the error's message, "" if there is none.
    std::string Parse(const std::string &text) {
        file_ = config_file();
        const struct error *error =
            config_file_parse(&arena_, "f", {(uint8_t *)text.data(), text.size()}, &file_);
        return error != nullptr ? error->message : "";
    }

    arena arena_;
    config_file file_;
};

TEST_F(ConfigFile, HasSectionsWithTextsAndLists) {
    ASSERT_EQ("", Parse("# A comment.\n"
                        "runsd:\n"
                        "  store: sqlite:runs.db # behind\n"
                        "  listen: [127.0.0.1:1, \"unix:a b\"]\n"
                        "  limit-reads: 08\n"
                        "runsctl serve: {log-level: 'no', http: \"\"}\n"
                        "runsctl:\n"));
    ASSERT_EQ(3u, file_.count);
    const config_section *runsd = config_file_section(&file_, "runsd");
    ASSERT_NE(nullptr, runsd);
    ASSERT_EQ(3u, runsd->count);
    EXPECT_STREQ("store", runsd->entries[0].name.text);
    EXPECT_EQ(3, runsd->entries[0].name.mark.line);
    EXPECT_EQ(3, runsd->entries[0].name.mark.column);
    EXPECT_STREQ("sqlite:runs.db", runsd->entries[0].values[0].text);
    EXPECT_EQ(10, runsd->entries[0].values[0].mark.column);
    EXPECT_FALSE(runsd->entries[0].is_list);
    ASSERT_EQ(2u, runsd->entries[1].count);
    EXPECT_TRUE(runsd->entries[1].is_list);
    EXPECT_STREQ("unix:a b", runsd->entries[1].values[1].text);
    EXPECT_STREQ("08", runsd->entries[2].values[0].text);
    const config_section *serve = config_file_section(&file_, "runsctl serve");
    EXPECT_STREQ("no", serve->entries[0].values[0].text);
    EXPECT_STREQ("", serve->entries[1].values[0].text);
    EXPECT_EQ(0u, config_file_section(&file_, "runsctl")->count);
    EXPECT_EQ(nullptr, config_file_section(&file_, "runs-gateway"));
}

TEST_F(ConfigFile, MayBeEmpty) {
    for (const char *text : {"", "\n", "# nothing\n", "---\n", "--- ~\n", "\xEF\xBB\xBF# BOM\n"}) {
        EXPECT_EQ("", Parse(text)) << text;
        EXPECT_EQ(0u, file_.count);
    }
}

struct Bad {
    const char *text;
    const char *message;
};

TEST_F(ConfigFile, SaysWhereWhatIsWrong) {
    const std::vector<Bad> rows = {
        {"rund:\n", "f:1:1: there is no section \"rund\" (did you mean runsd?): the sections are "
                    "runsd, runs-gateway, runsctl serve and runsctl"},
        {"log-level: info\n", "f:1:1: there is no section \"log-level\": the sections are runsd, "
                              "runs-gateway, runsctl serve and runsctl"},
        {"- runsd\n",
         "f:1:1: the file holds sections: runsd, runs-gateway, runsctl serve and runsctl"},
        {"runsd\n",
         "f:1:1: the file holds sections: runsd, runs-gateway, runsctl serve and runsctl"},
        {"runsd: info\n", "f:1:8: runsd: a section holds options, as in \"log-level: info\""},
        {"runsd: [a]\n", "f:1:8: runsd: a section holds options, as in \"log-level: info\""},
        {"runsd:\n  a: 1\n  b: 2\n  a: 3\n",
         "f:4:3: runsd.a is there twice; the first is in line 2"},
        {"runsd: {a: 1}\nrunsctl:\nrunsd:\n",
         "f:3:1: runsd is there twice; the first is in line 1"},
        {"runsd:\n  a:\n", "f:2:5: runsd.a: there is no value; leave the line out for the default"},
        {"runsd:\n  a: ~\n",
         "f:2:6: runsd.a: there is no value; leave the line out for the default"},
        {"runsd:\n  a: [b, null]\n",
         "f:2:10: runsd.a: there is no value; leave the line out for the default"},
        {"runsd:\n  a:\n    b: c\n",
         "f:3:5: runsd.a: a value is text or a list of texts, no table"},
        {"runsd:\n  a: [[b]]\n", "f:2:7: runsd.a: a list holds values, no lists and no tables"},
        {"runsd:\n  a: &x b\n", "f:2:6: runsd.a: an anchor (&x) cannot stand here"},
        {"runsd:\n  a: b\n  c: *x\n",
         "f:3:6: runsd.c: an alias (*x) cannot stand here: write the value itself"},
        {"runsd:\n  a: !!int 3\n",
         "f:2:6: runsd.a: a tag (tag:yaml.org,2002:int) cannot stand here: every value is text"},
        {"runsd:\n  ? [a]\n  : b\n", "f:2:5: runsd: a name is one word, no list and no table"},
        {"runsd: {}\n---\nrunsd: {}\n",
         "f:2:1: a second document begins here; there can be one only"},
        {"runsd:\n  a: \"\\0\"\n", "f:2:6: runsd.a: there is a NUL in it"},
        {"runsd:\n  \xC3\xA4: \xFF\n", "f:2:6: this byte is no UTF-8"},
        {"runsd:\n  a: \x01\n", "f:2:6: this is no YAML: control characters are not allowed"},
        {"runsd:\n  a: [b\n", "f:3:1: this is no YAML: did not find expected ',' or ']' (while "
                              "parsing a flow sequence)"},
        {"runsd:\n\ta: b\n", "f:2:1: this is no YAML: found character that cannot start any token "
                             "(while scanning for the next token)"},
    };
    for (const Bad &row : rows) {
        EXPECT_EQ(row.message, Parse(row.text)) << row.text;
    }
}

TEST_F(ConfigFile, HasLimits) {
    std::string many = "runsd:\n";
    for (int i = 0; i <= CONFIG_FILE_MOST_OPTIONS; i++) {
        many += "  o" + std::to_string(i) + ": a\n";
    }
    EXPECT_EQ("f:1002:3: runsd: a section has 1000 options at most", Parse(many));
    std::string list = "runsd:\n  a: [";
    for (int i = 0; i <= CONFIG_FILE_MOST_VALUES; i++) {
        list += "b,";
    }
    EXPECT_NE(std::string::npos, Parse(list + "]\n").find("runsd.a: a list has 10000 values"));
    // Nesting costs no more than the text.
    EXPECT_NE("", Parse("runsd: " + std::string(1000000, '[')));
    EXPECT_NE("", Parse("runsd: " + std::string(500000, '{')));
}

TEST_F(ConfigFile, IsARegularFileThatIsNotTooLarge) {
    char folder[] = "/tmp/config-file-test-XXXXXX";
    ASSERT_NE(nullptr, mkdtemp(folder));
    std::string path = std::string(folder) + "/f";
    auto read = [&] {
        const struct error *error = config_file_read(&arena_, "--config", path.c_str(), &file_);
        return std::string(error != nullptr ? error->message : "");
    };
    EXPECT_EQ("--config: " + path + ": No such file or directory", read());
    ASSERT_EQ(0, mkfifo(path.c_str(), 0600));
    EXPECT_EQ("--config: " + path + " is no regular file", read());
    unlink(path.c_str());
    FILE *out = fopen(path.c_str(), "w");
    fputs("runsd:\n", out);
    fclose(out);
    EXPECT_EQ("", read());
    ASSERT_EQ(0, truncate(path.c_str(), CONFIG_FILE_MOST_BYTES + 1));
    EXPECT_EQ("--config: " + path + " has more than 1048576 bytes", read());
    unlink(path.c_str());
    rmdir(folder);
}

// --- which counts ---

class Layers : public testing::Test {
  protected:
    void SetUp() override {
        arena_init(&arena_);
        line_ = command_line_of_rows;
        line_.section = "runsd";
        ASSERT_NE(nullptr, mkdtemp(folder_));
        path_ = std::string(folder_) + "/f";
    }
    void TearDown() override {
        arena_release(&arena_);
        unlink(path_.c_str());
        rmdir(folder_);
        for (const char *name : {"RUNSD_LEVEL", "RUNSD_NAME", "RUNSD_LOUD", "RUNSD_COUNT",
                                 "RUNSD_CONFIG", "COMMAND_LINE_TEST_WAIT"}) {
            unsetenv(name);
        }
    }
    void Write(const std::string &text) {
        FILE *out = fopen(path_.c_str(), "w");
        fputs(text.c_str(), out);
        fclose(out);
    }
    // Reads with --config; returns what was printed on stderr.
    std::string Read(std::vector<std::string> arguments) {
        arguments_ = std::move(arguments);
        arguments_.push_back("--config=" + path_);
        std::vector<char *> pointers;
        for (auto &argument : arguments_) {
            pointers.push_back(argument.data());
        }
        options_ = options();
        testing::internal::CaptureStderr();
        command_line_read(&arena_, &line_, static_cast<int>(pointers.size()), pointers.data(),
                          &options_, &configuration_);
        return testing::internal::GetCapturedStderr();
    }
    std::string Names() const {
        std::string names;
        for (size_t i = 0; i < options_.names.count; i++) {
            names += std::string(i > 0 ? "," : "") + options_.names.items[i];
        }
        return names;
    }

    char folder_[32] = "/tmp/config-layers-XXXXXX";
    std::string path_;
    arena arena_;
    command_line line_;
    std::vector<std::string> arguments_;
    options options_;
    configuration configuration_;
};

TEST_F(Layers, TheCommandLineComesBeforeTheEnvironmentAndThatBeforeTheFile) {
    Write("runsd:\n  level: low\n  count: 1\n  name: [a, b]\n  loud: true\n  wait-ms: 9\n");
    EXPECT_EQ("", Read({}));
    EXPECT_EQ(LEVEL_LOW, options_.level);
    EXPECT_EQ(1, options_.count);
    EXPECT_EQ("a,b", Names());
    EXPECT_TRUE(options_.is_loud);
    EXPECT_EQ(9, options_.shared.wait_ms);
    setenv("RUNSD_COUNT", "2", 1);
    setenv("RUNSD_NAME", " c  d\t", 1);
    setenv("RUNSD_LOUD", "false", 1);
    setenv("RUNSD_LEVEL", "", 1);
    setenv("COMMAND_LINE_TEST_WAIT", "8", 1);
    EXPECT_EQ("", Read({}));
    EXPECT_EQ(LEVEL_LOW, options_.level);
    EXPECT_EQ(2, options_.count);
    EXPECT_EQ("c,d", Names());
    EXPECT_FALSE(options_.is_loud);
    EXPECT_EQ(8, options_.shared.wait_ms);
    EXPECT_EQ("", Read({"--count=3", "--name=e", "--loud", "--level=high", "--wait-ms=7"}));
    EXPECT_EQ(LEVEL_HIGH, options_.level);
    EXPECT_EQ(3, options_.count);
    EXPECT_EQ("e", Names());
    EXPECT_TRUE(options_.is_loud);
    EXPECT_EQ(7, options_.shared.wait_ms);
}

TEST_F(Layers, AFlagOfTheFileCanBeTakenBack) {
    Write("runsd:\n  loud: true\n");
    EXPECT_EQ("", Read({"--loud=false"}));
    EXPECT_FALSE(options_.is_loud);
}

TEST_F(Layers, SaysWhichValueIsWrongAndWhere) {
    const std::vector<Bad> rows = {
        {"runsd:\n  level: lo\n",
         ":2:10: runsd.level: \"lo\" is none of low, high (did you mean low?); see prog --help\n"},
        {"runsd:\n  count: 6\n",
         ":2:10: runsd.count: \"6\" is no integer from -5 to 5; see prog --help\n"},
        {"runsd:\n  name: [a, b, c]\n", ":2:16: runsd.name: \"c\" is one too many; it may be given "
                                        "2 times at most; see prog --help\n"},
        {"runsd:\n  loud: yes\n",
         ":2:9: runsd.loud: \"yes\" is neither true nor false; see prog --help\n"},
        {"runsd:\n  level: [low]\n",
         ":2:3: runsd.level: it takes one value, not a list; see prog --help\n"},
        {"runsd:\n  lvel: low\n",
         ":2:3: runsd has no option lvel (did you mean level?); see prog --help\n"},
        {"runsd:\n  --level: low\n",
         ":2:3: runsd has no option --level (did you mean level?); see prog --help\n"},
        {"runsd:\n  config: a\n", ":2:3: runsd has no option config; see prog --help\n"},
    };
    for (const Bad &row : rows) {
        Write(row.text);
        // Also where something else counts.
        EXPECT_EQ("prog: " + path_ + row.message, Read({"--level=low", "--count=1", "--loud"}));
    }
    Write("runs-gateway:\n  whatever: [a]\n");
    EXPECT_EQ("", Read({}));
    setenv("RUNSD_LOUD", "1", 1);
    EXPECT_EQ("prog: RUNSD_LOUD: \"1\" is neither true nor false; see prog --help\n", Read({}));
}

TEST_F(Layers, ExplainsALaterErrorByWhereTheValueIsFrom) {
    Write("runsd:\n  place: x\n");
    ASSERT_EQ("", Read({}));
    struct error error = {};
    error.message = "--place: \"x\" is no place";
    EXPECT_EQ(path_ + ":2:10: runsd.place: \"x\" is no place",
              configuration_explain(&arena_, &configuration_, &error)->message);
    error.message = "--placement: no";
    EXPECT_STREQ("--placement: no",
                 configuration_explain(&arena_, &configuration_, &error)->message);
    ASSERT_EQ("", Read({"--place=x"}));
    error.message = "--place: \"x\" is no place";
    EXPECT_STREQ(error.message, configuration_explain(&arena_, &configuration_, &error)->message);
}

TEST_F(Layers, MasksPasswordsHoweverLibpqTakesThem) {
    const std::pair<std::string, std::string> texts[] = {
        {"postgres://me:se?cr#et@db/runs", "postgres://me:***@db/runs"},
        {"postgres://db/runs?password=se cret&user=me", "postgres://db/runs?password=***&user=me"},
        {"postgres:password = se&cret user=me", "postgres:password = *** user=me"},
        {"postgres:user=me password='se cret'", "postgres:user=me password=***"},
        {R"(postgres:password=se\ cret)", "postgres:password=***"},
        {"postgres://me@db:5432/password?a=b@c", "postgres://me@db:5432/password?a=b@c"},
    };
    Write("runsd:\n  name: a\n");
    for (const auto &[text, masked] : texts) {
        ASSERT_EQ("", Read({"--place=" + text}));
        testing::internal::CaptureStdout();
        configuration_print(&configuration_, "prog");
        EXPECT_NE(std::string::npos, testing::internal::GetCapturedStdout().find(
                                         "place = " + masked + "  (the command line)\n"));
    }
}

TEST_F(Layers, PrintsValuesAndWhereEachIsFrom) {
    Write("runsd:\n  place: postgres://me:secret@db/runs?password=alsosecret\n  name: [a, b]\n");
    setenv("RUNSD_COUNT", "2", 1);
    setenv("RUNSD_CUONT", "2", 1);
    ASSERT_EQ("", Read({"--loud"}));
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    configuration_print(&configuration_, "prog");
    std::string out = testing::internal::GetCapturedStdout();
    std::string err = testing::internal::GetCapturedStderr();
    unsetenv("RUNSD_CUONT");
    EXPECT_EQ("ok\n"
              "level = high  (the default)\n"
              "size = a few  (the default)\n"
              "name = a, b  (" +
                  path_ +
                  ":3:3)\n"
                  "wait-ms = 250  (the default)\n"
                  "place = postgres://me:***@db/runs?password=***  (" +
                  path_ +
                  ":2:10)\n"
                  "loud = true  (the command line)\n"
                  "count = 2  ($RUNSD_COUNT)\n",
              out);
    EXPECT_NE(std::string::npos, err.find("RUNSD_CUONT is set, and no option of it (did you mean "
                                          "RUNSD_COUNT?)"))
        << err;
}

} // namespace
