#include "server/demo_token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cli/standard_files.h"
#include "storage/store_opener.h"

static const struct error *refuse(struct arena *a, const char *path, const char *why) {
    return error_new(a, STATUS_UNKNOWN, REASON_NONE, "--demo-token: %s: %s", path, why);
}

static const struct error *print(struct arena *a, const char *token) {
    puts(token);
    const char *why = standard_output_finish();
    return why == NULL ? NULL : refuse(a, "standard output", why);
}

static const struct error *write_file(struct arena *a, const char *path, const char *token) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return refuse(a, path, strerror(errno));
    }
    const char *line = arena_printf(a, "%s\n", token);
    // One that was there may have been open to others.
    bool ok = fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
              write(fd, line, strlen(line)) == (ssize_t)strlen(line);
    int number = ok ? 0 : errno;
    if (close(fd) != 0 && ok) {
        number = errno;
    }
    return number == 0 ? NULL : refuse(a, path, strerror(number));
}

const struct error *demo_token_offer(struct arena *a, struct runsd *runsd,
                                     const struct server_options *options,
                                     const struct logger *log) {
    const char *path = options->demo_token;
    if (path == NULL) {
        if (run_store_is_temporary(options->runsd.store_url)) {
            LOG(log, LOG_WARN, "nobody has a token of this store; --demo-token makes one",
                log_text("store", options->runsd.store_url));
        }
        return NULL;
    }
    const char *token;
    const struct error *error = runsd_make_demo_token(runsd, a, &token);
    if (error != NULL) {
        return error;
    }
    return strcmp(path, "-") == 0 ? print(a, token) : write_file(a, path, token);
}
