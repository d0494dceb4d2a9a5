#include <cstdlib>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

extern "C" {
#include "storage/store_sums.h"
#include "storage/store_table.h"
}

// The form in which rows come from one store into another, and what tells two stores apart.

namespace {

constexpr int kColumns = STORE_TABLE_MOST_COLUMNS;

struct slice ToSlice(const std::string &s) {
    return slice_of(s.data(), s.size());
}

struct store_value Number(int64_t n) {
    return {.is_null = false, .number = n, .bytes = {}};
}

// Its bytes stay until the program ends.
struct store_value Bytes(const std::string &s) {
    static std::set<std::string> all;
    return {.is_null = false, .number = 0, .bytes = ToSlice(*all.insert(s).first)};
}

const struct store_value kNull = {.is_null = true, .number = 0, .bytes = {}};

// A row of the table with a value in each column.
std::vector<struct store_value> Row(enum store_table_index table, const std::string &organization) {
    std::vector<struct store_value> row(kColumns, Number(0));
    for (int i = 0; i < store_tables[table].column_count; i++) {
        row[i] = store_column_is_bytes(store_tables[table].columns[i].type) ? Bytes("") : Number(i);
    }
    row[0] = Bytes(organization);
    return row;
}

std::string Append(enum store_table_index table, const std::vector<struct store_value> &row) {
    struct strbuf out = STRBUF_INIT;
    store_values_append(&out, &store_tables[table], row.data(), store_tables[table].column_count);
    std::string text(reinterpret_cast<const char *>(out.data), out.len);
    strbuf_release(&out);
    return text;
}

std::string Key(enum store_table_index table, const std::vector<struct store_value> &row) {
    struct strbuf out = STRBUF_INIT;
    store_key_print(&out, &store_tables[table], row.data());
    std::string text(reinterpret_cast<const char *>(out.data), out.len);
    strbuf_release(&out);
    return text;
}

// Sums of rows, which end with the object.
class Sums {
  public:
    Sums() : sums_(static_cast<struct store_sums *>(malloc(sizeof(struct store_sums)))) {
        store_sums_init(sums_);
    }
    ~Sums() {
        store_sums_release(sums_);
        free(sums_);
    }
    Sums(const Sums &) = delete;
    Sums &operator=(const Sums &) = delete;
    void Add(enum store_table_index table, const std::vector<struct store_value> &row) {
        store_sums_add(sums_, table, row.data());
    }
    struct store_sums *operator->() const {
        return sums_;
    }
    struct store_sums *get() const {
        return sums_;
    }

