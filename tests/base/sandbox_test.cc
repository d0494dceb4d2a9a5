// What a process in the sandbox may do, and what becomes of one that tries more. Each try is made
// by a process of its own.

extern "C" {
#include "base/process/sandbox.h"
#include "base/process/sandbox_calls.h"
}

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <set>
#include <spawn.h>
#include <sstream>
#include <string>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

const struct logger kLog = {STDERR_FILENO, LOG_INFO, "sandbox_test", nullptr};

// Exit statuses of the process that tries; 0 is that all was well.
enum { kOff = 99 };

// Enters the sandbox in a process of its own, tries there, and returns the status of wait(2).
int InSandbox(const std::function<int()> &attempt) {
    fflush(nullptr);
    pid_t child = fork();
    if (child == 0) {
        struct sandbox sandbox;
        sandbox_enter(&kLog, true, &sandbox);
        _exit(sandbox.is_on ? attempt() : kOff);
    }
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return status;
}

class Sandbox : public ::testing::Test {
  protected:
    void SetUp() override {
        int status = InSandbox([] { return 0; });
        if (WIFEXITED(status) && WEXITSTATUS(status) == kOff) {
            GTEST_SKIP() << "there is no sandbox under a sanitizer, nor where the kernel has none";
        }
    }
};

// The exit status of what it tried: 0 if it may, else the errno.
int Exit(const std::function<int()> &attempt) {
    int status = InSandbox(attempt);
    EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int Signal(const std::function<int()> &attempt) {
    int status = InSandbox(attempt);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int ErrnoOf(int64_t result) {
    return result < 0 ? errno : 0;
}

std::string StatusOf(const std::string &path, const std::string &field) {
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
        if (line.rfind(field + ":\t", 0) == 0) {
            return line.substr(field.size() + 2);
        }
    }
    return "";
}

TEST_F(Sandbox, HoldsForThreadsOfBeforeAndAfter) {
    static pthread_barrier_t entered;
    pthread_barrier_init(&entered, nullptr, 2);
    fflush(nullptr);
    pid_t child = fork();
    if (child == 0) {
        static int result = -1;
        auto look = [](void *before) -> void * {
            if (before != nullptr) {
                pthread_barrier_wait(&entered);
            }
            const std::string path = "/proc/self/task/" + std::to_string(gettid()) + "/status";
            bool is_in = StatusOf(path, "Seccomp") == "2" && StatusOf(path, "NoNewPrivs") == "1";
            int refused = ErrnoOf(socket(AF_ALG, SOCK_SEQPACKET, 0));
            result = is_in && refused == ENOSYS ? 0 : 1;
            return nullptr;
        };
        pthread_t thread;
        pthread_create(&thread, nullptr, look, &entered);
        struct sandbox sandbox;
        sandbox_enter(&kLog, true, &sandbox);
        pthread_barrier_wait(&entered);
        pthread_join(thread, nullptr);
        int before = result;
        pthread_create(&thread, nullptr, look, nullptr);
        pthread_join(thread, nullptr);
        _exit(before * 2 + result);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Sandbox, NoProgramIsStarted) {
    EXPECT_EQ(SIGSYS, Signal([] { return execl("/bin/true", "true", nullptr); }));
    EXPECT_EQ(SIGSYS, Signal([] {
                  return static_cast<int>(
                      syscall(SYS_execveat, AT_FDCWD, "/bin/true", nullptr, nullptr, 0));
              }));
}

TEST_F(Sandbox, NoProcessIsMade) {
    EXPECT_EQ(ENOSYS, Exit([] { return ErrnoOf(fork()); }));
#ifdef SYS_fork
    EXPECT_EQ(ENOSYS, Exit([] { return ErrnoOf(syscall(SYS_fork)); }));
    EXPECT_EQ(ENOSYS, Exit([] { return ErrnoOf(syscall(SYS_vfork)); }));
#endif
    EXPECT_EQ(ENOSYS, Exit([] {
                  struct clone_args args = {};
                  args.exit_signal = SIGCHLD;
                  return ErrnoOf(syscall(SYS_clone3, &args, sizeof(args)));
              }));
    EXPECT_EQ(ENOSYS, Exit([] {
                  pid_t child;
                  char name[] = "true";
                  char *arguments[] = {name, nullptr};
                  return posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments, environ);
              }));
    EXPECT_NE(0, Exit([] { return system("true") == 0 ? 0 : 1; }));
    EXPECT_EQ(ENOSYS, Exit([] {
                  return ErrnoOf(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
              }));
}

TEST_F(Sandbox, NoOtherProcessIsLookedIntoOrEnded) {
    EXPECT_EQ(SIGSYS,
              Signal([] { return static_cast<int>(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }));
    EXPECT_EQ(SIGSYS, Signal([] {
                  return static_cast<int>(
                      syscall(SYS_process_vm_readv, getppid(), nullptr, 0, nullptr, 0, 0));
              }));
    EXPECT_EQ(ENOSYS, Exit([] { return ErrnoOf(kill(getppid(), SIGURG)); }));
    EXPECT_EQ(ENOSYS, Exit([] { return ErrnoOf(kill(0, SIGURG)); }));
    EXPECT_EQ(ENOSYS,
              Exit([] { return ErrnoOf(syscall(SYS_tgkill, getppid(), getppid(), SIGURG)); }));
    EXPECT_EQ(0, Exit([] { return ErrnoOf(kill(getpid(), SIGURG)); }));
    EXPECT_EQ(0, Exit([] { return ErrnoOf(kill(getppid(), 0)); })); // whether it lives
    EXPECT_EQ(ENOSYS, Exit([] {
                  struct rlimit limit = {1, 1};
                  return ErrnoOf(prlimit(getppid(), RLIMIT_NOFILE, &limit, nullptr));
              }));
}

// Each of them, by its number, with arguments of no use.
TEST_F(Sandbox, CallsThatAreFatalEndTheProcess) {
    const struct {
        const char *name;
        long number;
    } rows[] = {
        {"io_uring_setup", SYS_io_uring_setup},
        {"userfaultfd", SYS_userfaultfd},
        {"perf_event_open", SYS_perf_event_open},
        {"bpf", SYS_bpf},
        {"unshare", SYS_unshare},
        {"setns", SYS_setns},
        {"chroot", SYS_chroot},
        {"pivot_root", SYS_pivot_root},
        {"mount", SYS_mount},
        {"umount2", SYS_umount2},
        {"fsopen", SYS_fsopen},
        {"init_module", SYS_init_module},
        {"finit_module", SYS_finit_module},
        {"kexec_load", SYS_kexec_load},
        {"reboot", SYS_reboot},
        {"pidfd_getfd", SYS_pidfd_getfd},
        {"open_by_handle_at", SYS_open_by_handle_at},
        {"setuid", SYS_setuid},
        {"setresuid", SYS_setresuid},
        {"capset", SYS_capset},
        {"clock_settime", SYS_clock_settime},
    };
    std::set<std::string> fatal;
    for (const char *const *name = sandbox_fatal; *name != nullptr; name++) {
        fatal.insert(*name);
    }
    for (const auto &row : rows) {
        EXPECT_EQ(fatal.count(row.name), 1U) << row.name;
        EXPECT_EQ(SIGSYS,
                  Signal([&row] { return static_cast<int>(syscall(row.number, 0, 0, 0, 0, 0)); }))
            << row.name;
    }
}

TEST_F(Sandbox, WhatIsNotListedIsAsIfTheKernelDidNotKnowIt) {
    EXPECT_EQ(ENOSYS, Exit([] { return ErrnoOf(syscall(SYS_keyctl, 0, 0, 0, 0, 0)); }));
    EXPECT_EQ(ENOSYS, Exit([] { return ErrnoOf(syscall(SYS_add_key, 0, 0, 0, 0, 0)); }));
    EXPECT_EQ(ENOSYS, Exit([] { return ErrnoOf(syscall(SYS_personality, 0)); }));
    EXPECT_EQ(ENOSYS, Exit([] { return ErrnoOf(syscall(SYS_symlinkat, "a", AT_FDCWD, "b")); }));
    EXPECT_EQ(ENOSYS, Exit([] { return ErrnoOf(syscall(SYS_seccomp, 0, 0, 0)); }));
    EXPECT_EQ(ENOSYS, Exit([] { return ErrnoOf(syscall(4000)); }));
}

TEST_F(Sandbox, MemoryThatIsWrittenIsNotRun) {
    auto map = [](int protection) {
        return mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    };
    EXPECT_EQ(ENOSYS, Exit([&] {
                  return map(PROT_READ | PROT_WRITE | PROT_EXEC) == MAP_FAILED ? errno : 0;
              }));
    EXPECT_EQ(ENOSYS, Exit([&] {
                  void *page = map(PROT_READ | PROT_WRITE);
                  return page == MAP_FAILED ? 1
                                            : ErrnoOf(mprotect(page, 4096, PROT_READ | PROT_EXEC));
              }));
    EXPECT_EQ(0, Exit([&] {
                  void *page = map(PROT_READ | PROT_WRITE);
                  return page == MAP_FAILED ? 1 : ErrnoOf(mprotect(page, 4096, PROT_NONE));
              }));
}

TEST_F(Sandbox, SocketsAreOfTheFamiliesThatAreServed) {
    for (int family : {AF_UNIX, AF_INET, AF_INET6}) {
        EXPECT_EQ(0,
                  Exit([family] { return ErrnoOf(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)); }))
            << family;
    }
    EXPECT_EQ(0, Exit([] { return ErrnoOf(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)); }));
    for (int family : {AF_PACKET, AF_ALG, AF_VSOCK, AF_BLUETOOTH, AF_XDP}) {
        EXPECT_EQ(ENOSYS, Exit([family] { return ErrnoOf(socket(family, SOCK_RAW, 0)); }))
            << family;
    }
}

TEST_F(Sandbox, DevicesAreNotControlled) {
    EXPECT_EQ(ENOSYS, Exit([] { return ErrnoOf(ioctl(STDERR_FILENO, TIOCSTI, "x")); }));
    EXPECT_NE(ENOSYS, Exit([] { return ErrnoOf(ioctl(STDERR_FILENO, TCGETS, 0)); }));
    EXPECT_EQ(ENOSYS, Exit([] { return ErrnoOf(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)); }));
    EXPECT_EQ(ENOSYS,
              Exit([] { return ErrnoOf(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0, 0, 0)); }));
}

