#include <set>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_targets.h"

extern "C" {
#include "base/cli/config_file.h"
}

// The configuration file. What is refused says where; what is taken has the shape that the header
// promises, and is read to the same options when it is written plainly.

namespace {

const char kPath[] = "runsd.yaml";

// The code point that begins at *at, which is moved behind it. text is UTF-8.
uint32_t NextPoint(const std::string &text, size_t *at) {
    const auto first = static_cast<uint8_t>(text[(*at)++]);
    int more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    uint32_t point = more == 0 ? first : first & (0x3F >> more);
    for (; more > 0; more--) {
        point = point << 6 | (static_cast<uint8_t>(text[(*at)++]) & 0x3F);
    }
    return point;
}

// In double quotes, in which every character can be written by its number.
std::string Quoted(const std::string &text) {
    std::string out = "\"";
    for (size_t at = 0; at < text.size();) {
        uint32_t point = NextPoint(text, &at);
        if (point >= ' ' && point <= '~' && point != '"' && point != '\\') {
            out += static_cast<char>(point);
            continue;
        }
        char escaped[16];
        snprintf(escaped, sizeof(escaped), "\\U%08X", point);
        out += escaped;
    }
    return out + "\"";
}

void CheckText(const struct config_text &text) {
    FUZZ_CHECK(utf8_valid(slice_of_cstr(text.text)), "no UTF-8: %s", text.text);
    FUZZ_CHECK(text.mark.line >= 1 && text.mark.column >= 1, "at %d:%d", text.mark.line,
               text.mark.column);
}

bool IsSection(const std::string &name) {
    for (const char *const *known = config_file_sections; *known != nullptr; known++) {
        if (name == *known) {
            return true;
        }
    }
    return false;
}

// Checks a file and writes it plainly, each value in quotes.
std::string Write(const struct config_file &file) {
    std::string out = "{";
    std::set<std::string> sections;
    for (size_t s = 0; s < file.count; s++) {
        const struct config_section &section = file.sections[s];
        FUZZ_CHECK(IsSection(section.name.text) && sections.insert(section.name.text).second, "%s",
                   section.name.text);
        FUZZ_CHECK(section.count <= CONFIG_FILE_MOST_OPTIONS, "%zu options", section.count);
        out += Quoted(section.name.text) + ": {";
        std::set<std::string> names;
        for (size_t i = 0; i < section.count; i++) {
            const struct config_entry &entry = section.entries[i];
            CheckText(entry.name);
            FUZZ_CHECK(names.insert(entry.name.text).second, "%s twice", entry.name.text);
            FUZZ_CHECK(entry.is_list || entry.count == 1, "%zu values", entry.count);
            FUZZ_CHECK(entry.count <= CONFIG_FILE_MOST_VALUES, "%zu values", entry.count);
            out += "? " + Quoted(entry.name.text) + " : " + (entry.is_list ? "[" : "");
            for (size_t v = 0; v < entry.count; v++) {
                CheckText(entry.values[v]);
                out += Quoted(entry.values[v].text) + (entry.is_list ? ", " : "");
            }
            out += entry.is_list ? "], " : ", ";
        }
        out += "}, ";
    }
    return out + "}";
}

} // namespace

void FuzzConfig(const uint8_t *data, size_t size) {
    fuzz::Arena a;
    struct config_file file = {};
    const struct error *e = config_file_parse(a, kPath, slice_of(data, size), &file);
    if (e != nullptr) {
        int line = 0, column = 0;
        fuzz::CheckError(e);
        FUZZ_CHECK(e->code == STATUS_INVALID_ARGUMENT, "%s", e->message);
        FUZZ_CHECK(sscanf(e->message, "runsd.yaml:%d:%d: ", &line, &column) == 2 && line >= 1 &&
                       column >= 1,
                   "it says not where: %s", e->message);
        return;
    }
    const std::string plain = Write(file);
    struct config_file again = {};
    e = config_file_parse(a, kPath, fuzz::S(plain), &again);
    FUZZ_CHECK(e == nullptr, "%s: %s", e->message, plain.c_str());
    FUZZ_CHECK(Write(again) == plain, "another file: %s", plain.c_str());
}
