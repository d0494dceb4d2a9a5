#include "gateway/transcode/route_table.h"

#include <stdlib.h>

#include "gateway/transcode/percent.h"

// A route that ends at a node.
struct route_end {
    struct route_end *next;
    struct slice method;
    size_t route;
};

struct route_node {
    struct slice literal;      // how the parent finds it
    struct route_node **slots; // children, open addressing
    uint32_t slot_count;       // a power of two, or 0
    uint32_t child_count;
    struct route_node *any;
    // The routes that end here and those that end in "**" here: nodes whose children
    // are the verbs ("" for none), so that many verbs cost no more than one.
    struct route_node *ends;
    struct route_node *rest;
    struct route_end *methods; // of a verb's node
};

static uint32_t hash_literal(struct slice s) {
    uint32_t h = 2166136261u; // FNV-1a
    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ s.data[i]) * 16777619u;
    }
    return h;
}

void route_table_init(struct route_table *table, struct arena *a) {
    table->arena = a;
    table->root = ARENA_NEW(a, struct route_node);
}

static struct route_node *find_child(const struct route_node *n, struct slice literal) {
    if (n->slot_count == 0) {
        return NULL;
    }
    uint32_t mask = n->slot_count - 1;
    for (uint32_t at = hash_literal(literal) & mask; n->slots[at] != NULL; at = (at + 1) & mask) {
        if (slice_equal(n->slots[at]->literal, literal)) {
            return n->slots[at];
        }
    }
    return NULL;
}

static void enter_child(struct route_node *n, struct route_node *child) {
    uint32_t mask = n->slot_count - 1;
    uint32_t at = hash_literal(child->literal) & mask;
    while (n->slots[at] != NULL) {
        at = (at + 1) & mask;
    }
    n->slots[at] = child;
}

static struct route_node *add_child(struct arena *a, struct route_node *n, struct slice literal) {
    struct route_node *child = find_child(n, literal);
    if (child != NULL) {
        return child;
    }
    if ((n->child_count + 1) * 2 > n->slot_count) {
        struct route_node **old = n->slots;
        uint32_t old_count = n->slot_count;
        n->slot_count = old_count == 0 ? 4 : old_count * 2;
        n->slots = ARENA_ARRAY(a, struct route_node *, n->slot_count);
        for (uint32_t i = 0; i < old_count; i++) {
            if (old[i] != NULL) {
                enter_child(n, old[i]);
            }
        }
    }
    child = ARENA_NEW(a, struct route_node);
    child->literal = literal;
    enter_child(n, child);
    n->child_count++;
    return child;
}

bool route_table_add(struct route_table *table, const struct path_template *t, struct slice method,
                     size_t route, size_t *ret_other) {
    struct route_node *n = table->root;
    bool rest = false;
    for (size_t i = 0; i < t->segment_count; i++) {
        switch (t->segments[i].kind) {
        case TEMPLATE_LITERAL:
            n = add_child(table->arena, n, t->segments[i].literal);
            break;
        case TEMPLATE_ANY:
            if (n->any == NULL) {
                n->any = ARENA_NEW(table->arena, struct route_node);
            }
            n = n->any;
            break;
        case TEMPLATE_REST:
            rest = true;
            break;
        }
    }
    struct route_node **ends = rest ? &n->rest : &n->ends;
    if (*ends == NULL) {
        *ends = ARENA_NEW(table->arena, struct route_node);
    }
    n = add_child(table->arena, *ends, t->verb);
    for (const struct route_end *e = n->methods; e != NULL; e = e->next) {
        if (slice_equal(e->method, method)) {
            *ret_other = e->route;
            return false;
        }
    }
    struct route_end *end = ARENA_NEW(table->arena, struct route_end);
    *end = (struct route_end){n->methods, method, route};
    n->methods = end;
    return true;
}

struct search {
    struct arena *arena;
    struct slice method;
    struct slice verb;      // decoded; empty if the path is taken whole
    struct slice *segments; // raw
    struct slice *decoded;
    size_t count;
    size_t route;
    struct slice *allowed;
    size_t allowed_count;
    size_t allowed_capacity;
};

