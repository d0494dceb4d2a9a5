#include "base/process/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/process/sandbox_calls.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

enum { OPTIMIZE_BY_TREE = 2 };

// Returns 0, or an errno, negative, as libseccomp does. A call that this architecture has not is
// none.
static int add(scmp_filter_ctx filter, uint32_t action, const char *call,
               const struct scmp_arg_cmp *compare) {
    int number = seccomp_syscall_resolve_name(call);
    if (number < 0) {
        return 0;
    }
    return compare == NULL ? seccomp_rule_add(filter, action, number, 0)
                           : seccomp_rule_add_array(filter, action, number, 1, compare);
}

static int add_all(scmp_filter_ctx filter, uint32_t action, const char *const *calls) {
    int result = 0;
    for (; result == 0 && *calls != NULL; calls++) {
        result = add(filter, action, *calls, NULL);
    }
    return result;
}

static int add_rule(scmp_filter_ctx filter, const struct sandbox_rule *rule) {
    const struct scmp_arg_cmp compare = {
        .arg = rule->argument,
        .op = SCMP_CMP_MASKED_EQ,
        .datum_a = rule->mask,
        .datum_b = rule->is_own_process ? (uint64_t)getpid() : rule->value,
    };
    return add(filter, SCMP_ACT_ALLOW, rule->call, &compare);
}

// Gives the filter to all threads. None of them runs code of others, so that they need no guard
// from speculation, which would cost each of them time.
static int load(scmp_filter_ctx filter, bool is_logged) {
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (result == 0) {
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, is_logged ? 1 : 0);
    }
    if (result == 0) {
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    }
    if (result == 0) {
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, OPTIMIZE_BY_TREE);
    }
    return result == 0 ? seccomp_load(filter) : result;
}

// A filter of its own, since the kernel tells of all that a filter refuses, or of nothing.
static int refuse_quietly(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) {
        return -ENOMEM;
    }
    int result = add_all(filter, SCMP_ACT_ERRNO(ENOSYS), sandbox_quiet);
    if (result == 0) {
        result = load(filter, false);
    }
    seccomp_release(filter);
    return result;
}

static int allow_what_is_listed(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (filter == NULL) {
        return -ENOMEM;
    }
    int result = add_all(filter, SCMP_ACT_KILL_PROCESS, sandbox_fatal);
    if (result == 0) {
        result = add_all(filter, SCMP_ACT_ALLOW, sandbox_quiet); // refused by the other filter
    }
    for (const struct sandbox_group *g = sandbox_groups; result == 0 && g->purpose != NULL; g++) {
        result = add_all(filter, SCMP_ACT_ALLOW, g->calls);
    }
    for (const struct sandbox_rule *r = sandbox_rules; result == 0 && r->call != NULL; r++) {
        result = add_rule(filter, r);
    }
    if (result == 0) {
        result = load(filter, true);
    }
    seccomp_release(filter);
    return result;
}

void sandbox_enter(const struct logger *log, bool is_wanted, struct sandbox *ret_sandbox) {
    struct sandbox sandbox = {.is_wanted = is_wanted};
    if (!is_wanted) {
        snprintf(sandbox.text, sizeof(sandbox.text), "off, as --sandbox says");
    } else if (HAS_SANITIZER) {
        snprintf(sandbox.text, sizeof(sandbox.text), "off: a sanitizer needs more calls");
    } else {
        int result = refuse_quietly();
        if (result == 0) {
            result = allow_what_is_listed();
        }
        sandbox.is_on = result == 0;
        if (sandbox.is_on) {
            snprintf(sandbox.text, sizeof(sandbox.text), "on");
        } else {
            snprintf(sandbox.text, sizeof(sandbox.text), "off: the kernel filters no calls: %s",
                     strerror(-result));
        }
    }
    if (is_wanted && !sandbox.is_on) {
        LOG(log, LOG_WARN, "there is no sandbox: system calls are not filtered",
            log_text("why", sandbox.text));
    }
    *ret_sandbox = sandbox;
}
