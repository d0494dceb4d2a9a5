#ifndef RUNSD_STORAGE_STORE_HOLDER_H
#define RUNSD_STORAGE_STORE_HOLDER_H

// How to reach the server that holds a store, for other programs that can use the same store:
// whoever can read it could read the store too. Lets `runsctl tokens ... --store URL` work
// while a server runs. Where it is published is the back-end's to say.
struct store_holder {
    const char *grpc_address; // "" if the server listens nowhere
    const char *admin_token;  // a token with scope tokens.admin, good while the holder lives
};

#endif
