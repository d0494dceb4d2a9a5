#include "base/net/address.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/core/memory.h"

// Of a unix socket's path.
static const size_t longest_path = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

static const char systemd_prefix[] = "systemd:";

// Of a socket of systemd: sd_listen_fds(3).
enum { LONGEST_NAME = 255 };

// What is said of an address that is none.
struct given {
    const char *flag;
    const char *text; // with its tls:
    const char *expected;
};

static const struct error *refuse(struct arena *a, const struct given *given, const char *why) {
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                     "%s: \"%s\" is no address: %s; expected %s", given->flag, given->text, why,
                     given->expected);
}

static const struct error *parse_unix(struct arena *a, const struct given *given, const char *text,
                                      struct address *ret) {
    const char *path = text + strlen("unix:");
    if (path[0] == '\0') {
        return refuse(a, given, "the path is empty");
    }
    if (strlen(path) > longest_path) {
        return refuse(a, given,
                      arena_printf(a, "the path has %zu bytes, a unix socket's has at most %zu",
                                   strlen(path), longest_path));
    }
    *ret = (struct address){.kind = ADDRESS_UNIX, .text = text, .path = path};
    return NULL;
}

// text is given's, without its tls:.
static const struct error *parse(struct arena *a, const struct given *given, const char *text,
                                 struct address *ret) {
    text = arena_cstr(a, slice_of_cstr(text));
    if (strncmp(text, "unix:", strlen("unix:")) == 0) {
        return parse_unix(a, given, text, ret);
    }
    if (strstr(text, "://") != NULL) {
        return refuse(a, given, "it is a URL");
    }
    const char *colon = strrchr(text, ':');
    if (colon == NULL) {
        return refuse(a, given, "it has no port");
    }
    size_t digits = strlen(colon + 1);
    if (digits == 0 || digits > 5 || strspn(colon + 1, "0123456789") != digits ||
        strtol(colon + 1, NULL, 10) > 65535) {
        return refuse(a, given, "the port is no number from 0 to 65535");
    }
    struct slice host = slice_of(text, (size_t)(colon - text));
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']') {
        host = slice_of(host.data + 1, host.len - 2);
    } else if (host.len > 0 && memchr(host.data, ':', host.len) != NULL) {
        return refuse(a, given, "an IPv6 host needs brackets");
    }
    if (host.len == 0) {
        return refuse(a, given, "the host is empty");
    }
    *ret = (struct address){
        .kind = ADDRESS_TCP,
        .text = text,
        .host = arena_cstr(a, host),
        .port = (int)strtol(colon + 1, NULL, 10),
    };
    return NULL;
}

const struct error *address_parse(struct arena *a, const char *flag, const char *given,
                                  struct address *ret) {
    const struct given shown = {flag, given, "HOST:PORT or unix:PATH"};
    return parse(a, &shown, given, ret);
}

// Whether systemd takes name for a FileDescriptorName=: printable ASCII without a colon.
static bool is_descriptor_name(const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++) {
        if (name[i] <= ' ' || name[i] > '~' || name[i] == ':') {
            return false;
        }
    }
    return length > 0 && length <= LONGEST_NAME;
}

static const struct error *parse_systemd(struct arena *a, const struct given *given,
                                         struct address *ret) {
    const char *name = given->text + strlen(systemd_prefix);
    if (!is_descriptor_name(name)) {
        return refuse(a, given,
                      "the name of systemd's socket must be 1 to 255 characters of printable "
                      "ASCII without \":\"");
    }
    *ret = (struct address){
        .kind = ADDRESS_SYSTEMD,
        .text = arena_cstr(a, slice_of_cstr(given->text)),
        .name = arena_cstr(a, slice_of_cstr(name)),
    };
    return NULL;
}

const struct error *address_parse_listener(struct arena *a, const char *flag, const char *given,
                                           struct address *ret) {
    const struct given shown = {flag, given, "HOST:PORT, unix:PATH or systemd:NAME"};
    if (strncmp(given, systemd_prefix, strlen(systemd_prefix)) == 0) {
        return parse_systemd(a, &shown, ret);
    }
    return parse(a, &shown, given, ret);
}

// A host may be called "tls": then one colon follows it, and not two.
static bool has_tls(const char *given) {
    return strncmp(given, "tls:", strlen("tls:")) == 0 && strstr(given, "://") == NULL &&
           strchr(given + strlen("tls:"), ':') != NULL;
}

const struct error *address_parse_server(struct arena *a, const char *flag, const char *given,
                                         struct address *ret, bool *ret_is_tls) {
    bool is_tls = has_tls(given);
    const struct given shown = {flag, given, "tls:HOST:PORT, HOST:PORT or unix:PATH"};
    struct address address = {0};
    const struct error *error = parse(a, &shown, given + (is_tls ? strlen("tls:") : 0), &address);
    if (error != NULL) {
        return error;
    }
    if (is_tls && address.kind == ADDRESS_UNIX) {
        return refuse(a, &shown, "a unix socket is never encrypted");
    }
    address.text = is_tls ? arena_cstr(a, slice_of_cstr(given)) : address.text;
    *ret = address;
    *ret_is_tls = is_tls;
    return NULL;
}

bool address_is_local(const struct address *addr) {
    return addr->kind == ADDRESS_UNIX || strncmp(addr->host, "127.", 4) == 0 ||
           strcmp(addr->host, "::1") == 0 || strcmp(addr->host, "localhost") == 0;
}

const char *address_absolute_text(struct arena *a, const struct address *addr) {
    if (addr->kind != ADDRESS_UNIX || addr->path[0] == '/') {
        return addr->text;
    }
    CLEANUP_FREE char *folder = getcwd(NULL, 0);
    if (folder == NULL || strlen(folder) + 1 + strlen(addr->path) > longest_path) {
        return addr->text;
    }
    return arena_printf(a, "unix:%s/%s", folder, addr->path);
}
