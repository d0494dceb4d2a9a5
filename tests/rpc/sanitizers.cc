// What the sanitizers are told about libraries that are not built with them. Link
// this to every test that uses gRPC core.

extern "C" const char *__lsan_default_suppressions();
extern "C" const char *__tsan_default_suppressions();

// gRPC 1.51 with Debian's c-ares loses a host's name whenever it looks it up.
extern "C" const char *__lsan_default_suppressions() {
    return "leak:libcares.so\n";
}

// TSan sees neither the locks nor the atomics inside these libraries, so what they
// order looks like a race.
extern "C" const char *__tsan_default_suppressions() {
    return "called_from_lib:libgrpc.so\n"
           "called_from_lib:libgpr.so\n"
           "called_from_lib:libabsl_synchronization.so\n"
           "called_from_lib:libcares.so\n"
           "race:^grpc_\n"
           "race:^gpr_\n";
}