// What libraries do on days that tests of the programs do not see.
TEST_F(Sandbox, RareWaysOfLibrariesAreOpen) {
    EXPECT_EQ(0, Exit([] { // a resolver: netlink, files, other servers
                  struct addrinfo *found = nullptr;
                  const struct addrinfo hints = {AI_ADDRCONFIG, AF_UNSPEC, SOCK_STREAM, 0, 0,
                                                 nullptr,       nullptr,   nullptr};
                  int result = getaddrinfo("localhost", "80", &hints, &found);
                  return result == 0 || result == EAI_NONAME || result == EAI_AGAIN ? 0 : 1;
              }));
    EXPECT_EQ(0, Exit([] { // a module of the name service
                  return dlopen("libnss_compat.so.2", RTLD_NOW) != nullptr ? 0 : 1;
              }));
    EXPECT_EQ(0, Exit([] { // memory that grows, is moved and given back
                  void *bytes = malloc(1 << 20);
                  for (int i = 21; i < 26; i++) {
                      bytes = realloc(bytes, size_t{1} << i);
                  }
                  free(bytes);
                  return bytes != nullptr ? 0 : 1;
              }));
    EXPECT_EQ(0, Exit([] { // a file of its own
                  char path[] = "/tmp/sandbox_test_XXXXXX";
                  int fd = mkstemp(path);
                  struct statvfs system;
                  bool is_ok = fd >= 0 && posix_fallocate(fd, 0, 8192) == 0 &&
                               ftruncate(fd, 10) == 0 && fchmod(fd, 0600) == 0 &&
                               fdatasync(fd) == 0 && fstatvfs(fd, &system) == 0;
                  return unlink(path) == 0 && is_ok ? 0 : 1;
              }));
    EXPECT_EQ(SIGABRT, Signal([]() -> int { abort(); })); // a core is dumped as ever
    EXPECT_EQ(SIGSEGV, Signal([]() -> int {
                  signal(SIGSEGV, SIG_DFL);
                  return raise(SIGSEGV);
              }));
}

