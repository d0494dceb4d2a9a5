"""runsctl's --store: what is not there is not made by mistake, and what is no store is left alone."""

import datetime
import hashlib
import json
import sqlite3
import unittest

from harness import Place, Serve, runsctl
from tables import cases

OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE = range(7)
CREATE = ("tokens", "create", "--org", "acme", "--scopes", "runs.read")
COMMANDS = [("tokens create", CREATE), ("tokens create with --create", (*CREATE, "--create")),
            ("tokens list", ("tokens", "list")),
            ("tokens rotate", ("tokens", "rotate", "x", "--org", "acme")), ("tokens revoke", ("tokens", "revoke", "x", "--org", "acme")),
            ("check", ("check",)), ("check with --accept", ("check", "--accept"))]


class Case(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)

    def files(self):
        return sorted(path.name for path in self.place.path.iterdir())

    def fails(self, code, *arguments):
        done = runsctl(*arguments)
        self.assertEqual((code, ""), (done.returncode, done.stdout), (arguments, done.stderr))
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        self.assertTrue(done.stderr.startswith("runsctl: "), done.stderr)
        return done.stderr

    def ok(self, *arguments):
        done = runsctl(*arguments)
        self.assertEqual((OK, ""), (done.returncode, done.stderr))
        return done.stdout


@cases([row for row in COMMANDS if "--create" not in row[1]])
class Missing(Case):
    def check(self, arguments):
        said = self.fails(NOT_FOUND, *arguments, "--store", f"sqlite:{self.place.path}/TYPO.db")
        self.assertIn("TYPO.db", said)
        self.assertIn("--create makes it" if arguments is CREATE else "spelled right", said)
        self.assertEqual([], self.files())
        self.fails(NOT_FOUND, *arguments, "--store", f"sqlite:{self.place.path}/no/folder/runs.db")


@cases(COMMANDS)
class NoStore(Case):
    """Things that are no store, whatever the command: an error that names them, and no change."""

    def check(self, arguments):
        folder = self.place.path / "folder"
        folder.mkdir()
        contents = {"text": b"this is no database, and it is long enough to be one " * 100,
                    "empty": b"", "other": None}
        for name, content in contents.items():
            path = self.place.path / name
            if content is None:
                with sqlite3.connect(path) as db:
                    db.execute("CREATE TABLE t (x)")
                db.close()
            else:
                path.write_bytes(content)
        before = {name: hashlib.sha256((self.place.path / name).read_bytes()).digest()
                  for name in contents}
        for name in contents:
            self.assertIn(name, self.fails(FAILED, *arguments, "--store",
                                           f"sqlite:{self.place.path}/{name}"))
        said = self.fails(UNAVAILABLE, *arguments, "--store", f"sqlite:{folder}")
        self.assertIn(str(folder), said)
        self.assertNotIn("whether the server runs", said)
        for url in ("sqlite:", "", "mysql://x", "memory:", "memory:x", str(folder)):
            self.fails(USAGE, *arguments, "--store", url)
        self.assertEqual(sorted([*contents, "folder"]), self.files())
        for name, digest in before.items():
            self.assertEqual(digest,
                             hashlib.sha256((self.place.path / name).read_bytes()).digest(), name)


class Migrate(Case):
    def test_is_for_stores_on_a_database_server(self):
        self.assertIn("needs no migration",
                      self.fails(USAGE, "store", "migrate", "--store", self.place.store))
        self.assertEqual([], self.files())

    def test_shows_no_password(self):
        for url in ("postgres://u:s3cret@h/d", "postgres:password=s3cret", "postgresql://u:s3cret@h/d"):
            self.assertNotIn("s3cret", self.fails(USAGE, "store", "migrate", "--store", url))

    def test_says_what_it_cannot_reach(self):
        said = self.fails(UNAVAILABLE, "store", "migrate", "--store",
                          f"postgres://u@/d?host={self.place.path}")
        self.assertIn(str(self.place.path), said)


