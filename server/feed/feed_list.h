#ifndef RUNSD_SERVER_FEED_FEED_LIST_H
#define RUNSD_SERVER_FEED_FEED_LIST_H

#include <stdbool.h>
#include <stddef.h>

// A list in both directions, whose links are members of what is in it. One thread at a time.

// A link that is in no list has next NULL.
struct feed_link {
    struct feed_link *next;
    struct feed_link *previous;
};

// The list itself: a ring of which this is the only link that is in nothing.
struct feed_list {
    struct feed_link head;
};

static inline void feed_list_init(struct feed_list *list) {
    list->head.next = &list->head;
    list->head.previous = &list->head;
}

static inline bool feed_list_is_empty(const struct feed_list *list) {
    return list->head.next == &list->head;
}

static inline bool feed_link_is_in_list(const struct feed_link *link) {
    return link->next != NULL;
}

// Puts link, which is in no list, at the end.
static inline void feed_list_append(struct feed_list *list, struct feed_link *link) {
    link->next = &list->head;
    link->previous = list->head.previous;
    link->previous->next = link;
    list->head.previous = link;
}

// Takes link out of the list that it is in, if it is in one.
static inline void feed_link_remove(struct feed_link *link) {
    if (link->next != NULL) {
        link->previous->next = link->next;
        link->next->previous = link->previous;
        link->next = NULL;
    }
}

// The first link; NULL if the list is empty.
static inline struct feed_link *feed_list_first(const struct feed_list *list) {
    return feed_list_is_empty(list) ? NULL : list->head.next;
}

// Moves all links of from to the empty list to.
static inline void feed_list_move(struct feed_list *from, struct feed_list *to) {
    if (feed_list_is_empty(from)) {
        return;
    }
    to->head = from->head;
    to->head.next->previous = &to->head;
    to->head.previous->next = &to->head;
    feed_list_init(from);
}

#endif
