#include "gateway/http/tls_front.h"

#include <microhttpd.h>
#include <stdlib.h>

#include "base/core/memory.h"
#include "gateway/connection/handshakes.h"
#include "gateway/connection/tls_session.h"

struct tls_front {
    struct tls_front_options options;
    struct handshakes *handshakes;
    struct tls_io_shared io;
    struct MHD_OptionItem daemon_options[3];
    struct metrics_child *agreed; // handshakes
    struct metrics_child *refused;
    struct metrics_child *failed;
};

struct tls_connection {
    struct tls_front *front;
    struct exchange_connection *client;
    struct tls_session *session;
    struct handshake handshake;
};

const struct MHD_OptionItem *tls_front_daemon_options(struct tls_front *front) {
    front->daemon_options[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
                                                       tls_session_certificate_callback()};
    front->daemon_options[1] =
        (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, TLS_SESSION_PRIORITIES};
    front->daemon_options[2] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return front->daemon_options;
}

// --- one connection ---

static void on_opened(void *context) {
    struct tls_connection *connection = context;
    struct tls_front *front = connection->front;
    struct exchange_connection *client = connection->client;
    metrics_counter_add(front->agreed, 1);
    handshakes_remove(front->handshakes, &connection->handshake);
    reaper_set_state(front->options.reaper, client->entry, REAPER_IDLE);
    client->name_count = tls_session_client_names(connection->session, &client->names);
}

struct tls_connection *tls_front_begin(struct tls_front *front, struct MHD_Connection *connection,
                                       int fd, struct exchange_connection *client,
                                       struct transport *ret_transport) {
    static const struct tls_session_events events = {on_opened};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    struct tls_connection *tls = mem_zalloc(sizeof(*tls));
    tls->front = front;
    tls->client = client;
    tls->session =
        tls_session_new(info->tls_session, fd, &front->io, tls_source_take(front->options.source),
                        front->options.client_auth, &events, tls);
    handshakes_add(front->handshakes, &tls->handshake, connection, tls->session, fd);
    *ret_transport = transport_tls(tls->session);
    return tls;
}

void tls_front_enter(struct tls_connection *connection) {
    reaper_set_state(connection->front->options.reaper, connection->client->entry,
                     REAPER_HANDSHAKING);
}

static void note_failure(const struct tls_connection *connection) {
    const struct tls_front *front = connection->front;
    const struct logger *log = front->options.log;
    const char *why = tls_session_refusal(connection->session);
    metrics_counter_add(why != NULL ? front->refused : front->failed, 1);
    if (why != NULL) {
        LOG(log, LOG_INFO, "TLS refused", log_own_text("why", why),
            log_text("clientAddress", connection->client->client_address));
    } else {
        LOG(log, LOG_DEBUG, "TLS not agreed on",
            log_text("clientAddress", connection->client->client_address));
    }
}

void tls_front_end(struct tls_connection *connection) {
    if (!tls_session_is_open(connection->session)) {
        note_failure(connection);
    }
    handshakes_remove(connection->front->handshakes, &connection->handshake);
    tls_io_flush(&connection->front->io); // its own last bytes, before the socket is closed
    tls_session_free(connection->session);
    free(connection);
}

// --- all of them ---

static const struct metrics_info handshakes_info = {
    .name = "runsd_http_tls_handshakes",
    .help = "Handshakes of TLS of HTTP connections, by how they ended: refused for the client's "
            "certificate or protocols, failed for all else",
    .kind = METRICS_COUNTER,
    .labels = {"result"},
};

struct tls_front *tls_front_new(const struct tls_front_options *options) {
    struct handshakes *handshakes = handshakes_new();
    if (handshakes == NULL) {
        return NULL;
    }
    struct tls_front *front = mem_zalloc(sizeof(*front));
    front->options = *options;
    front->handshakes = handshakes;
    struct metrics_family *family = metrics_add_family(options->metrics, &handshakes_info);
    front->agreed = metrics_child(family, (const char *const[]){"ok"});
    front->refused = metrics_child(family, (const char *const[]){"refused"});
    front->failed = metrics_child(family, (const char *const[]){"failed"});
    return front;
}

void tls_front_free(struct tls_front *front) {
    if (front != NULL) {
        handshakes_free(front->handshakes);
        free(front);
    }
}

int tls_front_fd(const struct tls_front *front) {
    return handshakes_fd(front->handshakes);
}

void tls_front_before_run(struct tls_front *front) {
    handshakes_resume_ready(front->handshakes);
}

bool tls_front_after_run(struct tls_front *front) {
    handshakes_suspend(front->handshakes);
    return tls_io_flush(&front->io);
}

void tls_front_stop(struct tls_front *front) {
    handshakes_resume_all(front->handshakes);
}
