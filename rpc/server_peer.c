#include "rpc/server_peer.h"

#include <grpc/grpc.h>
#include <grpc/support/alloc.h>
#include <string.h>

#include "base/net/peer_address.h"
#include "rpc/metadata.h"
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
