"""Tokens with a real server: rotations, uses, denials, and administrators of one organization."""

import calendar
import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import time
import unittest

import grpc
from google.protobuf import duration_pb2

import rest
import stubs
from harness import DEADLINE_S, Place, Serve, program, runsctl, wait_until
from secrets_in_text import Haystack

Code = grpc.StatusCode
pb = stubs.tokens_pb2


class Tokens(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.servers = []
        self.secrets = []
        self.start()

    def start(self):
        self.server = Serve(self.place.store)
        self.servers.append(self.server)
        self.addCleanup(self.server.kill)

    def ctl(self, *arguments, ok=True):
        done = runsctl("tokens", *arguments, "--store", self.place.store)
        if ok:
            self.assertEqual((0, ""), (done.returncode, done.stderr))
        return done.stdout.strip()

    def keep(self, secret):
        self.assertRegex(secret, r"\Arst_[A-Za-z0-9_-]{43}\Z")
        self.secrets.append(secret)
        return secret

    def create(self, name, scopes="runs.read", org="acme"):
        return self.keep(self.ctl("create", "--org", org, "--scopes", scopes, "--name", name,
                                  "--quiet"))

    def rotate(self, name, *more, org="acme"):
        return self.keep(self.ctl("rotate", name, "--org", org, "--quiet", *more))

    def status(self, secret, path="/v1/whoami"):
        return rest.request(self.server.http_port, "GET", path, secret).status

    def listed(self, name):
        tokens = json.loads(self.ctl("list", "--json"))["tokens"]
        return next(t for t in tokens if t["name"] == name)

    def call(self, method, request, secret, code=Code.OK):
        with grpc.insecure_channel(self.server.grpc) as channel:
            stub = stubs.tokens_grpc.TokensServiceStub(channel)
            try:
                reply = getattr(stub, method)(request, metadata=stubs.bearer(secret),
                                              timeout=DEADLINE_S)
            except grpc.RpcError as error:
                self.assertEqual(code, error.code(), error.details())
                return error
            self.assertEqual(Code.OK, code)
            return reply

    # A server that is killed right after a rotation was answered has it, in full.
    def test_an_answered_rotation_outlives_a_kill(self):
        first = self.create("job")
        for _ in range(3):
            second = self.rotate("job", "--overlap", "1h")
            self.server.kill()
            self.start()
            self.assertEqual((200, 200), (self.status(first), self.status(second)))
            third = self.rotate("job", "--overlap", "0")
            self.server.kill()
            self.start()
            self.assertEqual((401, 401, 200), tuple(map(self.status, (first, second, third))))
            first = third
        self.ctl("revoke", "job", "--org", "acme")
        self.server.kill()
        self.start()
        self.assertEqual(401, self.status(first))

    # The running server refuses what a rotation or a revocation ended, from its answer on.
    def test_a_running_server_sees_it_at_once(self):
        first = self.create("job")
        self.assertEqual(200, self.status(first))
        second = self.rotate("job", "--overlap", "0")
        self.assertEqual((401, 200), (self.status(first), self.status(second)))
        third = self.rotate("job", "--overlap", "2s")
        end = time.monotonic() + 2
        self.assertEqual((200, 200), (self.status(second), self.status(third)))
        wait_until(lambda: self.status(second) == 401, "the overlap's end")
        self.assertGreaterEqual(time.monotonic(), end - 1)
        self.assertEqual(200, self.status(third))
        self.ctl("revoke", "job", "--org", "acme")
        self.assertEqual(401, self.status(third))

    # The same over gRPC, by a token that may.
    def test_over_grpc_and_who_one_is(self):
        admin = self.create("admin", "tokens.admin")
        first = self.create("job")
        reply = self.call("RotateToken", pb.RotateTokenRequest(
            organization_id="acme", name="job", overlap=duration_pb2.Duration(seconds=600)), admin)
        second = self.keep(reply.secret)
        ends = reply.token.secrets[1].expires_at.ToJsonString()
        who = rest.request(self.server.http_port, "GET", "/v1/whoami", first).json()["data"]
        self.assertEqual(("job", ends), (who["name"], who["expiresAt"]))
        self.assertEqual(reply.token.secrets[0].created_at.ToJsonString(), who["replacedAt"])
        who = rest.request(self.server.http_port, "GET", "/v1/whoami", second).json()["data"]
        self.assertEqual({"organizationId": "acme", "name": "job", "scopes": ["runs.read"]}, who)
        text = runsctl("whoami", env={"RUNSCTL_TOKEN": first, "RUNSCTL_SERVER": self.server.grpc})
        self.assertRegex(text.stdout, r"(?m)^replaced +\S+Z$")
        error = self.call("RotateToken", pb.RotateTokenRequest(
            organization_id="acme", name="job", overlap=duration_pb2.Duration(seconds=-1)),
            admin, Code.INVALID_ARGUMENT)
        self.assertIn("got -1s", error.details())

    def test_an_administrator_of_one_organization(self):
        own = self.create("own", "tokens.admin.own")
        self.create("all", "tokens.admin")
        self.create("theirs", org="rival")
        make = pb.CreateTokenRequest
        made = self.call("CreateToken", make(organization_id="acme", name="made",
                                             scopes=["runs.read"]), own)
        self.assertEqual(200, self.status(self.keep(made.secret)))
        for request in (make(organization_id="rival", scopes=["runs.read"]),
                        make(organization_id="acme", scopes=["tokens.admin"])):
            error = self.call("CreateToken", request, own, Code.PERMISSION_DENIED)
            self.assertEqual("tokens.admin", stubs.details(error)["ErrorInfo"].metadata["scope"])
        rotate = pb.RotateTokenRequest
        self.call("RotateToken", rotate(organization_id="acme", name="all"), own,
                  Code.PERMISSION_DENIED)
        errors = [self.call("RotateToken", rotate(organization_id="rival", name=name), own,
                            Code.NOT_FOUND) for name in ("theirs", "theory")]
        details = [str(stubs.details(e)) + e.details() for e in errors]
        self.assertEqual(details[0].replace("theirs", "theory"), details[1])
        names = [t.name for t in self.call("ListTokens", pb.ListTokensRequest(), own).tokens]
        self.assertEqual(["all", "made", "own"], names)
        done = runsctl("tokens", "list", env={"RUNSCTL_TOKEN": own,
                                              "RUNSCTL_SERVER": self.server.grpc})
        self.assertRegex(done.stdout, r"(?m)^acme +all +tokens\.admin +")
        self.assertRegex(done.stdout, r"(?m)^acme +own +tokens\.admin\.own +")
        self.assertNotIn("rival", done.stdout)
        self.assertEqual(3, int(self.listed("own")["deniedCalls"]))

    def test_uses_and_denials_are_kept(self):
        secret = self.create("job")
        self.assertNotIn("lastUsedAt", self.listed("job")["secrets"][0])
        before = int(time.time())
        self.assertEqual(404, self.status(secret, "/v1/runs/absent"))
        for _ in range(2):
            reply = rest.request(self.server.http_port, "POST", "/v1/runs/absent/cancel", secret)
            self.assertEqual(403, reply.status)
        new = self.rotate("job", "--overlap", "0")
        self.assertEqual(401, self.status(secret))
        self.assertEqual(200, self.status(new))

        def check():
            token = self.listed("job")
            self.assertEqual([2, 1], [int(token[key]) for key in ("deniedCalls", "refusedCalls")])
            for told in token["secrets"]:
                at = time.strptime(told["lastUsedAt"], "%Y-%m-%dT%H:%M:%SZ")
                self.assertLessEqual(before, calendar.timegm(at))
            return token
        told = check()
        self.assertEqual(0, self.server.stop())
        self.assertEqual(told, check())  # of the store, by no server
        self.start()
        self.assertEqual(told, check())

    def on_terminal(self, columns, *arguments):
        """What runsctl tokens prints on a terminal so wide."""
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        done = subprocess.run([program("runsctl"), "tokens", *arguments, "--store",
                               self.place.store], stdout=follower, timeout=DEADLINE_S, check=True)
        self.assertEqual(0, done.returncode)
        os.close(follower)
        text = b""
        try:
            while piece := os.read(leader, 65536):
                text += piece
        except OSError:  # EIO: all was read
            pass
        os.close(leader)
        return text.decode().replace("\r\n", "\n").splitlines()

    # 80 columns are enough for what one looks for: whose it is, which secret, until when, last
    # used when, and what it may do.
    def test_lists_fit_a_terminal(self):
        secret = self.create("job", "runs.read,runs.cancel")
        self.create("admin", "tokens.admin")
        self.create("owner", "tokens.admin.own")
        self.assertEqual(200, self.status(secret))
        self.rotate("job", "--overlap", "3d")
        self.ctl("revoke", "admin", "--org", "acme")
        lines = self.on_terminal(80, "list")
        self.assertEqual(["ORG", "NAME", "SECRET", "ENDS", "USED", "DENIED", "SCOPES"],
                         lines[0].split())
        self.assertRegex(lines[1], r"^acme +admin +newest +revoked +- +0 +tokens\.admin$")
        self.assertRegex(lines[2], r"^acme +job +newest +never +- +0 +runs\.read,runs\.cancel$")
        self.assertRegex(lines[3], r"^acme +job +previous +(2|3)d +\d+s +- +runs\.read,runs\.cancel$")
        self.assertRegex(lines[4], r"^acme +owner +newest +never +- +0 +tokens\.admin\.own$")
        for line in lines:
            self.assertLessEqual(len(line), 80)
        for wide in (self.on_terminal(80, "list", "--wide"), self.on_terminal(200, "list"),
                     self.ctl("list").splitlines()):
            self.assertEqual("ORGANIZATION", wide[0].split()[0])
            self.assertEqual(len(lines), len(wide))

    # A store in memory keeps the same rules.
    def test_in_memory(self):
        path = self.place.path / "demo.token"
        self.assertEqual(0, self.server.stop())
        self.server = Serve("memory:", "--demo-token", str(path))
        self.servers.append(self.server)
        self.addCleanup(self.server.kill)
        demo = path.read_text(encoding="utf-8").strip()
        path.unlink()
        made = self.keep(self.call("CreateToken", pb.CreateTokenRequest(
            organization_id="acme", name="job", scopes=["tokens.admin.own"]), demo).secret)
        name = {"organization_id": "acme", "name": "job"}
        hour = duration_pb2.Duration(seconds=3600)
        second = self.keep(self.call("RotateToken", pb.RotateTokenRequest(
            **name, overlap=hour), made).secret)
        self.assertEqual((200, 200), (self.status(made), self.status(second)))
        third = self.keep(self.call("RotateToken", pb.RotateTokenRequest(
            **name, overlap=hour), second).secret)
        self.assertEqual((401, 200, 200), tuple(map(self.status, (made, second, third))))
        self.call("RotateToken", pb.RotateTokenRequest(organization_id="demo", name="demo"), third,
                  Code.NOT_FOUND)
        reply = self.call("ListTokens", pb.ListTokensRequest(), third)
        self.assertEqual([("job", 2)], [(t.name, len(t.secrets)) for t in reply.tokens])
        self.assertTrue(reply.tokens[0].secrets[1].HasField("last_used_at"))
        self.call("RevokeToken", pb.RevokeTokenRequest(**name), third)
        self.assertEqual((401, 401), (self.status(second), self.status(third)))

    def tearDown(self):
        # No secret that was made reached the log, or a file beside the store.
        self.server.stop()
        text = "\n".join(server.text() for server in self.servers)
        self.assertIn('"method":"/runs.v1.TokensService/', text)
        haystack = Haystack(text)
        for secret in self.secrets:
            self.assertIsNone(haystack.find(secret))
        for path in self.place.path.iterdir():
            if path.is_file():
                data = path.read_bytes()
                for secret in self.secrets:
                    self.assertNotIn(secret.encode(), data, path)


if __name__ == "__main__":
    unittest.main()
