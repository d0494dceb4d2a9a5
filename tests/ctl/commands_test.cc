// The table of commands, which is made of the files in ctl/commands/.

extern "C" {
#include "ctl/commands.h"
}

#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>

namespace {

std::string GroupOf(const std::string &name) {
    size_t space = name.find(' ');
    return space == std::string::npos ? "" : name.substr(0, space);
}

TEST(Commands, HaveNamesAndPlacesOfTheirOwn) {
    std::set<std::string> names;
    std::map<int, std::string> places;
    for (size_t i = 0; i < commands_count; i++) {
        const struct command *c = commands[i];
        EXPECT_TRUE(names.insert(c->name).second) << "two files define \"" << c->name << "\"";
        auto [place, is_free] = places.emplace(c->place, c->name);
        EXPECT_TRUE(is_free) << c->name << " and " << place->second << " have one place in --help";
    }
    EXPECT_GE(names.size(), 12u);
}

TEST(Commands, OfOneGroupStandTogetherInHelp) {
    std::map<int, std::string> groups;
    for (size_t i = 0; i < commands_count; i++) {
        groups[commands[i]->place] = GroupOf(commands[i]->name);
    }
    std::set<std::string> seen;
    std::string last;
    for (const auto &[place, group] : groups) {
        if (group != last && !group.empty()) {
            EXPECT_TRUE(seen.insert(group).second) << group << " is torn apart at place " << place;
        }
        last = group;
    }
}

} // namespace
