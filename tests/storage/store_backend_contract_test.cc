#include "tests/storage/store_contract.h"

using namespace store_testing;

// What store_opener.h promises of stores by their URLs, asked of every back-end.

namespace {

INSTANTIATE_STORE_CONTRACT();

class Arena {
  public:
    Arena() {
        arena_init(&arena_);
    }
    ~Arena() {
        arena_release(&arena_);
    }
    struct arena *get() {
        return &arena_;
    }

  private:
    struct arena arena_;
};

int CodeOf(const struct error *error) {
    return error != nullptr ? error->code : STATUS_OK;
}

// The alternatives of STORE_URLS.
std::vector<std::string> Alternatives(std::string text) {
    const std::string gap = " or ";
    std::vector<std::string> found;
    for (size_t at; (at = text.find(gap)) != std::string::npos; text = text.substr(at + 4)) {
        found.push_back(text.substr(0, at));
    }
    found.push_back(text);
    return found;
}

TEST(Backends, TextsNameThemInTheRegistrysOrder) {
    std::vector<std::string> all;
    std::vector<std::string> kept;
    std::vector<std::string> checked;
    for (const struct registered_backend &b : RegisteredBackends()) {
        std::string scheme = std::string(b.backend->scheme) + ":";
        EXPECT_EQ(std::string(b.url).substr(0, scheme.size()), scheme);
        EXPECT_EQ(b.backend->place != nullptr, b.url != scheme) << b.url;
        all.push_back(b.url);
        if (b.is_kept) {
            kept.push_back(b.url);
        }
        if (b.backend->check != nullptr) {
            checked.push_back(b.url);
        }
    }
    EXPECT_EQ(Alternatives(STORE_URLS), all);
    EXPECT_EQ(Alternatives(STORE_URLS_KEPT), kept);
    EXPECT_EQ(Alternatives(STORE_URLS_CHECKED), checked);
}

TEST(Backends, DefaultIsKept) {
    const char *location;
    const struct registered_backend *found = backends_find(STORE_DEFAULT_URL, &location);
    ASSERT_NE(found, nullptr);
    EXPECT_TRUE(found->is_kept);
    EXPECT_EQ(std::string(location).empty(), found->backend->place == nullptr);
}

TEST(Backends, SchemesAreDistinct) {
    for (const struct registered_backend &b : RegisteredBackends()) {
        const std::string url = std::string(b.backend->scheme) + ":x:y"; // location is within it
        const char *location;
        const struct registered_backend *found = backends_find(url.c_str(), &location);
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(found->backend, b.backend);
        EXPECT_STREQ(location, "x:y");
    }
}

TEST(Backends, UrlOfNoneIsRefusedWithAllThatAreThere) {
    const char *location;
    for (const char *url : {"", ":", "x", "x:y", "sqlit:a", "sqlite", "SQLITE:a", "memory"}) {
        EXPECT_EQ(backends_find(url, &location), nullptr) << url;
        Opened o = Open(url);
        EXPECT_EQ(o.code, STATUS_INVALID_ARGUMENT) << url;
        EXPECT_EQ(o.message,
                  "\"" + std::string(url) + "\" is no kind of store; expected " STORE_URLS);
        Arena a;
        struct store_holder holder = {"127.0.0.1:1", "token"};
        EXPECT_EQ(store_holder_publish(a.get(), url, &holder), nullptr) << url;
        store_holder_withdraw(url);
        EXPECT_EQ(CodeOf(store_holder_read(a.get(), url, &holder)), STATUS_NOT_FOUND) << url;
        EXPECT_EQ(run_store_socket_path(a.get(), url), nullptr) << url;
        EXPECT_FALSE(run_store_has_check(url)) << url;
        EXPECT_FALSE(run_store_is_temporary(url)) << url;
        struct store_check_report report;
        EXPECT_EQ(CodeOf(run_store_check(a.get(), url, false, &report)), STATUS_INVALID_ARGUMENT);
    }
}

TEST(Backends, WhoeverMistypesTheSchemeIsNotShownHisPassword) {
    const char *rows[][2] = {
        {"postgresql://u:s3cret@h/d", "\"postgresql://...@h/d\""},
        {"mysql://u:s3cret@x@h/d", "\"mysql://...@h/d\""},
        {"pg:host=h password=s3cret", "\"pg:...\""},
        {"pg://u@h/d", "\"pg://u@h/d\""},
    };
    for (const auto &row : rows) {
        Opened o = Open(row[0]);
        EXPECT_EQ(o.code, STATUS_INVALID_ARGUMENT);
        EXPECT_EQ(o.message, std::string(row[1]) + " is no kind of store; expected " STORE_URLS);
    }
}

TEST_P(StoreContract, LocationIsWantedWhereItNamesSomethingAndOnlyThere) {
    const struct store_backend *b = GetParam().backend;
    std::string url = std::string(b->scheme) + (b->place != nullptr ? ":" : ":x");
    Opened o = Open(url);
    EXPECT_EQ(o.code, STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(o.message, b->place != nullptr
                             ? "the store \"" + url + "\" names no " + b->place + "; expected " +
                                   GetParam().url
                             : "\"" + url + "\" is no kind of store; expected " STORE_URLS);
}

TEST_P(StoreContract, LogsShowTheSchemeAndNoPassword) {
    Arena a;
    std::string text = run_store_describe(a.get(), url_.c_str());
    EXPECT_EQ(text.find(std::string(GetParam().backend->scheme) + ":"), 0u) << text;
}

TEST_P(StoreContract, WhatIsKeptOutlivesTheStore) {
    EXPECT_EQ(run_store_is_temporary(url_.c_str()), !GetParam().is_kept);
    MustCreate({.id = "r1", .spec = "s"});
    run_store_close(store_);
    Opened o = Open(url_);
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    store_ = o.store;
    EXPECT_EQ(GetRun(store_, "r1").result, GetParam().is_kept ? STORE_OK : STORE_NOT_FOUND);
}

TEST_P(StoreContract, StoresOfDifferentFoldersAreDifferent) {
    TemporaryDirectory other;
    Opened o = Open(UrlBelow(other, GetParam().backend));
    ASSERT_EQ(o.code, STATUS_OK) << o.message;
    MustCreate({.id = "r1", .spec = "s"});
    EXPECT_EQ(GetRun(o.store, "r1").result, STORE_NOT_FOUND);
    run_store_close(o.store);
}

TEST_P(StoreContract, ClosedStoreIsSoundWhereItCanBeChecked) {
    MustCreate({.id = "r1", .spec = "s"});
    run_store_close(store_);
    store_ = nullptr;
    Arena a;
    struct store_check_report report;
    const struct error *error = run_store_check(a.get(), url_.c_str(), false, &report);
    if (GetParam().backend->check == nullptr) {
        EXPECT_FALSE(run_store_has_check(url_.c_str()));
        ASSERT_NE(error, nullptr);
        EXPECT_EQ(error->code, STATUS_INVALID_ARGUMENT);
        EXPECT_EQ(std::string(error->message),
                  "only " STORE_URLS_CHECKED " can be checked, not " + url_);
        return;
    }
    EXPECT_TRUE(run_store_has_check(url_.c_str()));
    ASSERT_EQ(error, nullptr) << error->message;
    EXPECT_EQ(report.count, 0);
    EXPECT_FALSE(report.is_served);
}

TEST_P(StoreContract, HolderIsReadUntilItIsWithdrawnWhereItIsPublished) {
    const struct store_backend *b = GetParam().backend;
    EXPECT_EQ(b->publish_holder != nullptr, b->withdraw_holder != nullptr);
    EXPECT_EQ(b->publish_holder != nullptr, b->read_holder != nullptr);
    Arena a;
    struct store_holder holder;
    EXPECT_EQ(CodeOf(store_holder_read(a.get(), url_.c_str(), &holder)), STATUS_NOT_FOUND);
    const struct store_holder published = {"127.0.0.1:1", "secret token"};
    EXPECT_EQ(store_holder_publish(a.get(), url_.c_str(), &published), nullptr);
    const struct error *error = store_holder_read(a.get(), url_.c_str(), &holder);
    if (b->publish_holder != nullptr) {
        ASSERT_EQ(error, nullptr) << error->message;
        EXPECT_STREQ(holder.grpc_address, "127.0.0.1:1");
        EXPECT_STREQ(holder.admin_token, "secret token");
    } else {
        EXPECT_EQ(CodeOf(error), STATUS_NOT_FOUND);
    }
    store_holder_withdraw(url_.c_str());
    EXPECT_EQ(CodeOf(store_holder_read(a.get(), url_.c_str(), &holder)), STATUS_NOT_FOUND);
}

} // namespace
