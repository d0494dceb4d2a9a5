"""A backup of deploy/local-ha, restored as docs/OPERATING.md says. It takes minutes: script/test --nightly
runs it, the usual run does not."""

import os
import shutil
import subprocess
import time
import unittest

import leases
import rest
from harness import create_token, wait_until
from test_local_ha import LOCAL_HA, Cluster

DEFINITION = {"nodes": {"root": {"type": "manual"}}}
PG_BIN = "/usr/lib/postgresql/15/bin"


class Restore(unittest.TestCase):
    longest_s = 600

    def ask(self, method, path, body=None):
        reply = rest.request(self.cluster.http_port, method, path, self.token, body)
        return reply.status, reply.json()

    def create(self, run, **more):
        status, told = self.ask("POST", "/v1/runs",
                                {"id": run, "workflowDefinition": DEFINITION, **more})
        self.assertEqual(200, status, told)

    def cursor(self):
        return self.ask("GET", "/v1/runs?watchCursor=true")[1]["data"]["watchCursor"]

    def psql(self, *arguments):
        return subprocess.run(["psql", "--no-psqlrc", "-d",
                               self.cluster.store.replace("runsd@", "runs_owner@"), *arguments],
                              capture_output=True, text=True, check=True).stdout

    def restore(self, backup):
        """Every node is lost, and what they agreed on; one begins from the backup."""
        folder = self.cluster.folder
        shutil.rmtree(folder / "etcd" / "member")
        for n in (1, 2, 3):
            shutil.rmtree(folder / f"node{n}" / "data")
        data = folder / "node1" / "data"
        shutil.copytree(backup, data)
        data.chmod(0o700)
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "postgres:postgres", data], check=True)

    def test_what_is_there_after_a_restore(self):
        self.cluster = Cluster(self)
        self.cluster.up()
        self.token = create_token(self.cluster.store)
        wait_until(lambda: all(self.ask("GET", "/v1/runs")[0] == 200 for _ in range(9)), "the token")
        self.create("before")
        backup = self.cluster.folder / "backup"
        source = self.cluster.store.replace("runsd@", "replicator@")
        subprocess.run(["pg_basebackup", "-d", source, "-D", backup, "--checkpoint=fast",
                        "--wal-method=stream"], check=True)
        subprocess.run([f"{PG_BIN}/pg_verifybackup", "--quiet", backup], check=True)
        position = self.cursor()
        self.create("after")

        self.cluster.down()
        restored_us = time.time_ns() // 1000
        self.restore(backup)
        self.cluster.up("--cluster")
        self.assertIn("the epoch is new", self.psql("-f", LOCAL_HA / "restored.sql"))
        self.cluster.up()
        self.assertEqual(200, self.ask("GET", "/v1/runs/before")[0])
        self.assertEqual(404, self.ask("GET", "/v1/runs/after")[0])
        status, told = self.ask("POST", "/v1/runs:watch", {"cursor": position})
        self.assertEqual((410, "CURSOR_EXPIRED"), (status, told["error"]["reason"]))
        # Attempts are above all that the time which is gone may have given.
        floor = int(self.psql("-qAtc", "SELECT max(attempt_floor) FROM organization"))
        self.assertGreaterEqual(floor, restored_us)
        runs = leases.Caller(self.cluster.grpc, self.token)
        self.addCleanup(runs.close)
        runs.create_leased("leased")
        (acquired,) = runs.acquire("h", seconds=60)
        self.assertEqual("leased", acquired.run.id)
        self.assertGreater(acquired.attempt, floor)


if __name__ == "__main__":
    unittest.main()
