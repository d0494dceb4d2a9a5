"""runsctl store backup, restore, freeze, thaw, stats --tables: beside a server, killed, refused."""

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

import rest
from harness import DEADLINE_S, Place, Serve, create_token, program, runsctl, wait_until
from test_full_disk import SmallDisk
from test_rest_watch import Watch

OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE, NOT_YET = range(8)
KILLS = 12
SIZES = {"workflowDefinition": {"nodes": {"root": {"type": "manual"}}},
         "propValues": {"text": "x" * 8000}}


class Case(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.folder = self.place.path / "backups"
        self.folder.mkdir()
        self.file = self.folder / "backup.db"
        self.token = create_token(self.place.store)

    def serve(self, *options):
        server = Serve(self.place.store, *options)
        self.addCleanup(server.kill)
        return server

    def call(self, server, method, path, body=None):
        return rest.request(server.http_port, method, path, self.token, body)

    def create(self, server, run_id):
        reply = self.call(server, "POST", "/v1/runs", {"id": run_id, **SIZES})
        self.assertEqual(200, reply.status, reply.body)

    def ok(self, *arguments):
        done = runsctl(*arguments)
        self.assertEqual((OK, ""), (done.returncode, done.stderr), (arguments, done.stdout))
        return done.stdout

    def fails(self, code, words, *arguments):
        done = runsctl(*arguments)
        self.assertEqual((code, ""), (done.returncode, done.stdout), (arguments, done.stderr))
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        self.assertIn(words, done.stderr)
        return done.stderr

    def backup(self, *arguments):
        return self.ok("store", "backup", "--store", self.place.store, *map(str, arguments))

    def restored(self, name="restored"):
        """Restores the backup to a place of its own, and serves it."""
        folder = self.place.path / name
        folder.mkdir()
        store = f"sqlite:{folder}/runs.db"
        self.ok("store", "restore", "--store", store, str(self.file))
        server = Serve(store)
        self.addCleanup(server.kill)
        return server

    def files(self, folder=None):
        return sorted(path.name for path in (folder or self.folder).iterdir())


class Load(threading.Thread):
    """Creates and cancels runs; knows which cancels were acknowledged."""

    def __init__(self, case, server):
        super().__init__(daemon=True)
        self.case, self.server = case, server
        self.cancelled = []
        self.wrong = []
        self.is_over = False
        self.start()

    def run(self):
        number = 0
        while not self.is_over:
            number += 1
            run_id = f"load-{number}"
            for path, body in (("/v1/runs", {"id": run_id, **SIZES}),
                               (f"/v1/runs/{run_id}/cancel", None)):
                reply = self.case.call(self.server, "POST", path, body)
                if reply.status != 200:
                    self.wrong.append((reply.status, reply.body))
            self.cancelled.append(run_id)

    def end(self):
        self.is_over = True
        self.join()
        return self.cancelled


class Served(Case):
    def test_a_backup_has_all_that_was_acknowledged_before(self):
        server = self.serve()
        load = Load(self, server)
        wait_until(lambda: len(load.cancelled) > 50, "some load")
        before = list(load.cancelled)
        said = json.loads(self.backup("--json", self.file))
        during = load.end()
        self.assertEqual([], load.wrong)
        self.assertTrue(said["isServed"])
        self.assertEqual(os.stat(self.file).st_size, said["bytes"])
        self.assertGreaterEqual(said["runs"], len(before))
        self.assertEqual(["backup.db"], self.files())
        self.assertEqual(OK, runsctl("store", "check", "--store", f"sqlite:{self.file}").returncode)
        restored = self.restored()
        for run_id in before:
            reply = self.call(restored, "GET", f"/v1/runs/{run_id}")
            self.assertEqual("cancelled", reply.json()["data"]["status"], run_id)
        for server_, runs in ((server, during), (restored, before)):
            self.assertEqual(200, self.call(server_, "GET", f"/v1/runs/{runs[-1]}").status)
        self.assertEqual(0, server.stop(), server.tail())
        self.assertEqual(0, restored.stop(), restored.tail())
        self.ok("store", "check", "--store", self.place.store)

    def test_what_clients_kept_of_later_moments_is_refused(self):
        server = self.serve()
        self.create(server, "before")
        self.backup(self.file)
        watch = Watch(self, server.http_port, self.token)
        self.create(server, "after")
        cursor = watch.changes(1)[0].cursor
        watch.connection.close()
        restored = self.restored()
        refusal = Watch(self, restored.http_port, self.token, last=cursor)
        self.assertEqual(410, refusal.status)
        self.assertEqual("CURSOR_EXPIRED", refusal.refusal()["error"]["reason"])

    def test_a_log_beyond_its_limit_ends_a_backup(self):
        server = self.serve()
        self.create(server, "r")
        said = self.fails(UNAVAILABLE, "more than the limit of 1 bytes (--log-limit-bytes)", "store",
                          "backup", "--store", self.place.store, "--log-limit-bytes", "1",
                          str(self.file))
        self.assertIn("nothing is left of it", said)
        self.assertEqual([], self.files())
        self.create(server, "s")
        self.assertEqual(0, server.stop(), server.tail())

    def test_it_is_measured(self):
        server = self.serve()
        for number in range(3):
            self.create(server, f"r-{number}")
        said = json.loads(self.ok("store", "stats", "--store", self.place.store, "--tables", "--json"))
        tables = {table["name"]: table for table in said["tables"]}
        self.assertEqual("3", tables["run"]["rows"])
        self.assertGreater(int(tables["run_body"]["bytes"]), 24_000)
        self.assertEqual([{"name": "acme", "runs": "3"}], [
            {key: row[key] for key in ("name", "runs")} for row in said["organizations"]])
        self.assertTrue(said["isServed"])
        self.assertGreater(int(said["logBytes"]), 0)
        text = self.ok("store", "stats", "--store", self.place.store, "--tables", "--top", "1")
        self.assertRegex(text, r"(?m)^run_body +3 +[\d,]+$")
        self.assertRegex(text, r"(?m)^epoch +[0-9a-f]{16}$")
        self.fails(USAGE, "it needs --store", "store", "stats", "--tables", "--server", server.grpc)


class Refused(Case):
    def refuses(self, code, words, *arguments):
        before = {path.name: path.read_bytes() for path in self.place.path.glob("runs.db*")}
        said = self.fails(code, words, *arguments)
        after = {path.name: path.read_bytes() for path in self.place.path.glob("runs.db*")}
        self.assertEqual(before, after)
        return said

    def test_bad_options(self):
        store = ("--store", self.place.store)
        backup, freeze = ("store", "backup", *store), ("store", "freeze", *store)
        for code, words, arguments in (
                (USAGE, "FILE", backup),
                (USAGE, "--store", ("store", "backup", "x")),
                (USAGE, "exclude each other", (*backup, "--keep", "2", "--force", "x")),
                (USAGE, "is no folder in which backups are kept", (*backup, "--keep", "2", "none")),
                (USAGE, "--keep", (*backup, "--keep", "0", "x")),
                (USAGE, "--log-limit-bytes", (*backup, "--log-limit-bytes", "0", "x")),
                (USAGE, "it is a folder", (*backup, str(self.folder))),
                (USAGE, "one of the store's own files", (*backup, f"{self.place.path}/runs.db-wal")),
                (NOT_FOUND, "no.db", ("store", "backup", "--store", "sqlite:no.db", "x")),
                (NOT_FOUND, "no.db", ("store", "freeze", "--store", "sqlite:no.db")),
                (NOT_FOUND, "no.db", ("store", "thaw", "--store", "sqlite:no.db")),
                (NOT_FOUND, "no.db", ("store", "stats", "--tables", "--store", "sqlite:no.db")),
                (CONFLICT, "where a store is", ("store", "restore", *store, "x")),
                (USAGE, "--for must be from 1s to 1h", (*freeze, "--for", "2h")),
                (USAGE, "--for must be from 1s to 1h", (*freeze, "--for", "0s")),
                (USAGE, "--for", (*freeze, "--for", "soon"))):
            self.refuses(code, words, *arguments)
        self.assertEqual([], self.files())

    def test_back_ends_that_cannot_name_what_to_use(self):
        for url, words in (("memory:", "it ends with its process"),
                           ("postgres:host=nowhere", "pg_basebackup")):
            for command in ("backup", "restore"):
                self.fails(USAGE, words, "store", command, "--store", url, "x")
        for command in ("freeze", "thaw"):
            self.fails(USAGE, "pg_backup_start()", "store", command, "--store", "postgres:host=nowhere")
        self.fails(USAGE, "runsctl store stats", "store", "stats", "--tables", "--store",
                   "postgres:host=nowhere")

    def test_there_is_no_room(self):
        disk = SmallDisk(self.folder)
        self.addCleanup(disk.remove)
        disk.fill()
        self.refuses(UNAVAILABLE, "bytes free, and", "store", "backup", "--store", self.place.store,
                     str(self.file))
        self.assertEqual(["ballast"], self.files())
        self.file = self.place.path / "elsewhere.db"
        self.backup(self.file)
        self.refuses(UNAVAILABLE, "bytes free, and", "store", "restore", "--store",
                     f"sqlite:{self.folder}/new.db", str(self.file))
        self.assertEqual(["ballast"], self.files())

    def test_there_is_no_right(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        os.chmod(self.place.path, 0o755)
        other = ["setpriv", "--reuid", "61234", "--regid", "61234", "--clear-groups", program("runsctl")]
        elsewhere = tempfile.mkdtemp(prefix="runsd-", dir="/tmp")
        self.addCleanup(shutil.rmtree, elsewhere)
        os.chmod(elsewhere, 0o777)
        for words, arguments in (
                ("Permission denied", ("backup", "--store", self.place.store, f"{elsewhere}/b.db")),
                ("Permission denied", ("freeze", "--store", self.place.store))):
            done = subprocess.run([*other, "store", *arguments], capture_output=True, text=True,
                                  timeout=DEADLINE_S, check=False)
            self.assertEqual(UNAVAILABLE, done.returncode, done.stderr)
            self.assertIn(words, done.stderr)
        self.assertEqual([], os.listdir(elsewhere))
        self.backup(self.file)
        done = subprocess.run([*other, "store", "restore", "--store", f"sqlite:{elsewhere}/n.db",
                               str(self.file)], capture_output=True, text=True, timeout=DEADLINE_S,
                              check=False)
        self.assertEqual(UNAVAILABLE, done.returncode, done.stderr)
        self.assertEqual([], os.listdir(elsewhere))
        # What root restores belongs to whose folder it is.
        os.chown(elsewhere, 61234, 61234)
        self.ok("store", "restore", "--store", f"sqlite:{elsewhere}/n.db", str(self.file))
        self.assertEqual(61234, os.stat(f"{elsewhere}/n.db").st_uid)


class Killed(Case):
    """kill -9 at any moment."""

    def fill(self):
        """A store that takes a while to copy."""
        server = self.serve()
        for number in range(40):
            self.create(server, f"r-{number}")
        self.assertEqual(0, server.stop())
        path = self.place.path / "runs.db"
        with sqlite3.connect(path) as store:
            store.execute("UPDATE run_body SET spec = CAST(spec || zeroblob(1000000) AS BLOB)")
            store.execute("UPDATE organization SET stored_bytes = stored_bytes + 40 * 1000000")
        store.close()

    def kill_at(self, seconds, *arguments):
        """Returns whether it was killed."""
        process = subprocess.Popen([program("runsctl"), *arguments], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        errors = process.stderr.read().decode()
        process.stderr.close()
        self.assertIn(process.wait(), (OK, -signal.SIGKILL), errors)
        return process.returncode != OK

    def times(self, *arguments):
        """How long it takes, and moments within, the same in each run of the test."""
        begin = time.monotonic()
        self.ok(*arguments)
        whole = time.monotonic() - begin
        chance = random.Random(18)
        return [chance.uniform(0, whole) for _ in range(KILLS)]

    def test_a_backup(self):
        self.fill()
        command = ("store", "backup", "--store", self.place.store, str(self.file))
        moments = self.times(*command)
        whole = self.file.read_bytes()
        killed = 0
        for seconds in moments:
            self.file.unlink()
            was_killed = self.kill_at(seconds, *command)
            killed += was_killed
            # Nothing, or all of it.
            self.assertTrue(not self.file.exists() or self.file.read_bytes() == whole)
            self.ok(*command, "--force")
            self.assertEqual(["backup.db"], self.files())
        self.assertGreater(killed, KILLS // 3)
        # What was there before stays until there is another.
        before = self.file.read_bytes()
        self.kill_at(moments[0], *command, "--force")
        self.assertEqual(before, self.file.read_bytes())
        self.ok("store", "check", "--store", self.place.store)

    def test_a_restore(self):
        self.fill()
        self.backup(self.file)
        path = self.place.path / "new" / "runs.db"
        path.parent.mkdir()
        command = ("store", "restore", "--store", f"sqlite:{path}", str(self.file))
        killed = unfinished = 0
        for seconds in self.times(*command):
            shutil.rmtree(path.parent)
            path.parent.mkdir()
            killed += self.kill_at(seconds, *command)
            if path.exists():
                self.assertEqual(["runs.db"], self.files(path.parent))
            elif self.files(path.parent):
                unfinished += 1
                done = runsctl("serve", "--store", f"sqlite:{path}", "--http", "127.0.0.1:0")
                self.assertEqual(FAILED, done.returncode, done.stderr)
                self.assertIn("was not restored to the end", done.stderr)
                self.assertFalse(path.exists())
            if not path.exists():
                self.ok(*command)
            self.assertEqual(["runs.db"], self.files(path.parent))
            self.ok("store", "check", "--store", f"sqlite:{path}")
        self.assertGreater(killed, KILLS // 3)
        self.assertGreater(unfinished, 0)


class Folder(Case):
    def test_the_newest_are_kept(self):
        names = re.compile(r"runsd-\d{8}T\d{6}Z\.db")
        others = ["other.db", "runsd-2026.db", "runsd-20260101T000000Z.db.old"]
        for name in [*others, "runsd-20200101T000000Z.db", "runsd-20210101T000000Z.db"]:
            (self.folder / name).write_text("x")
        # As a backup that was killed leaves it.
        (self.folder / "runsd-next.db.unfinished").write_text("half")
        (self.folder / "runsd-next.db").write_text("whole")
        said = json.loads(self.backup("--keep", "2", "--json", self.folder))
        self.assertEqual(1, said["removed"])
        made = os.path.basename(said["file"])
        self.assertRegex(made, names)
        self.assertEqual(sorted([*others, "runsd-20210101T000000Z.db", made]), self.files())
        self.ok("store", "check", "--store", f"sqlite:{said['file']}")

    def test_several_in_a_second_have_names_of_their_own(self):
        made = [os.path.basename(json.loads(self.backup("--keep", "5", "--json", self.folder))["file"])
                for _ in range(3)]
        self.assertEqual(sorted(set(made)), self.files())
        self.assertEqual(3, len(self.files()))

    def test_what_was_made_now_is_kept_where_the_clock_was_ahead(self):
        ahead = ["runsd-20990101T000000Z.db", "runsd-20990102T000000Z.db"]
        for name in ahead:
            (self.folder / name).write_text("x")
        said = json.loads(self.backup("--keep", "2", "--json", self.folder))
        self.assertEqual(1, said["removed"])
        self.assertEqual(sorted([os.path.basename(said["file"]), ahead[1]]), self.files())
        self.ok("store", "check", "--store", f"sqlite:{said['file']}")


class Freezes(Case):
    def freeze(self, *options):
        return self.ok("store", "freeze", "--store", self.place.store, *options)

    def thaw(self):
        return runsctl("store", "thaw", "--store", self.place.store)

    def holder(self):
        return int((self.place.path / "runs.db.frozen").read_text().split("=")[1])

    def test_a_server_reads_on_and_changes_nothing(self):
        server = self.serve()
        self.create(server, "r")
        self.assertIn("is frozen until", self.freeze())
        refused = self.call(server, "POST", "/v1/runs/r/cancel")
        self.assertEqual((503, "STORE_FROZEN"), (refused.status, refused.error["reason"]))
        self.assertIn("nothing was changed", refused.json()["message"])
        self.assertEqual("5", refused.headers["Retry-After"])
        for _ in range(3):
            self.assertEqual("running", self.call(server, "GET", "/v1/runs/r").json()["data"]["status"])
        self.fails(CONFLICT, "is frozen already", "store", "freeze", "--store", self.place.store)
        # All files, one after the other: what a snapshot of the file system has at once.
        copy = self.place.path / "copy"
        copy.mkdir()
        before = {path.name: path.read_bytes() for path in self.place.path.glob("runs.db*")
                  if path.is_file() and not path.name.endswith(("-shm", ".server", ".frozen"))}
        for name, content in before.items():
            (copy / name).write_bytes(content)
        for path in self.place.path.glob("runs.db*"):
            if path.name in before:
                self.assertEqual(before[path.name], path.read_bytes(), path)
        done = self.thaw()
        self.assertEqual((OK, ""), (done.returncode, done.stderr))
        self.assertIn("takes changes again", done.stdout)
        wait_until(lambda: self.call(server, "POST", "/v1/runs/r/cancel").status == 200, "a change")
        self.assertEqual(NOT_FOUND, self.thaw().returncode)
        copied = Serve(f"sqlite:{copy}/runs.db")
        self.addCleanup(copied.kill)
        self.assertEqual("running", self.call(copied, "GET", "/v1/runs/r").json()["data"]["status"])
        self.assertEqual(0, server.stop(), server.tail())
        self.assertNotIn("runs.db.frozen", self.files(self.place.path))
        self.ok("store", "check", "--store", self.place.store)

    def test_a_change_waits_for_a_short_one(self):
        server = self.serve()
        self.create(server, "r")
        self.freeze("--for", "1s")
        self.assertEqual(200, self.call(server, "POST", "/v1/runs/r/cancel").status)
        wait_until(lambda: not (self.place.path / "runs.db.frozen").exists(), "the end")
        done = self.thaw()
        self.assertEqual(NOT_FOUND, done.returncode)
        self.assertIn("was not frozen", done.stdout)
        self.assertEqual(0, server.stop(), server.tail())

    def test_the_end_of_the_holder_ends_it(self):
        server = self.serve()
        self.create(server, "r")
        self.freeze("--for", "1h")
        self.assertEqual(503, self.call(server, "POST", "/v1/runs/r/cancel").status)
        os.kill(self.holder(), signal.SIGKILL)
        wait_until(lambda: self.call(server, "POST", "/v1/runs/r/cancel").status == 200, "a change")
        self.freeze("--for", "1h") # what it left is no freeze
        os.kill(self.holder(), signal.SIGTERM)
        wait_until(lambda: not (self.place.path / "runs.db.frozen").exists(), "the end")
        self.assertEqual(0, server.stop(), server.tail())

    def test_a_holder_that_does_not_answer_is_named(self):
        self.freeze("--for", "1h")
        pid = self.holder()
        os.kill(pid, signal.SIGSTOP)
        try:
            self.fails(CONFLICT, f"the process {pid} keeps the store", "store", "thaw", "--store",
                       self.place.store)
        finally:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.thaw().returncode == NOT_FOUND, "the end")

    def test_in_the_foreground(self):
        self.assertEqual(NOT_YET, runsctl("store", "freeze", "--store", self.place.store, "--hold",
                                          "--for", "1s").returncode)
        holder = subprocess.Popen([program("runsctl"), "store", "freeze", "--store", self.place.store,
                                   "--hold", "--json"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.kill)
        self.assertEqual({"store", "frozenUntil"}, set(json.loads(holder.stdout.readline())))
        holder.send_signal(signal.SIGINT)
        self.assertEqual(OK, holder.wait(DEADLINE_S))
        holder.stdout.close()
        # Nobody serves it: what was made for the freeze is gone.
        self.assertEqual(["backups", "runs.db", "runs.db.state"], self.files(self.place.path))

    def test_a_start_meanwhile_reads(self):
        server = self.serve()
        self.create(server, "r")
        self.assertEqual(0, server.stop())
        self.freeze()
        server = self.serve()
        self.assertEqual(200, self.call(server, "GET", "/v1/runs/r").status)
        self.assertEqual("STORE_FROZEN", self.call(server, "POST", "/v1/runs/r/cancel").error["reason"])
        self.assertEqual(OK, self.thaw().returncode)
        wait_until(lambda: self.call(server, "POST", "/v1/runs/r/cancel").status == 200, "a change")
        self.assertEqual(0, server.stop(), server.tail())


if __name__ == "__main__":
    unittest.main()
