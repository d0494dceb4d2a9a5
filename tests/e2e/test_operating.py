"""That the commands of docs/OPERATING.md do what it says."""

import json
import os
import re
import subprocess
import unittest

import rest
from harness import DEADLINE_S, ROOT, Place, Serve, bin_dir, create_token

PAGE = ROOT / "docs" / "OPERATING.md"
ROTATION = "Tokens: giving out new secrets"
DELETION = "Freezing, exporting and deleting an organization"


def commands():
    """The shell blocks by the heading that they stand under."""
    found = {}
    for part in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        heading = part.split("\n", 1)[0]
        found[heading] = re.findall(r"^```sh\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    return found


class Operating(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.store = str(self.place.path / "runs.db")
        self.backup = str(self.place.path / "backup.db")
        self.token = create_token(self.place.store)

    def shell(self, command, folder=None, **more):
        path = f"{bin_dir() / 'ctl'}:{os.environ['PATH']}"
        return subprocess.run(["bash", "-euc", command], capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False, cwd=folder,
                              env={**os.environ, "PATH": path, "STORE": self.store,
                                   "BACKUP": self.backup, **more})

    def must(self, command, folder=None, **more):
        done = self.shell(command, folder, **more)
        self.assertEqual(0, done.returncode, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def serve(self):
        server = Serve(self.place.store)
        self.addCleanup(server.kill)
        return server

    def create(self, server, run_id):
        body = {"id": run_id, "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}
        reply = rest.request(server.http_port, "POST", "/v1/runs", self.token, body)
        self.assertEqual(200, reply.status, reply.body)

    def status(self, server, run_id):
        return rest.request(server.http_port, "GET", f"/v1/runs/{run_id}", self.token).status

    def test_every_block_is_run_here(self):
        counts = {heading: len(blocks) for heading, blocks in commands().items() if blocks}
        self.assertEqual({"Back up": 2, "Restore": 1, "Check": 1, ROTATION: 1, DELETION: 1,
                          "Audit": 1}, counts)

    def test_backup_while_served_is_restored(self):
        vacuum, check_backup = commands()["Back up"]
        restore, = commands()["Restore"]
        check, = commands()["Check"]
        server = self.serve()
        self.create(server, "before")
        self.must(vacuum)
        self.assertIn("is sound", self.must(check_backup))
        self.create(server, "after")
        self.assertIn("served at the moment", self.must(check))
        self.assertEqual(0, server.stop())
        self.assertIn("is sound", self.must(check))

        self.assertIn("taken for all there is", self.must(restore))
        server = self.serve()
        self.assertEqual(200, self.status(server, "before"))
        self.assertEqual(404, self.status(server, "after"))
        self.create(server, "again")
        self.assertEqual(0, server.stop())
        self.assertIn("is sound", self.must(check))

    def test_backup_that_is_only_copied_over_is_refused_first(self):
        server = self.serve()
        self.create(server, "before")
        self.must(commands()["Back up"][0])
        self.create(server, "after")
        self.assertEqual(0, server.stop())
        self.must('cp "$BACKUP" "$STORE"')
        done = self.shell(commands()["Check"][0])
        self.assertEqual(1, done.returncode)
        self.assertIn("changes that were acknowledged are missing", done.stdout)
        accept, = re.findall(r"^runsctl check .* --accept$", commands()["Restore"][0], re.MULTILINE)
        self.must(accept)
        self.assertEqual(200, self.status(self.serve(), "before"))

    def test_files_that_are_moved_under_a_server_stop_it(self):
        server = self.serve()
        self.create(server, "before")
        self.must('mkdir "$STORE.d" && mv "$STORE"* "$STORE.d/" 2>/dev/null || true')
        body = {"id": "lost", "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}
        reply = rest.request(server.http_port, "POST", "/v1/runs", self.token, body)
        self.assertEqual(503, reply.status, reply.body)
        server.wait_for_log(lambda l: "store failed" in l.get("message", ""), "the failure")
        self.assertNotEqual(0, server.popen.wait(DEADLINE_S))

    def test_an_organization_is_exported_and_deleted(self):
        block, = commands()[DELETION]
        for served in (True, False):
            with self.subTest(served=served):
                token = self.token = create_token(self.place.store, name=f"served-{served}")
                server = self.serve()
                self.create(server, "one")
                if not served:
                    self.assertEqual(0, server.stop())
                self.must(block, self.place.path)
                lines = [json.loads(line) for line in
                         (self.place.path / "acme.jsonl").read_text(encoding="utf-8").splitlines()]
                self.assertIn("organization", lines[0])
                self.assertEqual(1, lines[-1]["end"]["runs"])
                server = self.serve() if not served else server
                self.assertEqual(401, rest.request(server.http_port, "GET", "/v1/runs",
                                                   token).status)
                self.assertEqual(0, server.stop())
                self.assertIn("is sound", self.must(commands()["Check"][0]))

    def test_an_audit_goes_on_where_it_was(self):
        block, = commands()["Audit"]
        server = self.serve()
        environment = {"RUNSCTL_SERVER": server.grpc, "RUNSCTL_TOKEN": self.token}
        for run_id in ("one", "two"):
            self.create(server, run_id)
            self.must(block, self.place.path, **environment)
        lines = (self.place.path / "audit.jsonl").read_text(encoding="utf-8").splitlines()
        self.assertEqual(["one", "two"], [json.loads(line)["runId"] for line in lines])

    def test_a_rotation_leaves_both_secrets_valid(self):
        old = create_token(self.place.store, name="ci")
        server = self.serve()
        self.must(commands()[ROTATION][0], self.place.path)
        new = (self.place.path / "new.token").read_text(encoding="ascii").strip()
        self.assertNotEqual(old, new)
        for token in (old, new):
            reply = rest.request(server.http_port, "GET", "/v1/whoami", token)
            self.assertEqual(200, reply.status, reply.body)


if __name__ == "__main__":
    unittest.main()
