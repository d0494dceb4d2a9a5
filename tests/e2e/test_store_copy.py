"""runsctl store copy: what a server says of a copy is what it said of the store, a copy that was killed
goes on, and nothing that differs is taken for the same."""

import contextlib
import json
import pathlib
import shutil
import sqlite3
import struct
import subprocess
import unittest

from bulk import BulkCaller, WORD
from harness import DEADLINE_S, Place, Serve, create_token, program, runsctl
from leases import Refused, STATUS, lease_pb
from organizations import user_token
from postgres import Postgres
from rest import request
from store_contents import RUN_ID, Contents, everything, token_list
from test_rest_watch import Watch

OK, FAILED, USAGE, NOT_FOUND, CONFLICT = range(5)
UNAVAILABLE = 6
PRECONDITION = CONFLICT  # a store in another state than it must be in


class Case(unittest.TestCase):
    """One cluster and one SQLite store with everything, of which each test copies what it breaks."""

    @classmethod
    def setUpClass(cls):
        cls.postgres = Postgres()
        cls.addClassCleanup(cls.postgres.stop)
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.contents = Contents(cls.place.store)
        cls.path = cls.place.path / "runs.db"
        cls.made = 0

    def setUp(self):
        type(self).made += 1
        self.name = f"copy{self.made}"
        self.file = self.place.path / f"{self.name}.db"
        self.sqlite = f"sqlite:{self.file}"

    def database(self, **more):
        return self.postgres.database(self.name, **more)

    def copy(self, *arguments, code=OK):
        done = runsctl("store", "copy", *arguments)
        self.assertEqual(code, done.returncode, (arguments, done.stdout, done.stderr))
        return done

    def report(self, *arguments, code=OK):
        return json.loads(self.copy(*arguments, "--json", code=code).stdout)

    def refused(self, code, words, *arguments):
        said = self.copy(*arguments, code=code)
        self.assertEqual("", said.stdout)
        self.assertEqual(1, said.stderr.count("\n"), said.stderr)
        for word in words:
            self.assertIn(word, said.stderr)
        return said.stderr

    def sound(self, store):
        done = runsctl("check", "--store", store)
        self.assertEqual((OK, ""), (done.returncode, done.stderr), done.stdout)

    def serve(self, store):
        server = Serve(store)
        self.addCleanup(lambda: server.popen.poll() is None and server.stop())
        return server

    def everything(self, store):
        server = self.serve(store)
        said = everything(server, self.contents.tokens)
        self.assertEqual(0, server.stop())
        return said

    def assert_same(self, before, after):
        self.assertEqual(sorted(map(str, before)), sorted(map(str, after)))
        for what, value in before.items():
            self.assertEqual(value, after[what], what)


