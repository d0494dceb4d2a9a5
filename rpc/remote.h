#ifndef RUNSD_RPC_REMOTE_H
#define RUNSD_RPC_REMOTE_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/log/log.h"
#include "base/net/address.h"
#include "rpc/credentials.h"

// A server that a program connects to: its address, and what it takes to speak TLS to it.

// An option of the command line and its value; NULL: not given.
struct rpc_remote_text {
    const char *option;
    const char *value;
};

struct rpc_remote_options {
    const struct logger *log;       // NULL: nothing is logged
    struct rpc_remote_text address; // "HOST:PORT", "unix:PATH", "tls:HOST:PORT"
    // For TLS alone: the authorities (NULL: the system's), what we show (a certificate with its
    // key, or neither), and the name that the server's certificate must have (NULL: the host).
    struct tls_file ca;
    struct tls_file cert;
    struct tls_file key;
    struct rpc_remote_text server_name;
    // Whether these may be there for nothing, since they are of the environment.
    bool may_be_plain;
};

struct rpc_remote {
    struct address address;
    const struct rpc_channel_credentials *credentials;
    bool is_tls;
    bool is_name;              // stands for all addresses of its host ("dns:NAME:PORT")
    struct tls_source *source; // NULL: no files, or those of rpc_remotes
};

// Reads the files, and looks after them from then on. INVALID_ARGUMENT, which names option and
// value: no address, a file that cannot be used, one without another that it needs, or one that is
// of no use without TLS.
const struct error *rpc_remote_open(struct arena *a, const struct rpc_remote_options *options,
                                    struct rpc_remote *ret_remote);

// When no channel has its credentials any more. One that is all 0 is ignored.
void rpc_remote_close(struct rpc_remote *remote);

// Servers that do the same.
struct rpc_remotes {
    struct rpc_remote *items; // in the arena
    size_t count;
    struct tls_source *source; // of all that speak TLS; NULL: no files
};

// As rpc_remote_open for several addresses, options->address giving the option alone. Each may
// also be "dns:NAME:PORT" or "dns:tls:NAME:PORT". INVALID_ARGUMENT too for what is given twice.
const struct error *rpc_remotes_open(struct arena *a, const struct rpc_remote_options *options,
                                     const char *const *addresses, size_t count,
                                     struct rpc_remotes *ret_remotes);

// As rpc_remote_close.
void rpc_remotes_close(struct rpc_remotes *remotes);

// What keeps a TLS handshake with a server from succeeding, by the detail of a call's error
// (rpc/client.h).
enum rpc_tls_problem {
    RPC_TLS_NO_PROBLEM, // none that is known
    RPC_TLS_NOT_SPOKEN, // it answers in plain text
    RPC_TLS_NOT_TRUSTED,
    RPC_TLS_OTHER_NAME,
    RPC_TLS_NOT_HTTP2,
    RPC_TLS_REFUSED, // it closed: often since it wants another certificate of ours
};

enum rpc_tls_problem rpc_tls_problem_of(const char *detail);

#endif
