"""A Debian 12 of its own, in which packages are installed, run and removed as an operator does it.

It is a folder that mmdebstrap fills; systemd is started in it as process 1, in namespaces and control
groups of its own, with loopback as its only network.
"""

import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

DEADLINE_S = 120
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "runsd"
MIRROR = "http://deb.debian.org/debian"
# What an operator uses beside the packages, and what the tests look with.
TOOLS = ("adduser", "curl", "sqlite3", "systemd", "systemd-sysv", "dbus")
CGROUPS = pathlib.Path("/sys/fs/cgroup")
OF_NETWORK = re.compile(r"Could not resolve|Temporary failure|Failed to fetch|Could not connect|"
                        r"Connection timed out|Network is unreachable")

# Mounts what a machine has, and becomes the program of it. Arguments: the root, the program.
ENTER = r"""
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t tmpfs -o mode=755 tmpfs "$1/dev"
for name in null zero full random urandom tty; do
    touch "$1/dev/$name"
    mount --bind "/dev/$name" "$1/dev/$name"
done
mkdir "$1/dev/shm" "$1/dev/pts"
mount -t tmpfs tmpfs "$1/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$1/dev/pts"
ln -s pts/ptmx "$1/dev/ptmx"
ln -s /proc/self/fd "$1/dev/fd"
ip link set lo up 2>/dev/null || true
"""

BOOT = ENTER + r"""
mount -t tmpfs -o mode=755 tmpfs "$1/run"
mount -t sysfs -o ro sysfs "$1/sys" 2>/dev/null || true
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
else
    mount -t tmpfs -o mode=755 tmpfs "$1/sys/fs/cgroup"
    mkdir "$1/sys/fs/cgroup/systemd" "$1/sys/fs/cgroup/unified"
    mount -t cgroup -o none,name=systemd cgroup "$1/sys/fs/cgroup/systemd"
    mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup/unified"
fi
# Not chroot: who is in one may make no user namespace, as PrivateUsers= asks for.
cd "$1"
shift
pivot_root . .
umount -l .
cd /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
"""


class NoRoot(Exception):
    """There can be none here, for what the text says."""


def why_none():
    """What is missing here; None: nothing."""
    if os.getuid() != 0:
        return "only root can fill a root file system and change into it"
    for name in ("mmdebstrap", "unshare", "chroot", "nsenter"):
        if shutil.which(name) is None:
            return f"{name} is not installed"
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--net", "--uts", "--ipc",
                           "--cgroup", "true"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no namespaces: {done.stderr.strip()}"


def _tarball(packages):
    """Debian 12 with these packages, made anew each week."""
    names = sorted({*TOOLS, *packages})
    key = hashlib.sha256(" ".join([*names, time.strftime("%Y-%W")]).encode()).hexdigest()[:16]
    path = CACHE / f"root-{key}.tar"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        new = f"{path}.{os.getpid()}.tar"
        done = subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(names)}",
             "--aptopt=Acquire::Languages none", "bookworm", new, MIRROR],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pathlib.Path(new).unlink(missing_ok=True)
            if OF_NETWORK.search(done.stderr):
                raise NoRoot(f"{MIRROR} cannot be reached")
            raise AssertionError(f"mmdebstrap: {done.stderr[-2000:]}")
        os.rename(new, path)
        for old in CACHE.glob("root-*.tar"):
            if old != path and time.time() - old.stat().st_mtime > 14 * 24 * 3600:
                old.unlink()
    return path


def prepare(packages):
    """Has all that Root(packages) needs; raises NoRoot for what is missing."""
    reason = why_none()
    if reason:
        raise NoRoot(reason)
    _tarball(packages)


