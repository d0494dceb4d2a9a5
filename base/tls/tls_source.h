#ifndef RUNSD_BASE_TLS_TLS_SOURCE_H
#define RUNSD_BASE_TLS_TLS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "base/tls/tls_identity.h"
#include "base/tls/tls_options.h"

// Keeps an identity as the files have it: looks at them every two seconds and when it is asked,
// and takes what is new if it is good; else the old one stays, and the log says why, once for
// each change. A certificate whose time is over or has not come is not good while the old one is
// valid: it is looked at again once either changes. Connections that are there keep what they began
// with.

enum { TLS_SOURCE_LOOK_MS = 2000 };

struct tls_source;

// A file and the option that names it in messages. path NULL: none.
struct tls_file {
    const char *option;
    const char *path;
};

// To whom the certificate is shown: clients that connect, or the server that is connected to.
enum tls_use { TLS_USE_LISTENER, TLS_USE_UPSTREAM };

struct tls_source_options {
    const struct logger *log;
    enum tls_use use; // named in the log's warnings and in metrics
    // Copied. A certificate and its key come together or not at all.
    struct tls_file cert;
    struct tls_file key;
    struct tls_file ca; // by which the other end is verified
    int64_t look_ms;    // between two looks at the files; 0: TLS_SOURCE_LOOK_MS, -1: none
};

// The files of a listener; log and what else is 0 are the caller's to add.
struct tls_source_options tls_source_options_of(const struct tls_options *options);

// Reads and checks the files and begins to look after them. INVALID_ARGUMENT, which names option
// and file: one cannot be read, or errors of tls_identity_new. A key that other users may read
// and a certificate whose time is over are warned of only.
const struct error *tls_source_start(struct arena *a, const struct tls_source_options *options,
                                     struct tls_source **ret_source);

// Starts the source of a listener, as its options have it: *ret_source is NULL if it speaks plain
// text. Errors: those of tls_source_start.
const struct error *tls_source_open(struct arena *a, const struct logger *log,
                                    const struct tls_options *options,
                                    struct tls_source **ret_source);

// NULL is ignored. Identities that were taken live on.
void tls_source_stop(struct tls_source *source);

// The identity of now, for tls_identity_release. Thread safe.
struct tls_identity *tls_source_take(struct tls_source *source);

// The number of the identity of now, to see a change without taking it. Thread safe.
uint64_t tls_source_number(struct tls_source *source);

// Looks at the files at once, and says in the log what came of it, also if nothing has changed.
// Thread safe.
void tls_source_reload(struct tls_source *source);

// Adds the families of certificates to a registry, once, and what all of these sources say: when
// the certificate ends, how often files were loaded, how often they were not taken, and whether
// they are not now. No two of them have one use. The registry must outlive the sources; it and any
// of them may be NULL.
void tls_sources_add_metrics(struct tls_source *const sources[], size_t count,
                             struct metrics *metrics);

// The same of one.
void tls_source_add_metrics(struct tls_source *source, struct metrics *metrics);

// What there is to say about a source; of its start and since.
struct tls_source_state {
    int64_t not_after_us; // of the certificate; 0: there is none
    uint64_t loads;       // identities taken
    uint64_t failures;    // changes of the files that were not taken
    bool is_stale;        // the files hold what was not taken
};

// Thread safe.
void tls_source_look(struct tls_source *source, struct tls_source_state *ret_state);

#endif