static void note_allowed(struct search *s, struct slice method) {
    for (size_t i = 0; i < s->allowed_count; i++) {
        if (slice_equal(s->allowed[i], method)) {
            return;
        }
    }
    if (s->allowed_count == s->allowed_capacity) {
        size_t capacity = s->allowed_capacity == 0 ? 8 : s->allowed_capacity * 2;
        struct slice *more = ARENA_ARRAY(s->arena, struct slice, capacity);
        for (size_t i = 0; i < s->allowed_count; i++) {
            more[i] = s->allowed[i];
        }
        s->allowed = more;
        s->allowed_capacity = capacity;
    }
    s->allowed[s->allowed_count++] = method;
}

static bool take_end(struct search *s, const struct route_node *ends) {
    const struct route_node *verb = ends == NULL ? NULL : find_child(ends, s->verb);
    const struct route_end *wildcard = NULL;
    for (const struct route_end *e = verb == NULL ? NULL : verb->methods; e != NULL; e = e->next) {
        if (slice_equal(e->method, s->method)) {
            s->route = e->route;
            return true;
        }
        if (slice_equal_cstr(e->method, "*")) {
            wildcard = e;
        } else {
            note_allowed(s, e->method);
        }
    }
    if (wildcard != NULL) {
        s->route = wildcard->route;
    }
    return wildcard != NULL;
}

// Matches the rest of the path, from segment i, below node n. Each node of the
// trie is visited at most once, because a node has one place in it.
static bool walk(struct search *s, const struct route_node *n, size_t i) {
    if (i == s->count) {
        return take_end(s, n->ends) || take_end(s, n->rest);
    }
    const struct route_node *child = find_child(n, s->decoded[i]);
    if (child != NULL && walk(s, child, i + 1)) {
        return true;
    }
    if (n->any != NULL && s->segments[i].len > 0 && walk(s, n->any, i + 1)) {
        return true;
    }
    return take_end(s, n->rest);
}

static void split_path(struct search *s, struct slice path) {
    size_t count = 0;
    for (size_t i = 0; i < path.len; i++) {
        count += path.data[i] == '/';
    }
    s->segments = arena_alloc(s->arena, sizeof(struct slice) * count * 2);
    s->decoded = s->segments + count;
    size_t start = 1;
    for (size_t i = 1; i <= path.len; i++) {
        if (i == path.len || path.data[i] == '/') {
            s->segments[s->count] = slice_of(path.data + start, i - start);
            s->decoded[s->count] = percent_decode(s->arena, s->segments[s->count], PERCENT_ALL);
            s->count++;
            start = i + 1;
        }
    }
}

// Looks for a route with the verb that stands behind the last ":" of the path.
static bool walk_with_verb(struct search *s, const struct route_node *root) {
    struct slice *last = &s->segments[s->count - 1];
    struct slice whole = *last;
    struct slice decoded = s->decoded[s->count - 1];
    const uint8_t *colon = whole.len == 0 ? NULL : memrchr(whole.data, ':', whole.len);
    if (colon == NULL || colon + 1 == whole.data + whole.len) {
        return false;
    }
    size_t before = (size_t)(colon - whole.data);
    s->verb = percent_decode(s->arena, slice_of(colon + 1, whole.len - before - 1), PERCENT_ALL);
    *last = slice_of(whole.data, before);
    s->decoded[s->count - 1] = percent_decode(s->arena, *last, PERCENT_ALL);
    if (walk(s, root, 0)) {
        return true;
    }
    s->verb = SLICE_EMPTY;
    *last = whole;
    s->decoded[s->count - 1] = decoded;
    return false;
}

static int compare_methods(const void *a, const void *b) {
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

enum route_result route_table_find(const struct route_table *table, struct arena *a,
                                   struct slice method, struct slice path,
                                   struct route_match *ret_match) {
    if (path.len == 0 || path.data[0] != '/') {
        return ROUTE_NO_PATH;
    }
    struct search s = {.arena = a, .method = method};
    split_path(&s, path);
    if (walk_with_verb(&s, table->root) || walk(&s, table->root, 0)) {
        *ret_match = (struct route_match){s.route, s.segments, s.count, NULL};
        return ROUTE_FOUND;
    }
    if (s.allowed_count == 0) {
        return ROUTE_NO_PATH;
    }
    qsort(s.allowed, s.allowed_count, sizeof(s.allowed[0]), compare_methods);
    const char *allow = "";
    for (size_t i = 0; i < s.allowed_count; i++) {
        allow = arena_printf(a, "%s%s%.*s", allow, i == 0 ? "" : ", ", SLICE_FMT(s.allowed[i]));
    }
    *ret_match = (struct route_match){.allow = allow};
    return ROUTE_NO_METHOD;
}