class Everything(Case):
    def test_there_and_back_again(self):
        """Each copy is served, and says what the first store says; the last is of a store that
        PostgreSQL has served."""
        tokens = token_list(self.place.store)
        before = self.everything(self.place.store)
        stores = [self.place.store, self.database(),
                  self.postgres.database(f"{self.name}b"), self.sqlite,
                  f"sqlite:{self.place.path}/{self.name}-again.db"]
        for source, target in zip(stores, stores[1:]):
            with self.subTest(source=source, target=target):
                report = self.report(source, target)
                self.assertEqual((True, []), (report["isSame"], report["differences"]))
                rows = {line["table"]: line["to"]["rows"] for line in report["tables"]
                        if "organization" not in line}
                self.assertEqual(10, len(rows))
                self.assertTrue(all(rows.values()), rows)
                self.sound(target)
                self.assertTrue(self.report("--verify-only", source, target)["isSame"])
                self.assert_same(before, self.everything(target))
        self.assertEqual([(t["organizationId"], t["name"]) for t in tokens],
                         [(t["organizationId"], t["name"]) for t in token_list(self.sqlite)])
        self.assertEqual([t.get("limits") for t in tokens],
                         [t.get("limits") for t in token_list(self.sqlite)])

    def test_what_was_begun_at_the_old_server_goes_on_at_the_new_one(self):
        old_path = self.place.path / f"{self.name}-old.db"
        shutil.copy(self.path, old_path)
        old_store = f"sqlite:{old_path}"
        self.assertEqual(OK, runsctl("check", "--store", old_store, "--accept").returncode)
        acme, globex = (self.contents.tokens[name] for name in ("acme", "globex"))
        old = self.serve(old_store)
        watch = Watch(self, old.http_port, globex)
        first = watch.until(lambda m: m.kind == "bookmark")[0]
        caller = BulkCaller(old.grpc, globex)
        caller.cancel("g-10")
        cursor = watch.changes(1)[0].cursor
        caller.cancel("g-11")
        page = request(old.http_port, "GET", "/v1/runs?pageSize=5", globex).json()["data"]
        second = request(old.http_port, "GET",
                         f"/v1/runs?pageSize=5&pageToken={page['nextPageToken']}",
                         globex).json()["data"]["runs"]
        caller.close()
        self.assertEqual(0, old.stop())
        url = self.database()
        self.copy(old_store, url)

        new = self.serve(url)
        resumed = Watch(self, new.http_port, globex, last=cursor)
        self.assertEqual(200, resumed.status)
        self.assertEqual("g-11", resumed.changes(1)[0].change["runId"])
        again = Watch(self, new.http_port, globex, last=first.cursor)
        self.assertEqual(["g-10", "g-11"], [m.change["runId"] for m in again.changes(2)])
        listed = request(new.http_port, "GET",
                         f"/v1/runs?pageSize=5&pageToken={page['nextPageToken']}", globex)
        self.assertEqual(second, listed.json()["data"]["runs"])
        # A request that was answered is answered again, and changes nothing.
        replay = request(new.http_port, "POST", "/v1/runs/r-cancelled/cancel", acme,
                         {"reason": "over budget"}, self.contents.keyed)
        self.assertEqual((200, "true"), (replay.status, replay.headers["Idempotency-Replayed"]))
        other = request(new.http_port, "POST", "/v1/runs/r-success/cancel", acme,
                        {"reason": "over budget"}, self.contents.keyed)
        self.assertNotEqual(200, other.status)
        self.leases(new, acme)
        self.cancels(new, acme, resumed)
        self.assertEqual(0, new.stop())
        self.sound(url)

    def leases(self, server, token):
        caller = BulkCaller(server.grpc, token)
        self.addCleanup(caller.close)
        self.assertEqual(lease_pb.LEASE_STATE_HELD,
                         caller.renew("worker-1", ("l-held", 1))[0].state)
        got = caller.acquire("worker-2", seconds=60)
        self.assertEqual(["l-open"], [run.run.id for run in got])

    def cancels(self, server, token, watch_of_globex):
        caller = BulkCaller(server.grpc, token)
        globex = BulkCaller(server.grpc, self.contents.tokens["globex"])
        cold = BulkCaller(server.grpc, self.contents.tokens["initech"])
        for one in (caller, globex, cold):
            self.addCleanup(one.close)
        self.assertEqual(STATUS["cancelled"], caller.cancel(RUN_ID, "enough").status)
        self.assertEqual(STATUS["cancelled"], caller.get(RUN_ID).status)
        with self.assertRaises(Refused) as twice:
            caller.cancel("r-cancelled")
        self.assertIn("cancelled", str(twice.exception))
        with self.assertRaises(Refused):
            cold.cancel("c-1")  # it is frozen, there too
        globex.cancel("g-20")
        self.assertEqual("g-20", watch_of_globex.changes(1)[0].change["runId"])
        planned, = [b for b in caller.bulks() if WORD[b.state] == "planned"]
        job = caller.finished(caller.cancel_runs(plan=planned.id).id)
        self.assertEqual((148, 0), (job.total, job.open))  # two are cancelled already
        self.assertEqual(148, len(caller.outcomes(job.id)))

    def test_a_job_at_work_goes_on(self):
        place = Place()
        self.addCleanup(place.remove)
        token = user_token(place.store)
        server = Serve(place.store)
        caller = BulkCaller(server.grpc, token)
        ids = caller.create_many([f"j-{i}" for i in range(3000)], workflow_id="all")
        job = caller.cancel_runs(ids=ids[:1000])
        children = caller.create_many([f"k-{i}" for i in range(500)], parent="j-2999")
        caller.close()
        self.assertEqual(0, server.stop())
        url = self.database()
        self.copy(place.store, url)
        server = self.serve(url)
        caller = BulkCaller(server.grpc, token)
        self.addCleanup(caller.close)
        over = caller.finished(job.id)
        self.assertEqual((1000, 1000), (over.total, over.cancelled))
        family = caller.finished(caller.cancel_runs(ids=["j-2999"], cascade=True).id)
        self.assertEqual(501, family.cancelled)
        self.assertEqual("cancelled", caller.outcomes(family.id)[children[7]])
        self.assertEqual(0, server.stop())
        self.sound(url)