class Root:
    """One machine; remove() ends it."""

    def __init__(self, packages):
        tarball = _tarball(packages)
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="runsd-root-"))
        self.path.chmod(0o755)
        self.booted = None
        self.groups = []
        subprocess.run(["tar", "-C", self.path, "--numeric-owner", "-xf", tarball], check=True)

    # --- its process 1 ---

    def boot(self):
        """Starts systemd; raises NoRoot if this machine does not let it."""
        name = f"runsd-test-{os.getpid()}"
        for folder in (CGROUPS, CGROUPS / "systemd", CGROUPS / "unified"):
            if (folder / "cgroup.procs").exists():
                group = folder / name
                group.mkdir()
                self.groups.append(group)
        if not self.groups:
            raise NoRoot("there are no control groups to start systemd in")

        def join():
            for group in self.groups:
                (group / "cgroup.procs").write_text("0")

        self.log = open(self.path / "boot.log", "wb")
        self.booted = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "--uts", "--ipc",
             "--cgroup", "bash", "-c", BOOT, "boot", str(self.path), "/lib/systemd/systemd",
             "--log-target=console", "--unit=multi-user.target"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=join)
        end = time.monotonic() + DEADLINE_S
        while True:
            state = self.sh("systemctl is-system-running", check=False).stdout.strip()
            if state in ("running", "degraded"):
                return
            if self.booted.poll() is not None or time.monotonic() > end:
                text = (self.path / "boot.log").read_text(errors="replace")[-1500:]
                raise NoRoot(f"systemd does not start here ({state}): {text}")
            time.sleep(0.1)

    def _pid1(self):
        """systemd's number outside: the only child of unshare."""
        children = pathlib.Path(f"/proc/{self.booted.pid}/task/{self.booted.pid}/children")
        return children.read_text().split()[0]

    # --- commands ---

    def sh(self, script, check=True, seconds=DEADLINE_S, **variables):
        """Runs a shell script in it as root; returns CompletedProcess with text."""
        given = [f"{name}={value}" for name, value in variables.items()]
        inner = ["env", "-i", "HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                 "DEBIAN_FRONTEND=noninteractive", *given, "bash", "-euc", script]
        if self.booted is not None:
            try:
                command = ["nsenter", "--target", self._pid1(), "--all", "--root", "--wd", *inner]
            except (OSError, IndexError):
                return subprocess.CompletedProcess([], 1, "", "systemd is gone")
        else:
            command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "--ipc",
                       "bash", "-c", ENTER + 'cd "$1"; root=$1; shift; exec chroot "$root" "$@"',
                       "enter", str(self.path), *inner]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False,
                              stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise AssertionError(f"exit {done.returncode} of:\n{script}\n{done.stdout}{done.stderr}")
        return done

    def put(self, path):
        """Copies a file of outside into /root; returns its path there."""
        shutil.copy(path, self.path / "root")
        return f"/root/{pathlib.Path(path).name}"

    def install(self, *packages):
        """As `apt install ./X.deb` does it; what they need is there already."""
        names = " ".join(self.put(path) for path in packages)
        return self.sh(f"apt-get install -y --no-download --allow-downgrades {names}")

    def wait(self, script, what):
        """Until the script succeeds."""
        end = time.monotonic() + DEADLINE_S
        while self.sh(script, check=False).returncode != 0:
            if time.monotonic() > end:
                journal = self.sh("journalctl --no-pager -n 40; systemctl status runsd --no-pager",
                                  check=False)
                raise AssertionError(f"{what} did not come\n{journal.stdout}")
            time.sleep(0.1)

    def remove(self):
        if self.booted is not None:
            self.booted.send_signal(signal.SIGKILL)
            self.booted.wait()
            self.log.close()
        for group in self.groups:
            _remove_group(group)
        shutil.rmtree(self.path)


def _remove_group(group):
    """Control groups go from the innermost outwards, once their processes are gone."""
    end = time.monotonic() + DEADLINE_S
    for folder in sorted(group.rglob("*"), key=lambda p: -len(p.parts)) + [group]:
        while folder.is_dir():
            try:
                folder.rmdir()
            except OSError:
                if time.monotonic() > end:
                    return
                time.sleep(0.05)
