#include "server/service/token_limits.h"

#include "server/domain/run_error.h"

const struct error *token_limits_read(struct arena *a, const Runs__V1__TokenLimits *limits,
                                      struct token_limits *ret_limits) {
    if (limits == NULL) {
        *ret_limits = (struct token_limits){.streams = 0};
        return NULL;
    }
    const struct {
        const char *field;
        int64_t value;
    } rows[] = {
        {"limits.readsPerSecond", limits->reads_per_second},
        {"limits.changesPerSecond", limits->changes_per_second},
        {"limits.bytesPerSecond", limits->bytes_per_second},
        {"limits.streams", limits->streams},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value < -1 || rows[i].value > TOKEN_LIMIT_MAX) {
            return run_error_field(a, rows[i].field,
                                   "must be from 1 to %lld, 0 for what the server's options say, "
                                   "or -1 for no limit, got %lld",
                                   (long long)TOKEN_LIMIT_MAX, (long long)rows[i].value);
        }
    }
    *ret_limits = (struct token_limits){.reads_per_s = limits->reads_per_second,
                                        .changes_per_s = limits->changes_per_second,
                                        .bytes_per_s = limits->bytes_per_second,
                                        .streams = limits->streams};
    return NULL;
}

Runs__V1__TokenLimits *token_limits_reply(struct arena *a, const struct token_limits *limits) {
    if (!token_limits_are_own(limits)) {
        return NULL;
    }
    Runs__V1__TokenLimits *message = ARENA_NEW(a, Runs__V1__TokenLimits);
    runs__v1__token_limits__init(message);
    message->reads_per_second = limits->reads_per_s;
    message->changes_per_second = limits->changes_per_s;
    message->bytes_per_second = limits->bytes_per_s;
    message->streams = limits->streams;
    return message;
}
