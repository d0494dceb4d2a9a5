"""That script/protos' archive is complete, and that README's commands for stubs are true."""

import os
import pathlib
import subprocess
import sys
import unittest

from google.protobuf import descriptor_pb2

import contract
import pages
import rest
import stubs
from harness import DEADLINE_S, ROOT, Place, serve_for

OWN = sorted(str(path.relative_to(ROOT / "protos")) for path in (ROOT / "protos").rglob("*.proto"))
OPTIONS = ("csharp_namespace", "go_package", "java_multiple_files", "java_outer_classname",
           "java_package", "objc_class_prefix", "php_metadata_namespace", "php_namespace",
           "ruby_package")


def described(*includes, protos):
    """The FileDescriptorSet of protos with their imports, by nothing but these folders."""
    done = subprocess.run(["protoc", *(f"-I{folder}" for folder in includes), "--include_imports",
                           "-o", "/dev/stdout", *protos], capture_output=True, timeout=DEADLINE_S,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode())
    return descriptor_pb2.FileDescriptorSet.FromString(done.stdout)


class Archive(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.folder = pathlib.Path(stubs.PROTOS_FOLDER)
        self.protos = sorted(str(path.relative_to(self.folder))
                             for path in self.folder.rglob("*.proto"))

    def test_the_same_protos_make_the_same_bytes(self):
        files = [self.place.path / name for name in ("one", "two")]
        for path in files:
            stubs.archive(path)
        self.assertEqual(files[0].read_bytes(), files[1].read_bytes())

    def test_it_has_all_that_is_imported(self):
        self.assertLessEqual(set(OWN), set(self.protos))
        names = {file.name for file in described(self.folder, protos=self.protos).file}
        # Each compiler brings these in its own version.
        self.assertEqual(set(self.protos),
                         {name for name in names if not name.startswith("google/protobuf/")})

    def test_every_proto_says_what_each_language_calls_it(self):
        files = {file.name: file for file in described(self.folder, protos=OWN).file}
        for name in OWN:
            with self.subTest(name):
                file = files[name]
                self.assertEqual([], [o for o in OPTIONS if not file.options.HasField(o)])
                types = {t.name for t in (*file.message_type, *file.enum_type, *file.service)}
                self.assertNotIn(file.options.java_outer_classname, types)
                self.assertFalse(file.options.java_outer_classname.endswith("OuterClass"))
        # Java's classes of one package share one folder.
        outer = [(files[name].options.java_package, files[name].options.java_outer_classname)
                 for name in OWN]
        self.assertEqual(len(outer), len(set(outer)))

    def test_protoc_generates_every_language_that_it_knows(self):
        for language in ("cpp", "csharp", "java", "kotlin", "objc", "php", "pyi", "python", "ruby"):
            with self.subTest(language):
                target = self.place.path / language
                target.mkdir()
                subprocess.run(["protoc", f"-I{self.folder}", f"--{language}_out={target}",
                                *self.protos], check=True, timeout=DEADLINE_S)
                self.assertNotEqual([], list(target.rglob("*.*")))
        self.assertTrue((self.place.path / "php/Runsd/Runs/V1/Run.php").exists())
        self.assertTrue((self.place.path / "java/runsd/runs/v1/Run.java").exists())
        self.assertIn("namespace Runsd.Runs.V1 {",
                      (self.place.path / "csharp/Run.cs").read_text(encoding="utf-8"))

    def test_python_stubs_claim_few_top_level_packages(self):
        self.assertEqual({"google", "runs", "runsd"}, {name.split("/")[0] for name in self.protos})

    def test_another_googleapis_may_come_first(self):
        newer = self.place.path / "googleapis"
        for name in ("google/api/annotations.proto", "google/api/http.proto",
                     "google/rpc/status.proto", "google/rpc/error_details.proto"):
            path = newer / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text((self.folder / name).read_text() + "\n// newer\n")
        described(newer, self.folder, protos=[*self.protos, "google/rpc/error_details.proto"])

    def test_a_file_that_cannot_be_written_is_an_error(self):
        done = subprocess.run([ROOT / "script/protos", self.place.path / "none/protos.tar.gz"],
                              capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("cannot be written", done.stderr)

    def test_protos_that_are_missing_are_an_error(self):
        tree = self.place.path / "tree"
        tree.mkdir()
        for name in ("script", "tools"):
            os.symlink(ROOT / name, tree / name)
        done = subprocess.run([tree / "script/protos", tree / "protos.tar.gz"], capture_output=True,
                              text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("the protos are not complete", done.stderr)
        self.assertFalse((tree / "protos.tar.gz").exists())


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)

    def test_its_commands_make_stubs_and_its_code_cancels_a_run(self):
        created = rest.request(self.server.http_port, "POST", "/v1/runs", self.token,
                               contract.new_run())
        self.assertEqual(200, created.status, created.body)
        run_id = created.json()["data"]["id"]
        found = pages.blocks(pages.section("README.md", "## Use it"))
        commands = [text for language, text, _ in found if language == "sh" and "protoc" in text]
        code = [text for language, text, _ in found if language == "python"]
        self.assertEqual((1, 1), (len(commands), len(code)))
        # They are run where the folder that they make is no part of the work tree.
        for name in ("script", "protos", "tools", "LICENSE"):
            os.symlink(ROOT / name, self.place.path / name)
        subprocess.run(["bash", "-euc", commands[0]], cwd=self.place.path, check=True,
                       stdout=subprocess.DEVNULL, timeout=DEADLINE_S)
        text = code[0]
        for printed, ours in (("127.0.0.1:50051", self.server.grpc), ("RUN_ID", run_id),
                              ("TOKEN", self.token)):
            self.assertEqual(1, text.count(printed), printed)
            text = text.replace(printed, ours)
        done = subprocess.run([sys.executable, "-B", "-c", text], cwd=self.place.path / "stubs",
                              capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex(done.stdout, r"^5 seconds: \d+\n(nanos: \d+\n)?$")


if __name__ == "__main__":
    unittest.main()
