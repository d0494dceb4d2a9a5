#ifndef RUNSD_BASE_NET_SOCKET_FILE_H
#define RUNSD_BASE_NET_SOCKET_FILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/net/address.h"

// The file of a unix socket that a program listens at.
struct socket_file {
    char *path; // NULL: none
    dev_t device;
    ino_t inode;
};

struct sockaddr_un socket_file_address(const char *path);

// Removes the file of a unix address if no process listens at it any more. UNAVAILABLE, in
// a, if another program does, if the file is no socket or if it cannot be removed.
const struct error *socket_file_remove_stale(struct arena *a, const struct address *address);

// Records the file that was just bound. If it does not exist, ret_file->path is NULL.
void socket_file_remember(const char *path, struct socket_file *ret_file);

// Whether the file is still there, and no other one has its place. While the socket is
// open no other file can get its inode number.
bool socket_file_is_ours(const struct socket_file *file);

// Removes the file unless another one has its place, and releases what *file holds.
void socket_file_remove(struct socket_file *file);

// UNAVAILABLE, in a: "cannot listen on ...", with the address and why.
const struct error *listen_error(struct arena *a, const struct address *address, const char *why);

// Why a bind failed, for listen_error; number is its errno.
const char *listen_error_text(int number);

#endif