TEST(SandboxWanted, IsOffIfItIsNot) {
    struct sandbox sandbox;
    sandbox_enter(&kLog, false, &sandbox);
    EXPECT_FALSE(sandbox.is_on);
    EXPECT_STREQ("off, as --sandbox says", sandbox.text);
    EXPECT_EQ("0", StatusOf("/proc/self/status", "NoNewPrivs"));
}

TEST(SandboxCalls, EachIsListedInOneWay) {
    std::set<std::string> seen;
    for (const struct sandbox_group *group = sandbox_groups; group->purpose != nullptr; group++) {
        for (const char *const *call = group->calls; *call != nullptr; call++) {
            EXPECT_TRUE(seen.insert(*call).second) << *call;
        }
    }
    for (const char *const *call = sandbox_fatal; *call != nullptr; call++) {
        EXPECT_TRUE(seen.insert(*call).second) << *call;
    }
    for (const char *const *call = sandbox_quiet; *call != nullptr; call++) {
        EXPECT_TRUE(seen.insert(*call).second) << *call;
    }
    for (const struct sandbox_rule *rule = sandbox_rules; rule->call != nullptr; rule++) {
        EXPECT_EQ(seen.count(rule->call), 0U) << rule->call;
    }
}

// A name that is misspelled would be left out without a word.
TEST(SandboxCalls, EachIsOneOfLinux) {
    std::set<std::string> names;
    auto take = [&names](const char *const *calls) {
        for (; *calls != nullptr; calls++) {
            names.insert(*calls);
        }
    };
    for (const struct sandbox_group *group = sandbox_groups; group->purpose != nullptr; group++) {
        take(group->calls);
    }
    take(sandbox_fatal);
    take(sandbox_quiet);
    for (const struct sandbox_rule *rule = sandbox_rules; rule->call != nullptr; rule++) {
        names.insert(rule->call);
    }
    for (const std::string &name : names) {
        EXPECT_NE(seccomp_syscall_resolve_name(name.c_str()), __NR_SCMP_ERROR) << name;
    }
    // What a thread, a timer and a file take where open, stat, poll and their like are no calls.
    for (const char *name :
         {"openat", "newfstatat", "ppoll", "epoll_pwait", "dup3", "pipe2", "clone", "renameat",
          "unlinkat", "fchmodat", "faccessat", "readlinkat", "mmap", "mkdirat", "linkat",
          "pselect6", "clock_nanosleep", "rt_sigreturn"}) {
        EXPECT_GE(seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64, name), 0) << name;
        EXPECT_EQ(names.count(name), 1U) << name;
    }
}

