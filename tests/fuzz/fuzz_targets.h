#ifndef RUNSD_TESTS_FUZZ_FUZZ_TARGETS_H
#define RUNSD_TESTS_FUZZ_FUZZ_TARGETS_H

#include <cstddef>
#include <cstdint>

// What the fuzzers run, one function a target. Each takes any bytes, checks what
// must hold of them (FUZZ_CHECK) and returns. The first call sets up; they are
// called from one thread.

void FuzzTemplate(const uint8_t *data, size_t size);
void FuzzRoute(const uint8_t *data, size_t size);
void FuzzPercent(const uint8_t *data, size_t size);
void FuzzQuery(const uint8_t *data, size_t size);
void FuzzJsonRead(const uint8_t *data, size_t size);
void FuzzJsonWrite(const uint8_t *data, size_t size);
void FuzzHead(const uint8_t *data, size_t size);
void FuzzGateway(const uint8_t *data, size_t size);
void FuzzDescriptor(const uint8_t *data, size_t size);
void FuzzCursor(const uint8_t *data, size_t size);
void FuzzPlan(const uint8_t *data, size_t size);
void FuzzKey(const uint8_t *data, size_t size);
void FuzzConfig(const uint8_t *data, size_t size);

struct FuzzTarget {
    const char *name; // of its corpus's folder, too
    void (*run)(const uint8_t *data, size_t size);
};

constexpr FuzzTarget kFuzzTargets[] = {
    {"template", FuzzTemplate}, {"route", FuzzRoute},        {"percent", FuzzPercent},
    {"query", FuzzQuery},       {"json_read", FuzzJsonRead}, {"json_write", FuzzJsonWrite},
    {"head", FuzzHead},         {"gateway", FuzzGateway},    {"descriptor", FuzzDescriptor},
    {"cursor", FuzzCursor},     {"plan", FuzzPlan},          {"key", FuzzKey},
    {"config", FuzzConfig},
};

#endif
