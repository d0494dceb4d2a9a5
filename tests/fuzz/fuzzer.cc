#include "tests/fuzz/fuzz_targets.h"

// libFuzzer's entry; FUZZ_TARGET is one of fuzz_targets.h.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FUZZ_TARGET(data, size);
    return 0;
}
