#ifndef RUNSD_TESTS_GATEWAY_TRANSCODE_JSON_TREE_H
#define RUNSD_TESTS_GATEWAY_TRANSCODE_JSON_TREE_H

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

// A small JSON reader for the tests, apart from the product's own. It trusts
// its input only as far as it says in ok.
struct Json {
    char kind = 0; // one of n t f 0 " [ {
    std::string text;
    std::vector<Json> items;
    std::map<std::string, Json> members;
};

class JsonParser {
  public:
    // Reads all of text; sets *ok to whether it is JSON without a key twice.
    static Json Parse(const std::string &text, bool *ok) {
        JsonParser p(text);
        Json j = p.Value();
        p.Blanks();
        *ok = p.ok_ && p.at_ == text.size();
        return j;
    }

  private:
    explicit JsonParser(const std::string &text) : text_(text) {}

    char Peek() {
        return at_ < text_.size() ? text_[at_] : 0;
    }
    void Blanks() {
        while (Peek() == ' ' || Peek() == '\n' || Peek() == '\t' || Peek() == '\r') {
            at_++;
        }
    }
    bool Take(char c) {
        Blanks();
        bool there = Peek() == c;
        at_ += there;
        return there;
    }
    void Need(bool condition) {
        ok_ = ok_ && condition;
    }
    void Word(const char *word) {
        std::string w = word;
        Need(text_.compare(at_, w.size(), w) == 0);
        at_ += w.size();
    }

    std::string String() {
        std::string s;
        Need(Take('"'));
        while (ok_ && Peek() != '"') {
            unsigned char c = static_cast<unsigned char>(Peek());
            Need(c >= 0x20);
            at_++;
            if (c != '\\') {
                s += static_cast<char>(c);
                continue;
            }
            char e = Peek();
            at_++;
            const std::string from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
            if (e == 'u') {
                unsigned unit = Unit();
                if (unit >= 0xD800 && unit < 0xDC00) {
                    Need(Peek() == '\\');
                    at_ += 2;
                    unit = 0x10000 + ((unit - 0xD800) << 10) + (Unit() - 0xDC00);
                }
                Utf8(unit, &s);
            } else {
                Need(from.find(e) != std::string::npos);
                if (ok_) {
                    s += to[from.find(e)];
                }
            }
        }
        at_++;
        return s;
    }
    unsigned Unit() {
        unsigned unit = static_cast<unsigned>(strtoul(text_.substr(at_, 4).c_str(), nullptr, 16));
        at_ += 4;
        return unit;
    }
    static void Utf8(unsigned c, std::string *s) {
        if (c < 0x80) {
            *s += static_cast<char>(c);
        } else if (c < 0x800) {
            *s += static_cast<char>(0xC0 | c >> 6);
            *s += static_cast<char>(0x80 | (c & 63));
        } else if (c < 0x10000) {
            *s += static_cast<char>(0xE0 | c >> 12);
            *s += static_cast<char>(0x80 | (c >> 6 & 63));
            *s += static_cast<char>(0x80 | (c & 63));
        } else {
            *s += static_cast<char>(0xF0 | c >> 18);
            *s += static_cast<char>(0x80 | (c >> 12 & 63));
            *s += static_cast<char>(0x80 | (c >> 6 & 63));
            *s += static_cast<char>(0x80 | (c & 63));
        }
    }

    Json Value() {
        Json j;
        Blanks();
        j.kind = Peek();
        switch (j.kind) {
        case 'n':
            Word("null");
            break;
        case 't':
            Word("true");
            break;
        case 'f':
            Word("false");
            break;
        case '"':
            j.text = String();
            break;
        case '[':
            at_++;
            while (ok_ && !Take(']')) {
                Need(j.items.empty() || Take(','));
                j.items.push_back(Value());
            }
            break;
        case '{':
            at_++;
            while (ok_ && !Take('}')) {
                Need(j.members.empty() || Take(','));
                Blanks();
                std::string key = String();
                Need(Take(':'));
                Need(j.members.emplace(key, Value()).second);
            }
            break;
        default: {
            size_t start = at_;
            while (Peek() != 0 &&
                   std::string("+-.eE0123456789").find(Peek()) != std::string::npos) {
                at_++;
            }
            j.kind = '0';
            j.text = text_.substr(start, at_ - start);
            Need(!j.text.empty());
            break;
        }
        }
        return j;
    }

    const std::string &text_;
    size_t at_ = 0;
    bool ok_ = true;
};

// Whether two numbers are the same: integers digit for digit, others as a
// double, or as a float where both have at most the 9 digits of one.
inline bool SameNumber(const std::string &a, const std::string &b) {
    if (a == b) {
        return true;
    }
    auto digits = [](const std::string &s) {
        size_t n = 0;
        for (char c : s.substr(0, s.find_first_of("eE"))) {
            n += c >= (n == 0 ? '1' : '0') && c <= '9'; // without leading zeros
        }
        return n;
    };
    bool real = (a + b).find_first_of(".eE") != std::string::npos;
    if (!real || (a[0] == '-') != (b[0] == '-')) {
        return false;
    }
    return strtod(a.c_str(), nullptr) == strtod(b.c_str(), nullptr) ||
           (digits(a) <= 9 && digits(b) <= 9 &&
            strtof(a.c_str(), nullptr) == strtof(b.c_str(), nullptr));
}

inline bool SameJson(const Json &a, const Json &b) {
    if (a.kind != b.kind || a.items.size() != b.items.size() ||
        a.members.size() != b.members.size()) {
        return false;
    }
    if (a.kind == '0' ? !SameNumber(a.text, b.text) : a.text != b.text) {
        return false;
    }
    for (size_t i = 0; i < a.items.size(); i++) {
        if (!SameJson(a.items[i], b.items[i])) {
            return false;
        }
    }
    for (const auto &member : a.members) {
        auto other = b.members.find(member.first);
        if (other == b.members.end() || !SameJson(member.second, other->second)) {
            return false;
        }
    }
    return true;
}

#endif
