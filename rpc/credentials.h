#ifndef RUNSD_RPC_CREDENTIALS_H
#define RUNSD_RPC_CREDENTIALS_H

#include "base/tls/tls_source.h"

// What the two ends of a connection show each other to prove who they are, and whether the
// connection is encrypted. Each listener and each channel is given some: there is
// no default, so that nothing is in plain text by omission. Thread safe.

// Of a listener.
struct rpc_server_credentials;

// Of a channel.
struct rpc_channel_credentials;

// Plain text, nothing shown and nothing asked. Constants, never freed.
const struct rpc_server_credentials *rpc_credentials_insecure_server(void);
const struct rpc_channel_credentials *rpc_credentials_insecure_channel(void);

// TLS 1.2 and 1.3 with ALPN h2, by OpenSSL. What a source holds when a connection begins is what
// it uses until its end.

// Has TLS 1.2 offer Mozilla's intermediate cipher suites, in every channel and listener of this
// process (those of 1.3 are OpenSSL's three). gRPC core takes them from an environment variable
// alone, GRPC_SSL_CIPHER_SUITES, of which the value that was there is replaced: what the programs
// say of themselves holds wherever they run. And has OpenSSL keep what it has until the process is
// gone. Call it as a program begins, while it has one thread (setenv(3)).
void rpc_credentials_prepare(void);

// Of a listener that shows the certificate of source and asks for one that the authorities of
// source have signed, if client_auth says so. source is borrowed; it must have a certificate.
struct rpc_server_credentials *rpc_credentials_tls_server_new(struct tls_source *source,
                                                              enum tls_client_auth client_auth);

// When no server has them any more. NULL is ignored.
void rpc_credentials_tls_server_free(struct rpc_server_credentials *credentials);

// Of a channel whose server's certificate is signed by the authorities of source (the system's, if
// it has none, or source is NULL) and for server_name (NULL: the host of the channel's address),
// and which shows the certificate of source, if it has one. source is borrowed. Once source has
// changed, calls that begin go over new connections; those in flight end where they are.
struct rpc_channel_credentials *rpc_credentials_tls_channel_new(struct tls_source *source,
                                                                const char *server_name);

// When no channel has them any more. NULL is ignored.
void rpc_credentials_tls_channel_free(struct rpc_channel_credentials *credentials);

#endif
