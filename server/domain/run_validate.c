#include "server/domain/run_validate.h"

#include "server/domain/lease_validate.h"
#include "server/domain/run_codec.h"
#include "server/domain/run_error.h"
#include "server/domain/violations.h"
#include "server/domain/workflow_validate.h"

enum {
    LONGEST_ID = 128,
    LONGEST_TEXT = 1024,
    LONGEST_REASON = 1024,
    LONGEST_URL = 8192,
};

#define ID_SYNTAX "must be 1 to 128 of A-Z a-z 0-9 . _ ~ -, but neither \".\" nor \"..\""

bool run_validate_is_name(const char *name) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "._~-";
    size_t n = strlen(name);
    return n >= 1 && n <= LONGEST_ID && strspn(name, allowed) == n && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

const struct error *run_validate_name(struct arena *a, const char *field, const char *name) {
    if (run_validate_is_name(name)) {
        return NULL;
    }
    return run_error_field(a, field, "must be 1 to 128 of A-Z a-z 0-9 . _ ~ -, got \"%.200s\"",
                           name);
}

const struct error *run_validate_id(struct arena *a, const char *field, const char *id) {
    if (run_validate_is_name(id)) {
        return NULL;
    }
    size_t n = strlen(id);
    if (n > LONGEST_ID) {
        return run_error_field(a, field, ID_SYNTAX ", got %zu bytes", n);
    }
    return run_error_field(a, field, ID_SYNTAX ", got \"%s\"", id);
}

const struct error *run_validate_reason(struct arena *a, const char *reason) {
    size_t n = strlen(reason);
    return n <= LONGEST_REASON
               ? NULL
               : run_error_field(a, "reason", "has %zu bytes, at most %d are allowed", n,
                                 LONGEST_REASON);
}

static void check_id(struct violations *v, const char *field, const char *id) {
    if (id[0] != '\0' && !run_validate_is_name(id)) {
        violations_add(v, field, ID_SYNTAX ", got \"%.140s\"", id);
    }
}

static void check_length(struct violations *v, const char *field, const char *text, size_t most) {
    size_t n = strlen(text);
    if (n > most) {
        violations_add(v, field, "has %zu bytes, at most %zu are allowed", n, most);
    }
}

void run_validate_id_in(struct violations *v, const char *field, const char *id) {
    if (id[0] == '\0') {
        violations_add(v, field, ID_SYNTAX ", got \"\"");
    } else if (strlen(id) > LONGEST_ID) {
        violations_add(v, field, ID_SYNTAX ", got %zu bytes", strlen(id));
    } else {
        check_id(v, field, id);
    }
}

void run_validate_reason_in(struct violations *v, const char *reason) {
    check_length(v, "reason", reason, LONGEST_REASON);
}

void run_validate_workflow_id_in(struct violations *v, const char *field, const char *id) {
    check_length(v, field, id, LONGEST_TEXT);
}

const struct error *run_validate_statuses(struct arena *a, const Runs__V1__RunStatus *statuses,
                                          size_t count, uint32_t *ret_statuses) {
    uint32_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        int status = (int)statuses[i];
        if (status < RUN_RUNNING || status > RUN_CANCELLED) {
            return run_error_field(
                a, "status", "must be running, waiting, success, failure or cancelled, got %d",
                status);
        }
        bits |= RUN_STATUS_BIT(status);
    }
    *ret_statuses = bits != 0 ? bits : RUN_STATUS_ALL;
    return NULL;
}

static void check_output_only(struct violations *v, const Runs__V1__Run *run,
                              struct slice organization) {
    const struct {
        const char *field;
        bool is_set;
    } fields[] = {
        {"run.finishedAt", run->finished_at != NULL},
        {"run.startedAt", run->started_at != NULL},
        {"run.status", run->status != RUNS__V1__RUN_STATUS__RUN_STATUS_UNSPECIFIED},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].is_set) {
            violations_add(v, fields[i].field, "is set by the service; leave it out");
        }
    }
    run_fields_check_output_only(v, run);
    lease_validate_output_only(v, run);
    if (run->organization_id[0] != '\0' && !slice_equal_cstr(organization, run->organization_id)) {
        violations_add(v, "run.organizationId",
                       "is set by the service; leave it out or give the token's, \"%.*s\"",
                       SLICE_FMT(organization));
    }
}

// Paths are spelled out for violations alone: there can be millions of forks.
static void check_fork_length(struct violations *v, size_t index, const char *key, const char *text,
                              size_t most) {
    if (strlen(text) > most) {
        check_length(v, arena_printf(v->arena, "run.simulationForks[%zu].%s", index, key), text,
                     most);
    }
}

static void check_forks(struct violations *v, const Runs__V1__Run *run) {
    for (size_t i = 0; i < run->n_simulation_forks && v->count < MOST_VIOLATIONS; i++) {
        const Runs__V1__SimulationFork *fork = run->simulation_forks[i];
        if (fork->chain_id < 0) {
            violations_add(v, arena_printf(v->arena, "run.simulationForks[%zu].chainId", i),
                           "must be at least 0, got %lld", (long long)fork->chain_id);
        }
        check_fork_length(v, i, "forkId", fork->fork_id, LONGEST_TEXT);
        check_fork_length(v, i, "rpcUrl", fork->rpc_url, LONGEST_URL);
    }
}

// A run that is its own parent is not there yet, so the store would say the same less clearly.
static void check_parent(struct violations *v, const Runs__V1__Run *run) {
    if (run->parent_run_id == NULL) {
        return;
    }
    const char *parent = run->parent_run_id->value;
    run_validate_id_in(v, "run.parentRunId", parent);
    if (parent[0] != '\0' && strcmp(parent, run->id) == 0) {
        violations_add(v, "run.parentRunId", "must be another run, got the run's own id");
    }
}

const struct error *run_validate_new(struct arena *a, const Runs__V1__CreateRunRequest *request,
                                     struct slice organization, int64_t started_at_us,
                                     struct run_terms *ret_terms, struct lease_wish *ret_lease) {
    const Runs__V1__Run *run = request->run;
    struct violations v = {.arena = a};
    workflow_validate(&v, run);
    check_id(&v, "run.id", run->id);
    check_id(&v, "run.sourceRunId", run->source_run_id);
    check_parent(&v, run);
    check_output_only(&v, run, organization);
    check_length(&v, "run.simulationMode", run->simulation_mode, LONGEST_TEXT);
    check_length(&v, "run.triggerSource", run->trigger_source, LONGEST_TEXT);
    check_length(&v, "run.triggeredBy", run->triggered_by, LONGEST_TEXT);
    check_length(&v, "run.workflowId", run->workflow_id, LONGEST_TEXT);
    check_forks(&v, run);
    if (run->workflow_version < 0) {
        violations_add(&v, "run.workflowVersion", "must be at least 0, got %lld",
                       (long long)run->workflow_version);
    }
    lease_validate_terms(&v, request, started_at_us, ret_terms, ret_lease);
    return v.error;
}