  private:
    struct store_sums *sums_;
};

TEST(StoreTable, EachTableHasItsOrganizationFirstAndNoColumnTwice) {
    for (const struct store_table_form &table : store_tables) {
        std::set<std::string> names;
        EXPECT_TRUE(store_column_is_bytes(table.columns[0].type)) << table.name;
        EXPECT_LE(table.key_columns, table.column_count) << table.name;
        EXPECT_LE(table.column_count, kColumns) << table.name;
        for (int i = 0; i < table.column_count; i++) {
            EXPECT_TRUE(names.insert(table.columns[i].name).second)
                << table.name << "." << table.columns[i].name;
        }
    }
    EXPECT_STREQ(
        "attempt_floor",
        store_tables[STORE_TABLE_ORGANIZATION].columns[STORE_ORGANIZATION_ATTEMPT_FLOOR].name);
    EXPECT_STREQ("target_kind",
                 store_tables[STORE_TABLE_IDEMPOTENCY].columns[STORE_IDEMPOTENCY_TARGET_KIND].name);
    EXPECT_STREQ("target",
                 store_tables[STORE_TABLE_IDEMPOTENCY].columns[STORE_IDEMPOTENCY_TARGET].name);
}

TEST(StoreTable, RowsThatDifferInOneValueAreOtherBytes) {
    for (int t = 0; t < STORE_TABLE_COUNT; t++) {
        auto table = static_cast<enum store_table_index>(t);
        std::set<std::string> seen = {Append(table, Row(table, "acme"))};
        for (int i = 0; i < store_tables[t].column_count; i++) {
            auto row = Row(table, "acme");
            bool is_bytes = store_column_is_bytes(store_tables[t].columns[i].type);
            row[i] = is_bytes ? Bytes("other") : Number(1000);
            bool is_floor = store_tables[t].columns[i].type == STORE_COLUMN_FLOOR;
            EXPECT_EQ(!is_floor, seen.insert(Append(table, row)).second)
                << store_tables[t].name << "." << store_tables[t].columns[i].name;
            row[i] = kNull;
            EXPECT_EQ(!is_floor, seen.insert(Append(table, row)).second) << i;
        }
    }
}

TEST(StoreTable, BytesThatMoveToTheNextColumnAreOtherBytes) {
    auto row = Row(STORE_TABLE_RUN_PARENT, "acme");
    row[1] = Bytes("ab");
    row[2] = Bytes("c");
    auto other = row;
    other[1] = Bytes("a");
    other[2] = Bytes("bc");
    EXPECT_NE(Append(STORE_TABLE_RUN_PARENT, row), Append(STORE_TABLE_RUN_PARENT, other));
}

TEST(StoreTable, AKeyIsShownAsWhatItIs) {
    auto row = Row(STORE_TABLE_EVENT, "acme");
    row[1] = Number(-7);
    EXPECT_EQ("organization \"acme\", revision -7", Key(STORE_TABLE_EVENT, row));
    std::string bytes("\x00\x1b\xff", 3);
    row = Row(STORE_TABLE_IDEMPOTENCY, "ac\"me");
    row[1] = Bytes(bytes);
    EXPECT_EQ("organization x'6163226d65', name x'001bff'", Key(STORE_TABLE_IDEMPOTENCY, row));
}

TEST(StoreSums, TheOrderOfRowsSaysNothing) {
    Sums a;
    Sums b;
    for (int i = 0; i < 1000; i++) {
        auto row = Row(STORE_TABLE_RUN, "org-" + std::to_string(i % 300));
        row[3] = Number(i);
        a.Add(STORE_TABLE_RUN, row);
    }
    for (int i = 999; i >= 0; i--) {
        auto row = Row(STORE_TABLE_RUN, "org-" + std::to_string(i % 300));
        row[3] = Number(i);
        b.Add(STORE_TABLE_RUN, row);
    }
    EXPECT_TRUE(store_sum_is_same(&a->tables[STORE_TABLE_RUN], &b->tables[STORE_TABLE_RUN]));
    EXPECT_EQ(1000, a->tables[STORE_TABLE_RUN].rows);
    EXPECT_EQ(0, a->tables[STORE_TABLE_EVENT].rows);
    size_t count = 0;
    const struct store_sums_organization **all = store_sums_both(a.get(), b.get(), &count);
    ASSERT_EQ(300U, count);
    for (size_t i = 0; i < count; i++) {
        EXPECT_TRUE(i == 0 || std::string(all[i - 1]->name) < all[i]->name);
        const auto *other = store_sums_find(b.get(), slice_of(all[i]->name, all[i]->name_len));
        ASSERT_NE(nullptr, other);
        EXPECT_TRUE(
            store_sum_is_same(&all[i]->tables[STORE_TABLE_RUN], &other->tables[STORE_TABLE_RUN]));
    }
    free(all);
}

TEST(StoreSums, ARowMoreOrOtherOrElsewhereIsSeen) {
    auto row = Row(STORE_TABLE_TOKEN, "acme");
    Sums a;
    a.Add(STORE_TABLE_TOKEN, row);
    Sums twice;
    twice.Add(STORE_TABLE_TOKEN, row);
    twice.Add(STORE_TABLE_TOKEN, row);
    Sums other;
    row[5] = Number(99);
    other.Add(STORE_TABLE_TOKEN, row);
    for (const Sums *b : {&twice, &other}) {
        EXPECT_FALSE(
            store_sum_is_same(&a->tables[STORE_TABLE_TOKEN], &(*b)->tables[STORE_TABLE_TOKEN]));
    }
    int differ = 0;
    for (int i = 0; i < STORE_SUM_BUCKETS; i++) {
        differ += a->buckets[STORE_TABLE_TOKEN][i] != other->buckets[STORE_TABLE_TOKEN][i];
    }
    EXPECT_EQ(1, differ) << "a row that has another value is in the bucket of its key";
    EXPECT_EQ(nullptr, store_sums_find(a.get(), ToSlice("globex")));
    EXPECT_EQ(nullptr, store_sums_find(a.get(), ToSlice("acm")));
}

TEST(StoreSums, OfAFloorTheLargestCounts) {
    Sums a;
    for (int64_t floor : {3, 12, 5}) {
        auto row = Row(STORE_TABLE_ORGANIZATION, "org-" + std::to_string(floor));
        row[STORE_ORGANIZATION_ATTEMPT_FLOOR] = Number(floor);
        a.Add(STORE_TABLE_ORGANIZATION, row);
    }
    EXPECT_EQ(12, a->floor);
}

} // namespace
