#include "rpc/server_peer.h"

#include <ctype.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <string.h>

#include "base/net/peer_address.h"
#include "rpc/metadata.h"
#include "rpc/metadata_array_internal.h"
#include "rpc/server_core_internal.h"

// What gRPC core says of calls over its in-process transport, and of no others: a socket whose
// peer cannot be named is closed as it is handed over.
static const char in_process[] = "unknown";

// Returns what is behind prefix in text, NULL if text does not begin with it.
static const char *behind(const char *text, const char *prefix) {
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

// Of "HOST:PORT".
static struct slice host_of(const char *text) {
    const char *colon = strrchr(text, ':');
    return colon != NULL ? slice_of(text, (size_t)(colon - text)) : slice_of_cstr(text);
}

// gRPC core's text is a URI: it writes the brackets of "[::1]" as %5B and %5D, and a zone's "%"
// as %25.
static struct slice ipv6_of(struct arena *a, const char *text) {
    static const char left[] = "%5B";
    static const char right[] = "%5D";
    struct slice host = host_of(text);
    size_t brackets = strlen(left) + strlen(right);
    if (host.len > brackets && memcmp(host.data, left, strlen(left)) == 0 &&
        memcmp(host.data + host.len - strlen(right), right, strlen(right)) == 0) {
        host = slice_of(host.data + strlen(left), host.len - brackets);
    } else if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']') {
        host = slice_of(host.data + 1, host.len - 2);
    }
    char address[PEER_ADDRESS_SIZE];
    peer_address_from_ipv6(host, address);
    return arena_copy(a, slice_of_cstr(address));
}

// Of a caller of this machine, who is believed: what it appended itself, which stands behind
// what others told it.
static struct slice forwarded_or(struct slice forwarded, struct slice otherwise) {
    const uint8_t *comma = forwarded.len > 0 ? memrchr(forwarded.data, ',', forwarded.len) : NULL;
    if (comma != NULL) {
        size_t before = (size_t)(comma + 1 - forwarded.data);
        bool has_space = before < forwarded.len && forwarded.data[before] == ' ';
        before += has_space ? 1 : 0;
        forwarded = slice_of(forwarded.data + before, forwarded.len - before);
    }
    return peer_address_is_plausible(forwarded) ? forwarded : otherwise;
}

struct slice server_peer_address(struct arena *a, const char *core_peer, struct slice forwarded) {
    const char *rest;
    if ((rest = behind(core_peer, "ipv4:")) != NULL) {
        return arena_copy(a, host_of(rest));
    }
    if ((rest = behind(core_peer, "ipv6:")) != NULL) {
        return ipv6_of(a, rest);
    }
    if (behind(core_peer, "unix:") != NULL) {
        return forwarded_or(forwarded, slice_of_cstr(PEER_ADDRESS_UNIX));
    }
    return strcmp(core_peer, in_process) == 0 ? forwarded_or(forwarded, SLICE_EMPTY) : SLICE_EMPTY;
}

struct slice rpc_server_call_client_address(struct rpc_server_call *call) {
    struct slice forwarded = SLICE_EMPTY;
    rpc_server_call_metadata(call, RPC_FORWARDED_FOR, &forwarded);
    if (call->is_direct) {
        return forwarded_or(forwarded, SLICE_EMPTY);
    }
    char *peer = grpc_call_get_peer(call->core);
    struct slice address = server_peer_address(rpc_server_call_arena(call), peer, forwarded);
    gpr_free(peer);
    return address;
}

// --- names ---

// Those of one call that were found so far.
struct client_names {
    struct arena *arena;
    struct slice *names;
    size_t count;
    size_t most;
};

bool server_peer_is_client_name(struct slice text) {
    if (text.len <= strlen("uri:") || text.len > RPC_MOST_CLIENT_NAME_BYTES ||
        (!slice_starts_with(text, slice_of_cstr("uri:")) &&
         !slice_starts_with(text, slice_of_cstr("dns:")))) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7F) {
            return false;
        }
    }
    return true;
}

static void add_name(struct client_names *found, struct slice name) {
    if (found->count < found->most && server_peer_is_client_name(name)) {
        found->names[found->count++] = name;
    }
}

static void add_forwarded(void *context, struct slice key, struct slice value) {
    if (slice_equal_cstr(key, RPC_CLIENT_NAME)) {
        add_name(context, value);
    }
}

// Those of one kind, by the name that gRPC core's context has for it.
static void add_proved(struct client_names *found, const grpc_auth_context *context,
                       const char *property, const char *kind) {
    grpc_auth_property_iterator all = grpc_auth_context_find_properties_by_name(context, property);
    const grpc_auth_property *one;
    while ((one = grpc_auth_property_iterator_next(&all)) != NULL && found->count < found->most) {
        size_t length = strlen(kind) + one->value_length;
        char *text = arena_alloc(found->arena, length);
        memcpy(text, kind, strlen(kind));
        memcpy(text + strlen(kind), one->value, one->value_length);
        add_name(found, slice_of(text, length));
    }
}

// Host names are the same in any case (RFC 4343).
static void lower_hosts(struct client_names *found, size_t from) {
    for (size_t i = from; i < found->count; i++) {
        char *text = (char *)(uintptr_t)found->names[i].data; // made by add_proved
        for (size_t j = 0; j < found->names[i].len; j++) {
            text[j] = (char)tolower((unsigned char)text[j]);
        }
    }
}

// Whether a call over a network says that it is made for another: then the certificate is that of
// a gateway or a proxy, which must not stand for clients that it let in without one.
static bool is_for_another(struct rpc_server_call *call) {
    return rpc_metadata_array_count(&call->metadata, RPC_FORWARDED_FOR) > 0 ||
           rpc_metadata_array_count(&call->metadata, RPC_CLIENT_NAME) > 0;
}

// Those of the certificate that the connection's other end was asked for.
static void add_those_of_connection(struct client_names *found, grpc_call *core) {
    grpc_auth_context *context = grpc_call_auth_context(core);
    if (context != NULL && grpc_auth_context_peer_is_authenticated(context) != 0) {
        add_proved(found, context, "peer_uri", "uri:");
        size_t uris = found->count;
        add_proved(found, context, "peer_dns", "dns:");
        lower_hosts(found, uris);
    }
    if (context != NULL) {
        grpc_auth_context_release(context);
    }
}

// Whether whoever makes the call may speak for others.
static bool is_of_this_machine(const struct rpc_server_call *call) {
    if (call->is_direct) {
        return true;
    }
    char *peer = grpc_call_get_peer(call->core);
    bool is_local = behind(peer, "unix:") != NULL || strcmp(peer, in_process) == 0;
    gpr_free(peer);
    return is_local;
}

size_t rpc_server_call_client_names(struct rpc_server_call *call, struct slice *ret_names,
                                    size_t most) {
    struct client_names found = {
        .arena = rpc_server_call_arena(call),
        .names = ret_names,
        .most = most < RPC_MOST_CLIENT_NAMES ? most : RPC_MOST_CLIENT_NAMES,
    };
    if (is_of_this_machine(call)) {
        rpc_metadata_array_each(&call->metadata, add_forwarded, &found);
    } else if (!is_for_another(call)) {
        add_those_of_connection(&found, call->core);
    }
    return found.count;
}