def mark_of(value):
    """The table and the rows of a mark: the last two of its numbers."""
    return struct.unpack("=qq", value[-16:])


class Killed(Case):
    """kill -9 amid a copy: the target is no store until the same command has finished it."""

    RUNS = 9000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.large = Place()
        cls.addClassCleanup(cls.large.remove)
        token = user_token(cls.large.store)
        server = Serve(cls.large.store)
        caller = BulkCaller(server.grpc, token)
        caller.create_many([f"run-{i:05}" for i in range(cls.RUNS)])
        caller.close()
        if server.stop() != 0:
            raise AssertionError(server.tail())

    def mark_in_sqlite(self):
        """How far the copy in the file is; None: nothing can be said of it."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as db:
                row = db.execute("SELECT value FROM meta WHERE name='copy_of'").fetchone()
            return row and mark_of(row[0])
        except sqlite3.OperationalError:
            return None

    def mark_in_postgres(self):
        found = self.postgres.query("SELECT encode(copy_of, 'hex') FROM store", self.name)
        return mark_of(bytes.fromhex(found)) if found else None

    def run_and_kill(self, source, target, mark, seen):
        """Runs the copy, and kills it once its mark has gone on from what was seen. Returns the mark
        then, or None if the copy ended before."""
        copier = subprocess.Popen([program("runsctl"), "store", "copy", source, target],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            while copier.poll() is None:
                now = mark()
                if now is not None and now != seen:
                    copier.kill()
                    copier.wait(DEADLINE_S)
                    return mark()
            self.assertEqual(OK, copier.returncode, copier.stderr.read())
            return None
        finally:
            if copier.poll() is None:
                copier.kill()
                copier.wait(DEADLINE_S)
            copier.stderr.close()

    def goes_on(self, source, target, mark):
        seen, kills = None, 0
        while True:
            now = self.run_and_kill(source, target, mark, seen)
            if now is None:
                break
            if seen is not None:
                self.assertGreaterEqual(now, seen, "it went back")
            seen, kills = now, kills + 1
            if kills == 2:
                self.is_no_store(source, target)
        # Some marks follow each other between two looks.
        self.assertGreaterEqual(kills, 2)
        self.assertTrue(self.report("--verify-only", source, target)["isSame"])
        self.sound(target)
        server = self.serve(target)
        self.assertEqual(0, server.stop())
        self.refused(PRECONDITION, ["not empty", f"{self.RUNS} runs"], source, target)

    def is_no_store(self, source, target):
        for arguments in (("check", "--store", target), ("tokens", "list", "--store", target),
                          ("serve", "--http", "127.0.0.1:0", "--store", target),
                          ("store", "copy", target, f"sqlite:{self.file}.third"),
                          ("store", "copy", "--verify-only", source, target)):
            done = runsctl(*arguments)
            self.assertNotEqual(OK, done.returncode, arguments)
            self.assertIn("half of a copy", done.stderr, arguments)
        self.assertFalse(pathlib.Path(f"{self.file}.third").exists())
        self.refused(PRECONDITION, ["half of a copy of another store"], self.place.store, target)

    def test_into_sqlite(self):
        self.goes_on(self.large.store, self.sqlite, self.mark_in_sqlite)

    def test_into_postgres(self):
        self.goes_on(self.large.store, self.database(), self.mark_in_postgres)

    def test_from_postgres_into_sqlite(self):
        url = self.database()
        self.copy(self.large.store, url)
        self.goes_on(url, self.sqlite, self.mark_in_sqlite)

    def test_a_source_that_was_changed_meanwhile_is_refused(self):
        source = self.place.path / f"{self.name}-source.db"
        shutil.copy(self.large.path / "runs.db", source)
        store = f"sqlite:{source}"
        self.assertEqual(OK, runsctl("check", "--store", store, "--accept").returncode)
        self.assertIsNotNone(self.run_and_kill(store, self.sqlite, self.mark_in_sqlite, None))
        create_token(store, name="late")
        self.refused(PRECONDITION, ["half of a copy", "has changed since"], store, self.sqlite)


class Verified(Case):
    """What is changed behind the back of both is found, wherever it is."""

    CHANGES = {
        "run": ("UPDATE run_body SET spec=set_byte(spec, 3, get_byte(spec, 3)#1) WHERE run_key="
                "(SELECT run_key FROM run WHERE convert_from(id, 'UTF8')='full')",
                'organization "acme", id "full" is another one'),
        "event": ("UPDATE event SET reason='over budgets' WHERE revision="
                  "(SELECT max(revision) FROM event WHERE reason='over budget')",
                  'organization "acme", revision'),
        "token": ("UPDATE token SET scopes=scopes#1 WHERE name='limited'", 'name "limited"'),
        "bulk_item": ("DELETE FROM bulk_item WHERE convert_from(id, 'UTF8')='nowhere'",
                      'id "nowhere" is in the first store alone'),
        "organization": ("UPDATE organization SET frozen_at=0 WHERE name='initech'", '"initech"'),
        "idempotency": ("UPDATE idempotency SET at=at+1", "another one"),
        "store": ("UPDATE store SET epoch=epoch#1", "epoch"),
    }

    def test_one_changed_byte(self):
        url = self.database()
        self.copy(self.place.store, url)
        for table, (statement, words) in self.CHANGES.items():
            with self.subTest(table):
                other = f"{self.name}x{table[:4]}"
                self.postgres.query(f"CREATE DATABASE {other} TEMPLATE {self.name}")
                self.postgres.query(statement, other)
                there = url.replace(f"/{self.name}?", f"/{other}?")
                report = self.report("--verify-only", self.place.store, there, code=FAILED)
                self.assertFalse(report["isSame"])
                self.assertEqual(1, len(report["differences"]), report["differences"])
                self.assertIn(f"table {table}: ", report["differences"][0])
                self.assertIn(words, report["differences"][0])
                for_people = self.copy("--verify-only", self.place.store, there, code=FAILED)
                self.assertIn(report["differences"][0], for_people.stdout)
                self.assertIn("the stores differ", for_people.stderr)
                self.assertEqual(table != "store", "DIFFERS" in for_people.stdout)

    def test_a_copy_with_a_fault_is_not_served(self):
        """A row that is changed while it is copied: here, between a kill and the end."""
        url = self.database()
        self.postgres.query("CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                          " NEW.actor='mallory'; RETURN NEW; END $$;"
                          "CREATE TRIGGER spoil BEFORE INSERT ON event FOR EACH ROW"
                          " WHEN (NEW.revision=3) EXECUTE FUNCTION spoil()", self.name)
        done = self.copy(self.place.store, url, code=FAILED)
        self.assertIn("table event: the row of organization", done.stdout)
        self.assertIn("half of a copy", runsctl("check", "--store", url).stderr)
        again = self.copy(self.place.store, url, code=FAILED)
        self.assertIn("table event", again.stdout)


class BadInput(Case):
    """What cannot be copied: a clear error, and both stores as they were."""

    def test_urls_that_are_none(self):
        here = self.place.store
        for words, arguments in {
                ("memory:", "is not copied"): ("memory:", self.sqlite),
                ("memory:", "not copied"): (here, "memory:"),
                ("mysql://x", "no kind of store"): (here, "mysql://x"),
                ("names no file",): ("sqlite:", self.sqlite),
                ("password",): (here, "postgres://u:s3cret@h/d"),
                ("the same store",): (here, here),
                ("are the same store",): (here, f"sqlite:{self.place.path}/./runs.db"),
                ("are the same",): (self.postgres.url, self.postgres.url + "&connect_timeout=3"),
        }.items():
            with self.subTest(arguments):
                self.assertNotIn("s3cret", self.refused(USAGE, words, *arguments))
        self.refused(NOT_FOUND, ["nowhere.db"], f"sqlite:{self.place.path}/nowhere.db", self.sqlite)
        self.refused(UNAVAILABLE, ["cannot be reached"], here, f"postgres://u@/d?host={self.place.path}")
        self.refused(USAGE, ["TO is missing"], here)
        self.assertFalse(self.file.exists())

    def test_stores_that_are_no_copy(self):
        empty = self.database(migrated=False)
        self.refused(NOT_FOUND, ["no tables", "store migrate"], self.place.store, empty)
        filled = f"{self.postgres.database(self.name + 'f')}"
        create_token(filled)
        self.refused(PRECONDITION, ["not empty", "0 runs and 1 tokens"], self.place.store, filled)
        create_token(self.sqlite)
        self.refused(PRECONDITION, ["not empty", "0 runs and 1 tokens"], self.place.store, self.sqlite)
        newer = self.postgres.database(self.name + "n")
        self.postgres.query("UPDATE store SET version=version+1", self.name + "n")
        self.refused(PRECONDITION, ["schema version", "newer program"], self.place.store, newer)
        with contextlib.closing(sqlite3.connect(self.file)) as db:
            db.execute("PRAGMA user_version=1000")
        self.refused(PRECONDITION, ["schema version 1000", "newer"], self.sqlite, newer)

    def test_stores_that_are_served(self):
        url = self.database()
        server = self.serve(url)
        said = self.refused(PRECONDITION, ["in use by", "runsd"], self.place.store, url)
        self.assertIn("process ", said)
        self.refused(PRECONDITION, ["in use by", "runsd"], url, self.sqlite)
        self.assertEqual(0, server.stop())
        shutil.copy(self.path, self.file)
        self.assertEqual(OK, runsctl("check", "--store", self.sqlite, "--accept").returncode)
        server = self.serve(self.sqlite)
        for arguments in ((self.sqlite, url), (self.place.store, self.sqlite)):
            self.refused(PRECONDITION, [f"process {server.popen.pid}"], *arguments)
        server.kill()

    def test_a_store_whose_server_was_killed(self):
        """Changes that its tables do not have yet: it says what to do, and that does it."""
        place = Place()
        self.addCleanup(place.remove)
        token = user_token(place.store)
        server = Serve(place.store)
        caller = BulkCaller(server.grpc, token)
        caller.create_many([f"r-{i}" for i in range(20)])
        for i in range(20):
            caller.cancel(f"r-{i}")
        server.kill()
        caller.close()
        done = runsctl("store", "copy", place.store, self.sqlite)
        if done.returncode != OK:  # else all was applied before the kill
            self.assertEqual(PRECONDITION, done.returncode, done.stderr)
            self.assertIn("start the server on it once more", done.stderr)
            self.assertFalse(self.file.exists())
            self.assertEqual(0, self.serve(place.store).stop())
            self.copy(place.store, self.sqlite)
        self.sound(self.sqlite)


if __name__ == "__main__":
    unittest.main()