class Create(Case):
    def test_makes_the_store_once_and_uses_it_after(self):
        for _ in range(2):
            self.ok(*CREATE, "--create", "--store", self.place.store)
        self.ok(*CREATE, "--store", self.place.store)
        listed = json.loads(self.ok("tokens", "list", "--store", self.place.store, "--json"))
        self.assertEqual(3, len(listed["tokens"]))

    def test_a_server_makes_its_store_itself(self):
        server = Serve(self.place.store)
        self.addCleanup(server.kill)
        self.assertIn("a new store was made", server.text())
        self.ok(*CREATE, "--store", self.place.store)
        self.ok(*CREATE, "--create", "--store", self.place.store)
        self.assertEqual(0, server.stop())

    def test_is_for_a_store(self):
        self.assertIn("give --store", self.fails(USAGE, *CREATE, "--create"))
        self.fails(USAGE, "tokens", "list", "--create", "--store", self.place.store)


class Tokens(Case):
    def setUp(self):
        super().setUp()
        self.store = ("--store", self.place.store, "--create")

    def create(self, *options):
        made = json.loads(self.ok("tokens", "create", "--org", "acme", *self.store, "--json",
                                  *options))
        return made["token"]

    def test_scopes_with_blanks_and_several_times(self):
        expected = ["runs.read", "runs.cancel"]
        for options in (("--scopes", "runs.read, runs.cancel"), ("--scopes= runs.read ,runs.cancel",),
                        ("--scopes", "runs.read", "--scopes", "runs.cancel")):
            self.assertEqual(expected, self.create(*options)["scopes"])
        for value in ("", " ", "runs.read,", "runs.read,,runs.cancel"):
            said = self.fails(USAGE, "tokens", "create", "--org", "acme", *self.store, "--scopes",
                              value)
            self.assertIn("--scopes", said)

    def test_expiry_in_so_long(self):
        for text, seconds in (("30d", 30 * 86400), ("1h30m", 5400), ("2w", 14 * 86400)):
            before = datetime.datetime.now(datetime.timezone.utc)
            token = self.create("--scopes", "runs.read", "--expires-in", text)
            after = datetime.datetime.now(datetime.timezone.utc)
            at = datetime.datetime.fromisoformat(token["expiresAt"]) - datetime.timedelta(
                seconds=seconds)
            # runsctl cuts to microseconds, as Python does.
            self.assertLessEqual(before, at + datetime.timedelta(microseconds=1))
            self.assertLessEqual(at, after)

    def test_a_new_secret_expires_in_so_long(self):
        self.create("--scopes", "runs.read", "--name", "job")
        done = json.loads(self.ok("tokens", "rotate", "job", "--org", "acme", *self.store[:2],
                                  "--expires-in", "3650d", "--json"))
        left = (datetime.datetime.fromisoformat(done["token"]["expiresAt"]) -
                datetime.datetime.now(datetime.timezone.utc))
        self.assertEqual(3649, left.days)
        for options in (("--expires-in", "0s"), ("--expires-in", "1d", "--expires-at",
                                                 "2100-01-01T00:00:00Z"), ("--overlap", "-1h")):
            self.fails(USAGE, "tokens", "rotate", "job", "--org", "acme", *self.store[:2], *options)

    def test_expiry_that_is_none(self):
        for options in (("--expires-in", "0d"), ("--expires-in", "-1d"), ("--expires-in", "soon"),
                        ("--expires-in", "30"), ("--expires-in", "99999999999999d"),
                        ("--expires-in", "3650000d"), ("--expires-in=",),
                        ("--expires-in", "1d", "--expires-at", "2100-01-01T00:00:00Z"),
                        ("--expires-at", "2020-01-01T00:00:00Z")):
            said = self.fails(USAGE, "tokens", "create", "--org", "acme", *self.store, "--scopes",
                              "runs.read", *options)
            self.assertRegex(said, "--expires-|expiresAt")


if __name__ == "__main__":
    unittest.main()
