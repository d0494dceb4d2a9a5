extern "C" {
#include "base/log/log_mask.h"
}

#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace {

std::string Masked(const std::string &text) {
    std::vector<char> out(LOG_MASK_SPACE);
    size_t n = log_mask(slice_of(text.data(), text.size()), out.data());
    return n == 0 ? text : std::string(out.data(), n);
}

std::string MaskedForPeople(const std::string &text) {
    strbuf b = STRBUF_INIT;
    log_mask_tokens(slice_of(text.data(), text.size()), &b);
    std::string s(reinterpret_cast<char *>(b.data), b.len);
    strbuf_release(&b);
    return s;
}

const char kToken[] = "rst_Zx3-kQ9vT1mWb7LpYc5_Rd2NfHs8GjUe4Ao6Xi0BtVq";
const std::string kBody = std::string(kToken).substr(4);

TEST(LogMask, LeavesWhatLogsAreReadFor) {
    const char *const rows[] = {
        "",
        "/",
        "/v1/runs",
        "/v1/runs/first_run",
        "/v1/runs/worst_case_burst_mode/cancel",
        "/v1/runs/0197f0b2-7c5a-7def-8a3b-1c2d3e4f5a6b/cancel",
        "0197F0B2-7C5A-7DEF-8A3B-1C2D3E4F5A6B",
        "/v1/a/0197f0b2-7c5a-7def-8a3b-1c2d3e4f5a6b/b/0197f0b2-7c5a-7def-8a3b-1c2d3e4f5a6c",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "18446744073709551615",
        "2026-11-29T13:46:53.123456Z",
        "nightly-training-job-2026-11-29-eu-west-1-retry-3",
        "trace-0815",
        "/runs.v1.RunsService/ListRunsByOrganization",
        "workflowTemplateVersions",
        "continuous-integration-pipeline-deployment-europe",
        "my-long-service-name-6d4cf56db6-x7k2p",
        "/v1/projects/aB3xY9/jobs/zK8qQ2w1",
        "the store cannot be used now; whether a change was made is not known",
        "100% of it",
        "a%2Fb",
        "r\xC3\xA9sum\xC3\xA9",
    };
    for (const char *row : rows) {
        EXPECT_EQ(Masked(row), row);
    }
}

TEST(LogMask, HidesTheTokenAndLeavesTheRest) {
    const struct {
        std::string text, masked;
    } rows[] = {
        {kToken, "rst_***"},
        {"/v1/runs/" + std::string(kToken) + "/cancel", "/v1/runs/rst_***/cancel"},
        {"/v1/" + std::string(kToken) + "/x/" + kToken, "/v1/rst_***/x/rst_***"},
        {"rst%5F" + kBody, "rst_***"},
        {"rst%255f" + kBody, "rst_***"},
        {"rst%%35F" + kBody, "rst_***"},
        {"RST_" + kBody, "rst_***"},
        // Of what is cut the rest may be anywhere.
        {"/v1/rst_" + kBody.substr(0, 20) + "/" + kBody.substr(20), "/v1/rst_***"},
        {"x/rst_" + kBody.substr(0, 20) + "%00" + kBody.substr(20), "x/rst_***"},
        {"/v1/runs/rst_", "/v1/runs/rst_***"},
        {"glued" + std::string(kToken), "rst_***"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Masked(row.text), row.masked) << row.text;
    }
}

TEST(LogMask, TellsWordsThatItHidesApart) {
    std::string one = Masked("/v1/runs/" + kBody + "/cancel");
    EXPECT_EQ(one, Masked("/v1/runs/" + kBody + "/cancel"));
    EXPECT_NE(one, Masked("/v1/runs/x" + kBody + "/cancel"));
    EXPECT_EQ(one.substr(0, 12), "/v1/runs/***");
    EXPECT_EQ(one.substr(20), "/cancel");
    EXPECT_EQ(one, Masked(one)) << "what is masked is left alone";
}

TEST(LogMask, DecodesPercentFormsUntilThereAreNone) {
    const struct {
        std::string text, plain;
    } rows[] = {
        {"", ""},           {"%", "%"},       {"%4", "%4"},   {"%41", "A"},
        {"%2541", "A"},     {"%252541", "A"}, {"%%341", "A"}, {"%4%31", "A"},
        {"%zz%41", "%zzA"}, {"%25", "%"},     {"%2525", "%"}, {"a%00b", std::string("a\0b", 3)},
    };
    for (const auto &row : rows) {
        std::string out(row.text.size() + 1, '?');
        size_t n = log_mask_decode(slice_of(row.text.data(), row.text.size()), &out[0]);
        EXPECT_EQ(out.substr(0, n), row.plain) << row.text;
    }
    std::string nested;
    for (int i = 0; i < 1000; i++) {
        nested += "%25";
    }
    std::string out(nested.size(), '?');
    EXPECT_EQ(log_mask_decode(slice_of(nested.data(), nested.size()), &out[0]), 1000u);
}

