"""The npm packages of clients/: each is packed, installed in an empty folder, compiled against,
strictly, and cancels a run over a real server."""

import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import unittest

import contract
import rest
from harness import ROOT, Place, serve_for

MAKE_S = 900  # generating and compiling, on a loaded machine
TESTS = ROOT / "tests/npm"
# What may be in a package beside the stubs.
OWN_FILES = {"runsd-grpc": {"package.json", "README.md", "LICENSE"},
             "runsd-openapi": {"package.json", "README.md", "LICENSE", "index.js", "index.d.ts",
                               "schema.d.ts", "openapi.json"}}


def modules(name):
    found = os.environ.get(name)
    if not found:
        raise RuntimeError(f"{name} is not set: run script/test")
    return pathlib.Path(found)


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.folder = cls.place.path
        cls.must(["script/npm-packages", "--output", str(cls.folder / "dist")], ROOT)

    @staticmethod
    def must(command, folder, env=None):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False,
                              timeout=MAKE_S, env={**os.environ, **(env or {})})
        if done.returncode != 0:
            raise AssertionError(f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def tarball(self, name):
        found, = (self.folder / "dist").glob(f"{name}-*.tgz")
        return found

    def members(self, name):
        with tarfile.open(self.tarball(name)) as archive:
            return {member.name.removeprefix("package/") for member in archive.getmembers()}

    def cancel(self, name, program, provided, env):
        """Installs the package alone in an empty folder, beside what it stands on, and runs a
        program that was compiled there."""
        beside = self.folder / name
        app = beside / "app"
        app.mkdir(parents=True)
        # Where npm would put the peers: script/test has them, and nothing is fetched.
        (beside / "node_modules").symlink_to(provided)
        (app / "package.json").write_text('{"private": true, "type": "module"}')
        self.must(["npm", "install", "--offline", "--legacy-peer-deps", "--ignore-scripts",
                   "--no-audit", "--no-fund", "--no-package-lock", str(self.tarball(name))], app)
        self.assertEqual([name], sorted(path.name for path in (app / "node_modules").iterdir()
                                        if not path.name.startswith(".")))
        for file in (f"{program}.ts", "tsconfig.json"):
            shutil.copy(TESTS / file, app)
        self.must([modules("OPENAPI_NODE_MODULES") / ".bin/tsc", "-p", "."], app)
        created = rest.request(self.server.http_port, "POST", "/v1/runs", self.token,
                               contract.new_run(id=name))
        self.assertEqual(200, created.status, created.body)
        return json.loads(self.must(["node", f"out/{program}.js"], app,
                                    {"TOKEN": self.token, "RUN": name, **env}))

    def test_grpc(self):
        seen = self.cancel("runsd-grpc", "cancel_grpc", modules("NODE_MODULES"),
                           {"ADDRESS": self.server.grpc})
        self.assertEqual({"status": "RUN_STATUS_CANCELLED", "isFinal": True, "same": True,
                          "version": str(contract.NEW_RUN["workflowVersion"]),
                          "other": "RUN_ALREADY_FINISHED"}, seen)

    def test_openapi(self):
        seen = self.cancel("runsd-openapi", "cancel_openapi", modules("OPENAPI_NODE_MODULES"),
                           {"BASE": self.server.http})
        self.assertEqual({"status": "cancelled", "same": True, "refused": 401,
                          "other": [409, "RUN_ALREADY_FINISHED"]}, seen)

    def test_each_holds_what_it_is_made_of_and_nothing_else(self):
        stubs = {name for name in self.members("runsd-grpc")
                 if name.split("/")[0] in ("google", "runs", "runsd")}
        for proto in (ROOT / "protos/runs/v1").glob("*_service.proto"):
            for ending in (".js", ".d.ts"):
                self.assertIn(f"runs/v1/{proto.stem}{ending}", stubs)
        self.assertEqual(set(), {name for name in stubs if not name.endswith((".js", ".d.ts"))})
        self.assertEqual(OWN_FILES["runsd-grpc"], self.members("runsd-grpc") - stubs)
        self.assertEqual(OWN_FILES["runsd-openapi"], self.members("runsd-openapi"))


if __name__ == "__main__":
    unittest.main()
