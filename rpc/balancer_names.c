#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/memory.h"
#include "rpc/balancer_internal.h"

// Looks up what names stand for, again and again, on a thread that waits for the resolver.

enum {
    INTERVAL_MS = 5000,
    LEAST_INTERVAL_MS = 500, // where it is woken
};

struct balancer_names {
    struct balancer *balancer;
    rpc_name_lookup *look_up;
    void *context;
    balancer_found *found;
    const struct rpc_remote *servers;
    size_t count;
    bool is_lost[RPC_MOST_SERVERS]; // the last look-up found nothing
    struct periodic thread;
};

// The system's resolver: what getaddrinfo(3) says, each address once.
static size_t look_up(void *context, struct arena *a, const char *host, size_t count,
                      const char **ret_addresses) {
    (void)context;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    if (getaddrinfo(host, NULL, &hints, &list) != 0) {
        return 0;
    }
    size_t found = 0;
    for (const struct addrinfo *one = list; one != NULL && found < count; one = one->ai_next) {
        char text[NI_MAXHOST];
        if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof(text), NULL, 0,
                        NI_NUMERICHOST) == 0) {
            ret_addresses[found++] = arena_cstr(a, slice_of_cstr(text));
        }
    }
    freeaddrinfo(list);
    return found;
}

static size_t without_repeats(const char **addresses, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        while (n < kept && strcmp(addresses[n], addresses[i]) != 0) {
            n++;
        }
        if (n == kept) {
            addresses[kept++] = addresses[i];
        }
    }
    return kept;
}

static void look_one_up(struct balancer_names *names, size_t i) {
    const struct rpc_remote *remote = &names->servers[i];
    struct arena a;
    arena_init(&a);
    const char *addresses[RPC_MOST_SERVERS];
    size_t count =
        names->look_up(names->context, &a, remote->address.host, RPC_MOST_SERVERS, addresses);
    count = without_repeats(addresses, count);
    if (count > 0) {
        names->found(names->balancer, remote, addresses, count);
    } else if (!names->is_lost[i]) {
        // A resolver that is away is no reason to leave servers that answer.
        LOG(names->balancer->log, LOG_WARN,
            "a name has no address: its servers stay as they are until it has",
            log_text("upstream", remote->address.text));
    }
    names->is_lost[i] = count == 0;
    arena_release(&a);
}

static void turn(void *context) {
    struct balancer_names *names = context;
    for (size_t i = 0; i < names->count && !periodic_is_stopping(&names->thread); i++) {
        if (names->servers[i].is_name) {
            look_one_up(names, i);
        }
    }
    periodic_pause(&names->thread, (int64_t)LEAST_INTERVAL_MS * 1000);
}

struct balancer_names *balancer_names_start(struct balancer *b,
                                            const struct rpc_balancer_options *options,
                                            balancer_found *found) {
    size_t count = 0;
    for (size_t i = 0; i < options->server_count; i++) {
        count += options->servers[i].is_name ? 1 : 0;
    }
    if (count == 0) {
        return NULL;
    }
    struct balancer_names *names = mem_zalloc(sizeof(*names));
    names->balancer = b;
    names->look_up = options->look_up != NULL ? options->look_up : look_up;
    names->context = options->look_up_context;
    names->found = found;
    names->servers = options->servers;
    names->count = options->server_count;
    periodic_start(&names->thread, "upstream-names", INTERVAL_MS, turn, names);
    periodic_wake(&names->thread);
    return names;
}

void balancer_names_wake(struct balancer_names *names) {
    if (names != NULL) {
        periodic_wake(&names->thread);
    }
}

void balancer_names_stop(struct balancer_names *names) {
    if (names != NULL) {
        periodic_stop(&names->thread);
        free(names);
    }
}
