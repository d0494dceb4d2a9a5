extern "C" {
#include "ctl/comma_list.h"
}

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace {

// The items, each in brackets; the message if one is empty.
std::string Items(std::vector<const char *> values) {
    arena a;
    arena_init(&a);
    const cli_list given = {values.data(), values.size()};
    cli_list items = {nullptr, 0};
    const error *e = comma_list_read(&a, "--status", &given, &items);
    std::string text = e != nullptr ? e->message : "";
    for (size_t i = 0; e == nullptr && i < items.count; i++) {
        text += std::string("[") + items.items[i] + "]";
    }
    arena_release(&a);
    return text;
}

TEST(CommaList, SplitsAtCommasAndTrimsBlanks) {
    EXPECT_EQ("", Items({}));
    EXPECT_EQ("[a]", Items({"a"}));
    EXPECT_EQ("[a][b]", Items({"a,b"}));
    EXPECT_EQ("[a][b c][d]", Items({" a , b c", "\td "}));
}

TEST(CommaList, TakesNoEmptyItem) {
    for (const char *value : {"", " ", ",", "a,", ",a", "a,,b", "a, ,b"}) {
        EXPECT_EQ(
            0u,
            Items({"x", value}).find("--status: \"" + std::string(value) + "\" has an empty item"))
            << value;
    }
}

} // namespace
