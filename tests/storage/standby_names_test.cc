#include <algorithm>
#include <gtest/gtest.h>
#include <string>

#include "tests/storage/pg_connection_testing.h"

extern "C" {
#include "storage/postgres/replication.h"
#include "storage/postgres/standby_names.h"
}

// How many standbys PostgreSQL has a commit wait for, as its settings say it.

namespace store_testing {
namespace {

struct Row {
    std::string text;
    int must_confirm; // -1: PostgreSQL takes it for no list
    int listed = 0;
    enum standby_method method = STANDBY_FIRST;
};

const Row kRows[] = {
    {"", 0, 0, STANDBY_NONE},
    {"s1", 1, 1},
    {"s1, s2,s3", 1, 3},
    {"*", 1, 1},
    {"*, s1", 1, 2},
    {"  s1\t,\n s2 \r\f", 1, 2},
    {"2 (s1, s2)", 2, 2},
    {"2(s1,s2,s3)", 2, 3},
    {"FIRST 2 (s1, s2)", 2, 2},
    {"first 1 (*)", 1, 1},
    {"FiRsT 3 (a)", 3, 1}, // which waits for ever
    {"ANY 1 (s1, s2)", 1, 2, STANDBY_ANY},
    {"any 2(s1,s2,s3)", 2, 3, STANDBY_ANY},
    {"aNy 10 (*)", 10, 1, STANDBY_ANY},
    {"anyone", 1, 1},
    {"firstborn", 1, 1},
    {"_a$1", 1, 1},
    {"\"any\"", 1, 1},
    {"\"first\", b", 1, 2},
    {"\"a \"\"b\"\" c\"", 1, 1},
    {"\"(\", \",\"", 1, 2},
    {"\"\xC3\xA4\"", 1, 1},
    {"\xC3\xA4", 1, 1},
    {"\xC3\x80", 1, 1},
    {"A, Z, a, z", 1, 4},
    {"abc, other", 1, 2}, // as long as the words are
    {"\"a\"\"\"", 1, 1},
    {"1", 1, 1}, // numbers are names, too
    {"1, 2", 1, 2},
    {"3 (1, 2)", 3, 2},
    {"9 (a)", 9, 1},
    {"ANY 007 (a)", 7, 1, STANDBY_ANY},
    {" ", -1},
    {",", -1},
    {"s1,", -1},
    {",s1", -1},
    {"s1 s2", -1},
    {"(s1)", -1},
    {"0 (s1)", -1},
    {"ANY 0 (s1)", -1},
    {"2 ()", -1},
    {"2 (s1", -1},
    {"2 s1)", -1},
    {"2 (s1))", -1},
    {"2 (s1) s2", -1},
    {"ANY", -1},
    {"FIRST", -1},
    {"ANY (s1)", -1},
    {"ANY s1", -1},
    {"ANY 2", -1},
    {"any, s1", -1},
    {"zny 1 (s1)", -1},
    {"zirst 1 (s1)", -1},
    {"s1, first", -1},
    {"2 (any)", -1},
    {"-1 (s1)", -1},
    {"1.5 (s1)", -1},
    {"s-1", -1},
    {"s.1", -1},
    {"'s1'", -1},
    {"\"s1", -1},
    {"s1;", -1},
    {"**", -1},
    {"a*", -1},
    {"\"\"\"", -1},
};

TEST(StandbyNamesTest, AreReadAsPostgresReadsThem) {
    for (const Row &row : kRows) {
        struct standby_names names = {STANDBY_NONE, -1, -1};
        bool is_list = standby_names_parse(slice_of(row.text.data(), row.text.size()), &names);
        EXPECT_EQ(is_list, row.must_confirm >= 0) << row.text;
        EXPECT_EQ(names.must_confirm, row.must_confirm) << row.text;
        if (is_list) {
            EXPECT_EQ(names.listed, row.listed) << row.text;
            EXPECT_EQ(names.method, row.method) << row.text;
        }
    }
}

// PostgreSQL itself is asked whether it takes each row's text.
TEST(StandbyNamesTest, AreThoseThatTheServerTakes) {
    PostgresCluster cluster{PostgresCluster::Options()};
    struct pg_statement set = {"set_names", nullptr};
    for (const Row &row : kRows) {
        std::string text = row.text;
        std::replace(text.begin(), text.end(), '\n', ' '); // which ALTER SYSTEM refuses
        for (size_t i = text.find('\''); i != std::string::npos; i = text.find('\'', i + 2)) {
            text.insert(i, "'");
        }
        std::string sql = "ALTER SYSTEM SET synchronous_standby_names = '" + text + "'";
        set.sql = sql.c_str();
        PgConnection c(cluster.Url("postgres"));
        ASSERT_EQ(c.Open(), PG_OK) << c.detail();
        EXPECT_EQ(c.Run(set) == PG_OK, row.must_confirm >= 0) << row.text << ": " << c.detail();
    }
}

TEST(ReplicationTest, RefusesWhatIsLessThanRequired) {
    const struct {
        const char *names;
        const char *commit;
        int required;
        const char *why; // NULL: it is enough
    } rows[] = {
        {"", "on", 0, nullptr},
        {"", "remote_apply", 0, nullptr},
        {"", "off", 0, "synchronous_commit is off"},
        {"", "local", 0, "synchronous_commit is local"},
        {"*", "remote_write", 1, "synchronous_commit is remote_write"},
        {"", "on", 1, "wait for 0 synchronous standbys (synchronous_standby_names is \"\"), 1 are"},
        {"*", "on", 1, nullptr},
        {"*", "on", 2, "wait for 1 synchronous standbys"},
        {"ANY 2 (a, b, c)", "on", 2, nullptr},
        {"FIRST 2 (a, b)", "remote_apply", 3, "3 are required (--require-replicas)"},
        {"no list", "on", 1, "wait for 0"},
    };
    struct arena a;
    arena_init(&a);
    for (const auto &row : rows) {
        struct replication_settings s = {slice_of_cstr(row.names), slice_of_cstr(row.commit), -1};
        const char *why = replication_refuse_settings(&a, &s, row.required);
        ASSERT_EQ(why == nullptr, row.why == nullptr) << row.names << ": " << (why ? why : "");
        if (why != nullptr) {
            EXPECT_NE(std::string(why).find(row.why), std::string::npos) << why;
        }
    }
    struct replication_settings s = {slice_of_cstr("ANY 2 (*)"), slice_of_cstr("on"), 1};
    EXPECT_STREQ(replication_refuse_standbys(&a, &s, 1),
                 "1 synchronous standbys follow the database server, a commit waits for 2");
    EXPECT_EQ(replication_refuse_standbys(&a, &s, 0), nullptr);
    s.connected = 2;
    EXPECT_EQ(replication_refuse_standbys(&a, &s, 1), nullptr);
    s.connected = -1; // which may not be known
    EXPECT_EQ(replication_refuse_standbys(&a, &s, 1), nullptr);
    arena_release(&a);
}

} // namespace
} // namespace store_testing
