// What LeakSanitizer is told about gRPC core's libraries. Link this to every test
// that uses them.

extern "C" const char *__lsan_default_suppressions();

// gRPC 1.51 with Debian's c-ares loses a host's name whenever it looks it up.
extern "C" const char *__lsan_default_suppressions() {
    return "leak:libcares.so\n";
}