void AppendCalls(std::string *row, const char *const *calls) {
    for (const char *const *call = calls; *call != nullptr; call++) {
        *row += (call == calls ? "`" : ", `") + std::string(*call) + "`";
    }
}

// Of the rules, what stands in one row: all words of a call, each once, in their order.
std::string RuleRow(const struct sandbox_rule **rule) {
    const std::string call = (*rule)->call;
    std::string words;
    std::set<std::string> seen;
    for (; (*rule)->call != nullptr && (*rule)->call == call; (*rule)++) {
        if (seen.insert((*rule)->only).second) {
            words += (words.empty() ? "" : ", ") + std::string((*rule)->only);
        }
    }
    return "| `" + call + "` | " + words + " |\n";
}

TEST(SandboxCalls, AreTheOnesOfTheDocs) {
    std::ifstream in("docs/SECURITY.md");
    ASSERT_TRUE(in.good());
    std::stringstream text;
    text << in.rdbuf();
    std::string expected = "| for | calls |\n| --- | --- |\n";
    for (const struct sandbox_group *group = sandbox_groups; group->purpose != nullptr; group++) {
        expected += "| " + std::string(group->purpose) + " | ";
        AppendCalls(&expected, group->calls);
        expected += " |\n";
    }
    EXPECT_NE(text.str().find(expected), std::string::npos) << "docs/SECURITY.md needs:\n"
                                                            << expected;
    expected = "| call | only |\n| --- | --- |\n";
    for (const struct sandbox_rule *rule = sandbox_rules; rule->call != nullptr;) {
        expected += RuleRow(&rule);
    }
    EXPECT_NE(text.str().find(expected), std::string::npos) << "docs/SECURITY.md needs:\n"
                                                            << expected;
    expected = "";
    AppendCalls(&expected, sandbox_fatal);
    EXPECT_NE(text.str().find(expected), std::string::npos) << "docs/SECURITY.md needs:\n"
                                                            << expected;
}

} // namespace
