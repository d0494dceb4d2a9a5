"""What the programs say they were built from, and how Bazel learns it."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import DEADLINE_S, ROOT, program, runsctl

STATUS = ROOT / "tools/bazel/workspace_status.sh"
STAMP = ROOT / "tools/bazel/write_build_stamp.sh"
NAMES = ("runsctl", "runsd", "runs-gateway")
# The libraries that each program runs with, by the file that each is loaded from.
SONAMES = {"gRPC core": "libgrpc.so", "OpenSSL": "libcrypto.so", "zlib": "libz.so",
           "libmicrohttpd": "libmicrohttpd.so", "GnuTLS": "libgnutls.so",
           "protobuf-c": "libprotobuf-c.so", "SQLite": "libsqlite3.so", "libcurl": "libcurl", "libpq": "libpq.so",
           "libyaml": "libyaml-0.so"}


def output(*command, **others):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          timeout=DEADLINE_S, **others).stdout


def version_of(name):
    lines = output(program(name), "--version").splitlines()
    return lines[0], [line.rpartition(" ") for line in lines[1:]]


class Programs(unittest.TestCase):
    def test_all_have_one_version_commit_and_date(self):
        said = set()
        for name in NAMES:
            first, rest = version_of(name)
            self.assertRegex(first, rf"\A{name} \d+\.\d+\.\d+\Z")
            said.add((first.rpartition(" ")[2], rest[0][2], rest[1][2]))
            self.assertEqual(["commit", "date"], [rest[0][0], rest[1][0]])
        (_, commit, date), = said
        self.assertRegex(commit, r"\A([0-9a-f]{40}(-dirty)?|unknown)\Z")
        self.assertRegex(date, r"\A(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|unknown)\Z")

    def test_names_the_libraries_that_it_is_linked_with(self):
        for name in NAMES:
            with self.subTest(name):
                loaded = output("ldd", program(name))
                libraries = version_of(name)[1][2:]
                self.assertGreater(len(libraries), 3)
                for library, _, version in libraries:
                    self.assertIn(SONAMES[library], loaded)
                    self.assertRegex(version, r"\A\d+(\.\d+)+\S*\Z", library)

    def test_runsctl_prints_it_as_json(self):
        self.assertEqual(output(program("runsctl"), "--version"), runsctl("version").stdout)
        said = json.loads(runsctl("version", "--json").stdout)
        first, rest = version_of("runsctl")
        self.assertEqual(first, f"{said['program']} {said['version']}")
        self.assertEqual([("commit", said["commit"]), ("date", said["date"])],
                         [(key, value) for key, _, value in rest[:2]])
        self.assertEqual({key: value for key, _, value in rest[2:]}, said["libraries"])


class Stamp(unittest.TestCase):
    """What Bazel asks at each build, in folders of our own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="runsd-stamp-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def git(self, *arguments):
        return output("git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments,
                      cwd=self.folder, env={**os.environ, "GIT_COMMITTER_DATE": "1700000000 +0530"})

    def commit(self):
        self.git("init", "-q")
        (self.folder / "a").write_text("a", encoding="utf-8")
        self.git("add", "a")
        self.git("commit", "-q", "-m", "a")
        return self.git("rev-parse", "HEAD").strip()

    def status(self, folder=None, **env):
        done = subprocess.run([STATUS], cwd=folder or self.folder, capture_output=True, text=True,
                              check=False, timeout=DEADLINE_S, env={**os.environ, **env})
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        return dict(line.split(" ", 1) for line in done.stdout.splitlines())

    def is_unknown(self, status):
        self.assertEqual({"STABLE_RUNSD_COMMIT": "unknown", "STABLE_RUNSD_DATE": "unknown"}, status)

    def test_a_commit_has_its_hash_and_its_time_in_any_zone(self):
        commit = self.commit()
        (self.folder / "untracked").write_text("", encoding="utf-8")
        for zone in ("UTC", "Asia/Tokyo"):
            self.assertEqual({"STABLE_RUNSD_COMMIT": commit,
                              "STABLE_RUNSD_DATE": "2023-11-14T22:13:20Z"}, self.status(TZ=zone))

    def test_changed_files_are_said(self):
        commit = self.commit()
        (self.folder / "a").write_text("b", encoding="utf-8")
        self.assertEqual(f"{commit}-dirty", self.status()["STABLE_RUNSD_COMMIT"])

    def test_a_folder_without_a_repository_is_unknown(self):
        self.is_unknown(self.status())

    def test_a_folder_within_anothers_repository_is_unknown(self):
        self.commit()
        archive = self.folder / "unpacked"
        archive.mkdir()
        self.is_unknown(self.status(archive))

    def test_a_repository_without_a_commit_is_unknown(self):
        self.git("init", "-q")
        self.is_unknown(self.status())

    def test_a_machine_without_git_builds(self):
        self.commit()
        tools = self.folder / "tools"
        tools.mkdir()
        for name in ("sh", "head"):
            (tools / name).symlink_to(shutil.which(name))
        self.is_unknown(self.status(PATH=str(tools)))

    def stamp(self, text):
        path = self.folder / "stable-status.txt"
        path.write_text(text, encoding="utf-8")
        return re.findall(r'\.(commit|date) = "(.*)"', output(STAMP, path))

    def test_writes_what_bazel_knows(self):
        self.assertEqual([("commit", "ab12-dirty"), ("date", "2026-11-30T11:54:26Z")],
                         self.stamp("BUILD_HOST a\nSTABLE_RUNSD_COMMIT ab12-dirty\n"
                                    "STABLE_RUNSD_DATE 2026-11-30T11:54:26Z\n"))

    def test_writes_unknown_where_bazel_knows_nothing(self):
        for text in ("", "BUILD_HOST a\n", 'STABLE_RUNSD_COMMIT a"b\nSTABLE_RUNSD_DATE\n'):
            with self.subTest(text):
                self.assertEqual([("commit", "unknown"), ("date", "unknown")], self.stamp(text))


if __name__ == "__main__":
    unittest.main()
