#include "base/process/sandbox_calls.h"

#include <linux/sockios.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

// Beside what a call makes in the common case stands what it makes in rare ones, and what other
// versions of glibc make in its place: a call that is missing here is a feature that fails one
// night.

// clang-format off
static const char *const files[] = {
    "open", "openat", "close", "close_range", "read", "readv", "pread64", "preadv", "preadv2",
    "write", "writev", "pwrite64", "pwritev", "pwritev2", "lseek", "_llseek", "sendfile", "sendfile64",
    "copy_file_range", "fcntl", "fcntl64", "flock", "dup", "dup2", "dup3", "pipe", "pipe2",
    "stat", "stat64", "fstat", "fstat64", "lstat", "lstat64", "newfstatat", "fstatat64", "statx",
    "statfs", "statfs64", "fstatfs", "fstatfs64", "access", "faccessat", "faccessat2",
    "readlink", "readlinkat", "getdents", "getdents64", "getcwd", "umask",
    "fsync", "fdatasync", "sync_file_range", "ftruncate", "ftruncate64", "truncate", "truncate64",
    "fallocate", "fadvise64", "fadvise64_64", "readahead", "utimensat",
    "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir",
    "chmod", "fchmod", "fchmodat", "fchown",
    "inotify_init1", "inotify_add_watch", "inotify_rm_watch", NULL,
};

static const char *const network[] = {
    "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown",
    "getsockname", "getpeername", "getsockopt", "setsockopt",
    "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg", NULL,
};

static const char *const waiting[] = {
    "poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64",
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    "eventfd", "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_gettime",
    "nanosleep", "clock_nanosleep", "clock_nanosleep_time64", "pause", "restart_syscall",
    "alarm", "setitimer", "getitimer", NULL,
};

static const char *const memory[] = {
    "brk", "mmap2", "munmap", "mremap", "madvise", "msync", "membarrier",
    "memfd_create", NULL,
};

static const char *const threads[] = {
    "futex", "futex_time64", "futex_waitv", "set_robust_list", "get_robust_list", "rseq",
    "set_tid_address", "gettid", "exit", "exit_group", "sched_yield", "sched_getaffinity",
    "sched_getparam", "sched_getscheduler", "sched_getattr", "sched_get_priority_max",
    "sched_get_priority_min", "getpriority", "getcpu", "arch_prctl", NULL,
};

static const char *const signals[] = {
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait",
    "rt_sigtimedwait_time64", "rt_sigsuspend", "sigaltstack", "sigreturn", "signalfd", "signalfd4", NULL,
};

static const char *const self[] = {
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64", "gettimeofday", "time",
    "times", "getrusage", "sysinfo", "uname", "getrandom", "getpid", "getppid", "getpgrp", "getpgid",
    "getsid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
    "getrlimit", "ugetrlimit", "capget", NULL,
};

const struct sandbox_group sandbox_groups[] = {
    {"files", files},
    {"network", network},
    {"waiting", waiting},
    {"memory", memory},
    {"threads", threads},
    {"signals", signals},
    {"itself, and the time", self},
    {NULL, NULL},
};
// clang-format on

// Flags of clone(2) that would give a thread namespaces of its own.
#define CLONE_NAMESPACES                                                                           \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

// The kernel looks at the lower half of an int alone.
enum { WORD_BITS = 32 };
#define WORD ((UINT64_C(1) << WORD_BITS) - 1)

const struct sandbox_rule sandbox_rules[] = {
    {"clone", "threads of this process", 0, CLONE_THREAD | CLONE_NAMESPACES, CLONE_THREAD, false},
    {"kill", "this process", 0, WORD, 0, true},
    {"kill", "whether another lives", 1, WORD, 0, false}, // the signal 0
    {"tgkill", "this process", 0, WORD, 0, true},
    {"socket", "unix", 0, WORD, AF_UNIX, false},
    {"socket", "IPv4", 0, WORD, AF_INET, false},
    {"socket", "IPv6", 0, WORD, AF_INET6, false},
    {"socket", "netlink", 0, WORD, AF_NETLINK, false},
    {"mmap", "not written and run", 2, PROT_WRITE | PROT_EXEC, 0, false},
    {"mmap", "not written and run", 2, PROT_WRITE | PROT_EXEC, PROT_WRITE, false},
    {"mmap", "not written and run", 2, PROT_WRITE | PROT_EXEC, PROT_EXEC, false},
    {"mprotect", "not to be run", 2, PROT_EXEC, 0, false},
    {"prlimit64", "to read", 2, UINT64_MAX, 0, false},
    {"prctl", "names of threads", 0, WORD, PR_SET_NAME, false},
    {"prctl", "names of threads", 0, WORD, PR_GET_NAME, false},
    {"prctl", "names of memory", 0, WORD, PR_SET_VMA, false},
    {"prctl", "to read", 0, WORD, PR_GET_DUMPABLE, false},
    {"prctl", "to read", 0, WORD, PR_GET_NO_NEW_PRIVS, false},
    {"prctl", "to read", 0, WORD, PR_GET_SECCOMP, false},
    {"prctl", "to read", 0, WORD, PR_CAPBSET_READ, false},
    {"ioctl", "bytes that wait", 1, WORD, FIONREAD, false},
    {"ioctl", "bytes that wait", 1, WORD, SIOCOUTQ, false},
    {"ioctl", "flags of descriptors", 1, WORD, FIONBIO, false},
    {"ioctl", "flags of descriptors", 1, WORD, FIOCLEX, false},
    {"ioctl", "flags of descriptors", 1, WORD, FIONCLEX, false},
    {"ioctl", "whether it is a terminal", 1, WORD, TCGETS, false},
    {"ioctl", "whether it is a terminal", 1, WORD, TIOCGWINSZ, false},
    {"ioctl", "names of interfaces", 1, WORD, SIOCGIFINDEX, false},
    {"ioctl", "names of interfaces", 1, WORD, SIOCGIFNAME, false},
    {NULL, NULL, 0, 0, 0, false},
};

// clang-format off
const char *const sandbox_fatal[] = {
    "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd",
    "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "perf_event_open", "bpf",
    "unshare", "setns", "chroot", "pivot_root", "mount", "umount", "umount2", "mount_setattr",
    "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "swapon", "swapoff",
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    "open_by_handle_at", "iopl", "ioperm", "modify_ldt", "acct", "settimeofday", "clock_settime",
    "clock_settime64", "sethostname", "setdomainname", "setuid", "setgid", "setreuid",
    "setregid", "setresuid", "setresgid", "setgroups", "capset", NULL,
};

const char *const sandbox_quiet[] = {"clone3", NULL};
// clang-format on