const char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string Hex(const std::string &text, const char *digits) {
    std::string hex;
    for (unsigned char c : text) {
        hex += digits[c >> 4];
        hex += digits[c & 15];
    }
    return hex;
}

std::string Base64(const std::string &text) {
    std::string out;
    unsigned bits = 0;
    int count = 0;
    for (unsigned char c : text) {
        bits = bits << 8 | c;
        count += 8;
        while (count >= 6) {
            count -= 6;
            out +=
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[bits >> count &
                                                                                   63];
        }
    }
    return out;
}

// However long one looks: no 22 characters in a row of a token are to be seen, in 20,000
// tokens, each in several spellings.
TEST(LogMask, HidesEveryTokenInEverySpelling) {
    std::mt19937 random(7);
    for (int i = 0; i < 20000; i++) {
        std::string body;
        for (int k = 0; k < 43; k++) {
            body += kAlphabet[random() % 64];
        }
        const struct {
            std::string text, secret;
        } rows[] = {
            {"/v1/runs/" + body + "/cancel", body},
            {Hex(body, "0123456789abcdef"), Hex(body, "0123456789abcdef")},
            {Hex(body, "0123456789ABCDEF"), Hex(body, "0123456789ABCDEF")},
            {Base64("rst_" + body), Base64("rst_" + body)},
            {Base64("x" + body), Base64("x" + body)},
            {"xx" + body + "yy", body},
        };
        for (const auto &row : rows) {
            std::string masked = Masked(row.text);
            size_t window = row.secret.size() / 2 + 2;
            for (size_t at = 0; at + window <= row.secret.size(); at++) {
                ASSERT_EQ(masked.find(row.secret.substr(at, window)), std::string::npos)
                    << row.text << " -> " << masked;
            }
        }
    }
}

// A piece may look like a name by chance.
TEST(LogMask, HidesAllButFewPiecesOfTokens) {
    std::mt19937 random(7);
    int shown = 0;
    for (int i = 0; i < 20000; i++) {
        std::string body;
        for (int k = 0; k < 43; k++) {
            body += kAlphabet[random() % 64];
        }
        size_t cut = 1 + random() % 42;
        std::string split = body.substr(0, cut) + "/" + body.substr(cut);
        shown += Masked(split) == split;
        shown += Masked(body.substr(0, 26)) == body.substr(0, 26);
    }
    EXPECT_LT(shown, 20);
}

TEST(LogMask, HidesMostTokensInLowerCase) {
    std::mt19937 random(7);
    int shown = 0;
    for (int i = 0; i < 10000; i++) {
        std::string lower;
        for (int k = 0; k < 43; k++) {
            lower += static_cast<char>(tolower(kAlphabet[random() % 64]));
        }
        shown += Masked(lower) == lower;
    }
    EXPECT_LT(shown, 100);
}

TEST(LogMask, FitsItsSpaceWhateverTheText) {
    const std::string worst[] = {"aB ", "rst_ ", "aB-", "aB", "rst_", "0aA/", "%25"};
    for (const std::string &piece : worst) {
        std::string text;
        while (text.size() + piece.size() <= LOG_MASK_LONGEST) {
            text += piece;
        }
        EXPECT_LE(Masked(text).size(), static_cast<size_t>(LOG_MASK_SPACE));
    }
    std::mt19937 random(11);
    const std::string characters = "aB3-_/%25rst_ ";
    for (int i = 0; i < 2000; i++) {
        std::string text;
        while (text.size() < LOG_MASK_LONGEST) {
            text += characters[random() % characters.size()];
        }
        EXPECT_LE(Masked(text).size(), static_cast<size_t>(LOG_MASK_SPACE));
    }
}

TEST(LogMask, LeavesPeopleWhatIsNoToken) {
    EXPECT_EQ(MaskedForPeople("there is no run \"" + kBody + "\""),
              "there is no run \"" + kBody + "\"");
    EXPECT_EQ(MaskedForPeople("\"" + std::string(kToken) + "\" is none"), "\"rst_***\" is none");
    EXPECT_EQ(MaskedForPeople("a token begins with rst_; see"), "a token begins with rst_; see");
    EXPECT_EQ(MaskedForPeople(""), "");
}

} // namespace
