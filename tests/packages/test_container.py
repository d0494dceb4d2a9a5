"""The image of deploy/container: it serves under a user that is not root, from a root that nobody can write."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from root import OF_NETWORK, why_none
from test_packages import package

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEADLINE_S = 60

# A container as a runtime makes it: its own processes and network, a root that is read-only, a volume for
# the store, and no capability. Arguments: root, volume, user, entrypoint.
RUN = r"""
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --bind "$2" "$1/var/lib/runsd"
mount -t tmpfs -o "mode=750,uid=$3,gid=$3" tmpfs "$1/run/runsd"
mount -o remount,bind,ro "$1"
ip link set lo up 2>/dev/null || true
root=$1 user=$3
shift 3
exec setpriv --no-new-privs chroot --userspec="$user:$user" "$root" "$@"
"""


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = why_none() or (None if shutil.which("umoci") else "umoci is not installed")
        if reason:
            raise unittest.SkipTest(reason)
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="runsd-image-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        deb = package(cls.folder / "debs", DEB_BUILD_OPTIONS="noautodbgsym")["runsd"]
        done = subprocess.run([ROOT / "deploy/container/build", deb, cls.folder], text=True,
                              capture_output=True, check=False)
        if done.returncode != 0 and OF_NETWORK.search(done.stderr):
            raise unittest.SkipTest("Debian's mirror cannot be reached")
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        cls.rootfs = cls.folder / "rootfs"

    def config(self):
        index = json.loads((self.folder / "image/index.json").read_text())
        blob = lambda one: self.folder / "image/blobs" / one["digest"].replace(":", "/")  # noqa: E731
        manifest = json.loads(blob(index["manifests"][0]).read_text())
        return json.loads(blob(manifest["config"]).read_text())["config"]

    def start(self, *command):
        config = self.config()
        user = config["User"].partition(":")[0]
        volume = self.folder / "volume"
        if not volume.exists():
            volume.mkdir(mode=0o750)
            os.chown(volume, int(user), int(user))
        process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "--ipc", "bash", "-c",
             RUN, "run", self.rootfs, volume, user, *config["Entrypoint"], *command],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            env=dict(one.split("=", 1) for one in config["Env"]) | {"PATH": os.environ["PATH"]})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def inside(self, process, *command):
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        if not children:
            return subprocess.CompletedProcess(command, 1, "", "it has not begun")
        user = self.config()["User"].partition(":")[0]
        return subprocess.run(
            ["nsenter", "--target", children.split()[0], "--mount", "--pid", "--net", "--ipc",
             "--root", "--wd", f"--setuid={user}", f"--setgid={user}", *command],
            capture_output=True, text=True, check=False,
            env=dict(one.split("=", 1) for one in self.config()["Env"]))

    def test_the_image_says_who_runs_what(self):
        config = self.config()
        self.assertNotIn(config["User"].partition(":")[0], ("", "0", "root"))
        self.assertEqual(["/usr/bin/runsctl", "serve", "--config", "/etc/runsd/runsd.yaml"],
                         config["Entrypoint"])
        self.assertEqual("SIGTERM", config["StopSignal"])
        self.assertIn("/var/lib/runsd", config["Volumes"])

    def test_it_holds_the_programs_and_what_they_need_alone(self):
        programs = sorted(path.name for path in (self.rootfs / "usr/bin").iterdir())
        self.assertEqual(["runs-gateway", "runsctl", "runsd"], programs)
        for path in self.rootfs.rglob("*"):
            mode = path.lstat().st_mode
            self.assertFalse(mode & 0o6000, f"{path} is setuid")
        size = sum(p.lstat().st_size for p in self.rootfs.rglob("*") if p.is_file())
        self.assertLess(size, 80 << 20)

    def test_it_serves_and_is_healthy_from_a_root_that_is_read_only(self):
        process = self.start()
        end = time.monotonic() + DEADLINE_S
        while (health := self.inside(process, "/usr/bin/runsctl", "health")).returncode != 0:
            self.assertIsNone(process.poll(), "it ended")
            self.assertLess(time.monotonic(), end, health.stderr)
            time.sleep(0.1)
        self.assertEqual("serving\n", health.stdout)
        made = self.inside(process, "/usr/bin/runsctl", "tokens", "create", "--store",
                           "sqlite:/var/lib/runsd/runs.db", "--create", "--org", "acme", "--scopes",
                           "runs.read", "--quiet")
        self.assertEqual(0, made.returncode, made.stderr)
        told = self.inside(process, "/usr/bin/runsctl", "whoami", "--token", made.stdout.strip())
        self.assertEqual(0, told.returncode, told.stderr)
        self.assertTrue((self.folder / "volume/runs.db").exists())


if __name__ == "__main__":
    unittest.main()
