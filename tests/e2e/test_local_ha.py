"""deploy/local-ha as an operator uses it: up, a change, up again, down. script/failover breaks it."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import rest
from harness import ROOT, bin_dir, create_token

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


class UpAndDown(unittest.TestCase):
    def test_an_operators_first_minute(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="runsd-ha-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder)
        self.addCleanup(run, "down", folder)
        for again in (False, True):
            done = run("up", folder)
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertIn("is the primary", done.stdout)
            told = done.stdout if not again else told
        lines = told.splitlines()
        store = next(line.split()[1] for line in lines if line.startswith("  store "))
        port = int(next(line.rpartition(":")[2] for line in lines if line.startswith("gateway: ")))
        os.environ["PGPASSFILE"] = str(folder / "passfile")
        self.addCleanup(os.environ.pop, "PGPASSFILE")
        token = create_token(store)
        reply = rest.request(port, "POST", "/v1/runs", token, {
            "id": "first", "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}})
        self.assertEqual(200, reply.status, reply.body)
        reply = rest.request(port, "POST", "/v1/runs/first/cancel", token)
        self.assertEqual("cancelled", reply.json()["data"]["status"])
        passwords = [line.split(":")[-1] for line in
                     (folder / "passfile").read_text(encoding="utf-8").splitlines()]
        commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True,
                                  check=True).stdout
        self.assertFalse([p for p in passwords if p in commands])

        done = run("down", folder)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertEqual([], processes_of(folder))
        self.assertTrue((folder / "node1" / "data" / "PG_VERSION").exists())


if __name__ == "__main__":
    unittest.main()
