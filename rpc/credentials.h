#ifndef RUNSD_RPC_CREDENTIALS_H
#define RUNSD_RPC_CREDENTIALS_H

// What the two ends of a connection show each other to prove who they are, and whether the
// connection is encrypted. Immutable. Each listener and each channel is given some: there is
// no default, so that nothing is in plain text by omission.

// Of a listener.
struct rpc_server_credentials;

// Of a channel.
struct rpc_channel_credentials;

// Plain text, nothing shown and nothing asked. Constants, never freed.
const struct rpc_server_credentials *rpc_credentials_insecure_server(void);
const struct rpc_channel_credentials *rpc_credentials_insecure_channel(void);

#endif
