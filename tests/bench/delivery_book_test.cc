#include <gtest/gtest.h>

extern "C" {
#include "bench/watch/delivery_book.h"
}

namespace {

constexpr int64_t kMs = 1000 * 1000;

class Book {
  public:
    Book(size_t groups, size_t watchers, size_t changes) {
        delivery_book_init(&book, groups, watchers, changes);
    }
    ~Book() {
        delivery_book_release(&book);
    }
    Book(const Book &) = delete;
    Book &operator=(const Book &) = delete;

    void Change(size_t change, int64_t sent_ns, int64_t acked_ns) {
        delivery_book_sent(&book, change, sent_ns);
        delivery_book_acked(&book, change, acked_ns);
    }
    void Deliver(size_t watcher, uint64_t change, int64_t position, int64_t now_ns) {
        delivery_book_delivered(&book, watcher, change, position, now_ns);
    }

    struct delivery_book book;
};

TEST(DeliveryBook, CountsEachDeliveryOnceAndSinceWhen) {
    Book b(1, 2, 3);
    b.Change(0, 10 * kMs, 12 * kMs);
    b.Deliver(0, 0, 1, 15 * kMs);
    b.Deliver(1, 0, 1, 17 * kMs);
    EXPECT_EQ(b.book.deliveries, 2u);
    EXPECT_EQ(delivery_book_expected(&b.book), 2u);
    EXPECT_EQ(b.book.since_ack_ns.max, 5u * kMs);
    EXPECT_EQ(b.book.since_sent_ns.max, 7u * kMs);
    EXPECT_EQ(b.book.ack_ns.max, 2u * kMs);
    EXPECT_EQ(b.book.last_delivery_ns, 17 * kMs);
    b.Deliver(1, 0, 1, 18 * kMs);
    EXPECT_EQ(b.book.deliveries, 2u);
    EXPECT_EQ(b.book.duplicated, 1u);
    EXPECT_EQ(b.book.disordered + b.book.foreign, 0u);
}

TEST(DeliveryBook, TakesADeliveryBeforeTheReplyForOneAtOnce) {
    Book b(1, 1, 1);
    delivery_book_sent(&b.book, 0, 10 * kMs);
    b.Deliver(0, 0, 1, 11 * kMs);
    EXPECT_EQ(b.book.before_ack, 1u);
    EXPECT_EQ(b.book.since_ack_ns.max, 0u);
    EXPECT_EQ(b.book.since_sent_ns.max, 1u * kMs);
    EXPECT_EQ(delivery_book_expected(&b.book), 0u); // not acknowledged yet
}

TEST(DeliveryBook, SeesWhatCameOutOfOrder) {
    Book b(1, 2, 3);
    for (size_t change = 0; change < 3; change++) {
        b.Change(change, 1 * kMs, 2 * kMs);
    }
    b.Deliver(0, 1, 2, 3 * kMs);
    b.Deliver(0, 0, 1, 3 * kMs);
    b.Deliver(1, 0, 1, 3 * kMs);
    b.Deliver(1, 2, 3, 3 * kMs);
    EXPECT_EQ(b.book.disordered, 1u);
    EXPECT_EQ(b.book.deliveries, 4u);
    EXPECT_EQ(delivery_book_expected(&b.book), 6u);
}

TEST(DeliveryBook, ExpectsChangesOfAWatchersGroupAlone) {
    Book b(3, 4, 7); // watchers 0 and 3 are of group 0, 1 of 1, 2 of 2
    for (size_t change = 0; change < 7; change++) {
        b.Change(change, 1 * kMs, 2 * kMs); // of groups 0, 1, 2, 0, 1, 2, 0
    }
    EXPECT_EQ(delivery_book_expected(&b.book), 3u * 2 + 2 + 2);
    b.Deliver(3, 6, 3, 3 * kMs);
    b.Deliver(0, 6, 3, 3 * kMs);
    EXPECT_EQ(b.book.deliveries, 2u);
    b.Deliver(1, 6, 3, 3 * kMs);
    b.Deliver(1, 7, 3, 3 * kMs); // there is none
    EXPECT_EQ(b.book.foreign, 2u);
    EXPECT_EQ(b.book.deliveries, 2u);
}

TEST(DeliveryBook, KnowsNoChangeThatWasNotSent) {
    Book b(1, 1, 2);
    b.Change(0, 1 * kMs, 2 * kMs);
    b.Deliver(0, 1, 1, 3 * kMs);
    EXPECT_EQ(b.book.foreign, 1u);
}

} // namespace
