#include <gtest/gtest.h>
#include <string>

extern "C" {
#include "storage/postgres/conninfo.h"
}

// What libpq is given of a store's URL, and what nobody is shown of it.

namespace {

class Conninfo : public testing::Test {
  protected:
    Conninfo() {
        arena_init(&arena_);
    }
    ~Conninfo() override {
        arena_release(&arena_);
    }
    // "" and what libpq is given, or the error.
    std::string Of(const char *location, std::string *ret) {
        const char *conninfo = nullptr;
        const struct error *e = conninfo_of_location(&arena_, "the URL", location, &conninfo);
        if (e != nullptr) {
            EXPECT_EQ(e->code, STATUS_INVALID_ARGUMENT);
            EXPECT_EQ(conninfo, nullptr);
            return e->message;
        }
        *ret = conninfo;
        return "";
    }

    struct arena arena_;
};

TEST_F(Conninfo, IsTheUriOrTheKeywords) {
    const char *rows[][2] = {
        {"//db.example/runs", "postgres://db.example/runs"},
        {"//runsd@a,b/runs?sslmode=verify-full", "postgres://runsd@a,b/runs?sslmode=verify-full"},
        {"service=runsd", "service=runsd"},
        {"host=/run/postgresql dbname=runs", "host=/run/postgresql dbname=runs"},
    };
    for (const auto &row : rows) {
        std::string conninfo;
        EXPECT_EQ(Of(row[0], &conninfo), "") << row[0];
        EXPECT_EQ(conninfo, row[1]);
        EXPECT_EQ(std::string(conninfo_describe(&arena_, row[0])),
                  std::string("postgres:") + row[0]);
    }
}

TEST_F(Conninfo, WithAPasswordIsRefusedAndShownWithoutIt) {
    for (const char *location :
         {"//u:s3cret@h/runs", "//u@h/runs?password=s3cret", "host=h user=u password=s3cret",
          "host=h user=u sslpassword=s3cret"}) {
        std::string conninfo;
        std::string message = Of(location, &conninfo);
        EXPECT_NE(message.find("the URL has a "), std::string::npos) << message;
        EXPECT_NE(message.find("password, which"), std::string::npos) << message;
        EXPECT_NE(message.find("passfile"), std::string::npos) << message;
        EXPECT_EQ(message.find("s3cret"), std::string::npos) << message;
        std::string shown = conninfo_describe(&arena_, location);
        EXPECT_EQ(shown.find("s3cret"), std::string::npos) << shown;
        EXPECT_EQ(shown.find("postgres:"), 0u) << shown;
        EXPECT_NE(shown.find("host=h"), std::string::npos) << shown;
        EXPECT_NE(shown.find("user=u"), std::string::npos) << shown;
    }
}

TEST_F(Conninfo, UnreadableIsRefusedWithoutQuotingIt) {
    for (const char *location : {"//u:s3cret%zz@h/runs", "s3cret", "host=h s3cret=1"}) {
        std::string conninfo;
        std::string message = Of(location, &conninfo);
        EXPECT_NE(message.find("the URL is none that libpq can read"), std::string::npos)
            << location;
        EXPECT_EQ(message.find("s3cret"), std::string::npos) << message;
        std::string shown = conninfo_describe(&arena_, location);
        EXPECT_EQ(shown.find("s3cret"), std::string::npos) << shown;
    }
}

TEST_F(Conninfo, OfAWholeUrlWantsTheScheme) {
    const char *conninfo = nullptr;
    EXPECT_EQ(conninfo_of_url(&arena_, "the URL", "postgres:service=x", &conninfo), nullptr);
    EXPECT_STREQ(conninfo, "service=x");
    const struct error *e = conninfo_of_url(&arena_, "the URL", "sqlite:x", &conninfo);
    ASSERT_NE(e, nullptr);
    EXPECT_STREQ(e->message, "the URL does not begin with postgres:");
}

} // namespace
