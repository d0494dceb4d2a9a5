"""deploy/local-ha as an operator uses it: up, a change, up again, down. script/failover breaks it."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import rest
from harness import ROOT, bin_dir, create_token, wait_until

LOCAL_HA = ROOT / "deploy" / "local-ha"


def run(name, *arguments):
    return subprocess.run([LOCAL_HA / name, *arguments], capture_output=True, text=True, check=False,
                          env={**os.environ, "RUNSD_BIN_DIR": str(bin_dir())})


def processes_of(folder):
    """The ids of the processes whose command line names the folder."""
    done = subprocess.run(["pgrep", "-f", "--", str(folder)], capture_output=True, text=True,
                          check=False)
    return done.stdout.split()


class WrongUse(unittest.TestCase):
    def test_what_is_no_folder_of_its_own(self):
        for arguments in ([], [""], ["/"], ["/tmp/a b"], ["/tmp/" + "a" * 80], ["--no-such", "/tmp"]):
            for name in ("up", "down"):
                with self.subTest(name=name, arguments=arguments):
                    done = run(name, *arguments)
                    self.assertEqual(1, done.returncode, done.stdout)
                    self.assertRegex(done.stderr, f"^{name}: .")

    def test_down_of_a_folder_without_a_cluster(self):
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            done = run("down", folder)
            self.assertEqual((1, f"down: {folder} has no cluster of up\n"),
                             (done.returncode, done.stderr))


class Cluster:
    """One in a folder of its own, which ends with a test."""

    def __init__(self, case):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="runsd-ha-", dir="/tmp"))
        case.addCleanup(shutil.rmtree, self.folder)
        case.addCleanup(run, "down", self.folder)
        os.environ["PGPASSFILE"] = str(self.folder / "passfile")
        case.addCleanup(os.environ.pop, "PGPASSFILE")

    def up(self, *options):
        done = run("up", *options, self.folder)
        if done.returncode != 0:
            raise AssertionError(f"up: {done.stderr}")
        for line in done.stdout.splitlines():
            if line.startswith("  store "):
                self.store = line.split()[1]
            elif line.startswith("runsd: "):
                self.grpc = line.split()[-1]
            elif line.startswith("gateway: "):
                self.http_port = int(line.rpartition(":")[2])
        return done.stdout

    def down(self):
        done = run("down", self.folder)
        if (done.returncode, done.stderr) != (0, ""):
            raise AssertionError(f"down: {done.returncode}, {done.stderr}")


class UpAndDown(unittest.TestCase):
    def test_an_operators_first_minute(self):
        cluster = Cluster(self)
        self.assertIn("is the primary", cluster.up())
        token = create_token(cluster.store)

        def request(path, body=None):
            return rest.request(cluster.http_port, "POST", path, token, body)
        # Each server hears of a new token within a second.
        wait_until(lambda: all(request("/v1/runs/none/cancel").status == 404 for _ in range(9)),
                   "the token")
        reply = request("/v1/runs", {
            "id": "first", "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}})
        self.assertEqual(200, reply.status, reply.body)
        reply = request("/v1/runs/first/cancel")
        self.assertEqual("cancelled", reply.json()["data"]["status"])
        passwords = [line.split(":")[-1] for line in
                     (cluster.folder / "passfile").read_text(encoding="utf-8").splitlines()]
        commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True,
                                  check=True).stdout
        self.assertFalse([p for p in passwords if p in commands])
        self.assertIn("is the primary", cluster.up())  # all of it runs

        cluster.down()
        self.assertEqual([], processes_of(cluster.folder))
        self.assertTrue((cluster.folder / "node1" / "data" / "PG_VERSION").exists())


if __name__ == "__main__":
    unittest.main()
