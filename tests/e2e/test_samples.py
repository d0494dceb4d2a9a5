"""The reference page's four samples, as printed, against the real gateway."""

import ast
import json
import os
import pathlib
import subprocess
import unittest
from collections import OrderedDict

import contract
import rest
from harness import DEADLINE_S, ROOT, serve_for

CLIENTS = ROOT / "tests" / "clients"


class Samples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)

    def cancel(self, sample, *command, env=None):
        """Creates a run, runs the sample on it, and returns the run's id, what
        was given for it, and what the sample printed."""
        # JavaScript's numbers end at 2^53.
        given = contract.new_run(workflowVersion=3)
        created = rest.request(self.server.http_port, "POST", "/v1/runs", self.token, given)
        self.assertEqual(200, created.status, created.body)
        run_id = created.json()["data"]["id"]
        text = (CLIENTS / "samples" / sample).read_text(encoding="utf-8")
        for printed, ours in (("https://api.example.com", self.server.http),
                              ("/string/", f"/{run_id}/"), ("YOUR_API_TOKEN", self.token)):
            self.assertEqual(1, text.count(printed), printed)
            text = text.replace(printed, ours)
        path = self.place.path / sample
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([*command, str(path)], capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False, env={**os.environ, **(env or {})})
        self.assertEqual(0, done.returncode, done.stderr)
        return run_id, given, done.stdout

    def test_curl(self):
        run_id, given, printed = self.cancel("cancel.sh", "bash")
        contract.check_cancelled(self, self.ordered(printed), run_id, given)

    def test_node_fetch(self):
        hook = (CLIENTS / "node" / "print_json.mjs").as_uri()
        run_id, given, printed = self.cancel("cancel.mjs", "node", "--import", hook)
        contract.check_cancelled(self, self.ordered(printed), run_id, given)

    def test_python_requests(self):
        run_id, given, printed = self.cancel("cancel.py", "/usr/bin/python3")
        contract.check_cancelled(self, ast.literal_eval(printed), run_id, given)

    def test_go_net_http(self):
        # Nothing but the standard library, nothing fetched; a cache of its own
        # works for users without a home too.
        env = {"GO111MODULE": "off", "GOFLAGS": "", "GOPROXY": "off",
               "GOCACHE": os.environ.get("GOCACHE", str(self.go_cache()))}
        run_id, given, printed = self.cancel("cancel.go", "go", "run", env=env)
        contract.check_cancelled(self, self.ordered(printed), run_id, given)

    @staticmethod
    def go_cache():
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        return pathlib.Path(base) / "runsd" / "go"

    @staticmethod
    def ordered(text):
        return json.loads(text, object_pairs_hook=OrderedDict)


