"""Who one is: over REST, gRPC and the command line."""

import json
import time
import unittest

import grpc

import contract
import rest
import stubs
from harness import DEADLINE_S, create_token, runsctl, serve_for, wait_until

tokens_pb2, tokens_grpc = stubs.tokens_pb2, stubs.tokens_grpc


class WhoAmI(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))

    def make(self, name, *more, org="acme", scopes="runs.read"):
        done = runsctl("tokens", "create", "--store", self.place.store, "--org", org, "--scopes",
                       scopes, "--name", name, "--quiet", *more)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout.strip()

    def rest(self, token, **headers):
        return rest.request(self.server.http_port, "GET", "/v1/whoami", token, headers=headers)

    def grpc(self, metadata):
        with grpc.insecure_channel(self.server.grpc) as channel:
            return tokens_grpc.TokensServiceStub(channel).GetCaller(
                tokens_pb2.GetCallerRequest(), metadata=metadata, timeout=DEADLINE_S)

    def ctl(self, token, *more):
        return runsctl("whoami", *more,
                       env={"RUNSCTL_TOKEN": token, "RUNSCTL_SERVER": self.server.grpc})

    def test_all_three_ways_tell_the_same(self):
        cases = [
            (self.make("reader"), "acme", "reader", ["runs.read"], None),
            (self.make("brief", "--expires-at", self.soon, org="rival",
                       scopes="runs.report,runs.cancel"),
             "rival", "brief", ["runs.cancel", "runs.report"], self.soon),
            (self.make("admin", org="rival", scopes="tokens.admin"),
             "rival", "admin", ["tokens.admin"], None),
        ]
        for token, organization, name, scopes, expires in cases:
            with self.subTest(name):
                want = {"organizationId": organization, "name": name, "scopes": scopes}
                if expires is not None:
                    want["expiresAt"] = expires
                reply = self.rest(token)
                self.assertEqual((200, want), (reply.status, dict(reply.json()["data"])))
                caller = self.grpc(stubs.bearer(token))
                self.assertEqual((organization, name, scopes, expires),
                                 (caller.organization_id, caller.name, list(caller.scopes),
                                  caller.expires_at.ToJsonString()
                                  if caller.HasField("expires_at") else None))
                done = self.ctl(token, "--json")
                self.assertEqual((0, want), (done.returncode, json.loads(done.stdout)))
                done = self.ctl(token)
                rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
                self.assertEqual({"organization": organization, "name": name,
                                  "scopes": ",".join(scopes), "expires": expires or "-"}, rows)
                self.assertNotIn(token, done.stdout + reply.body.decode())

    def refused(self, reason, token, authorization):
        headers = {"Authorization": authorization} if authorization is not None else {}
        reply = self.rest(None, **headers)
        contract.check_error(self, reply, 401, reason, "UNAUTHENTICATED")
        self.assertEqual("Bearer", reply.headers["WWW-Authenticate"])
        with self.assertRaises(grpc.RpcError) as raised:
            self.grpc([("authorization", authorization)] if authorization is not None else [])
        self.assertEqual(grpc.StatusCode.UNAUTHENTICATED, raised.exception.code())
        self.assertEqual(reason, stubs.details(raised.exception)["ErrorInfo"].reason)
        if token is not None:
            done = self.ctl(token)
            self.assertEqual((5, ""), (done.returncode, done.stdout), done.stderr)

    def test_who_is_not_known_is_refused(self):
        good = self.make("good")
        self.refused("TOKEN_MISSING", "", None)
        self.refused("TOKEN_MISSING", None, f"Basic {good}")
        self.refused("TOKEN_MISSING", None, good)
        self.refused("TOKEN_INVALID", "rst_" + "x" * 43, "Bearer rst_" + "x" * 43)
        self.refused("TOKEN_INVALID", good + "x", f"Bearer {good}x")
        self.assertEqual(200, self.rest(good).status)

    def test_a_revoked_token_is_nobodys(self):
        token = self.make("gone")
        self.assertEqual(200, self.rest(token).status)
        done = runsctl("tokens", "revoke", "--store", self.place.store, "--org", "acme", "gone")
        self.assertEqual(0, done.returncode, done.stderr)
        self.refused("TOKEN_INVALID", token, f"Bearer {token}")

    def test_an_expired_token_is_nobodys(self):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
        token = self.make("expired", "--expires-at", at)
        wait_until(lambda: self.rest(token).status == 401, "the token's end")
        self.refused("TOKEN_INVALID", token, f"Bearer {token}")

    def test_it_is_a_read_without_arguments(self):
        reply = rest.request(self.server.http_port, "POST", "/v1/whoami", self.token, {})
        self.assertEqual((405, "GET, HEAD, OPTIONS"), (reply.status, reply.headers["Allow"]))
        reply = rest.request(self.server.http_port, "GET", "/v1/whoami?name=x", self.token)
        self.assertEqual(400, reply.status)
        done = self.ctl(self.token, "extra")
        self.assertEqual((2, ""), (done.returncode, done.stdout))


if __name__ == "__main__":
    unittest.main()
