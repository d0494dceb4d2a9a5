"""What the tests of the console share: a server, a browser, and the ways through the pages."""

import http.client
import json
import unittest

import contract
import leases
import rest
from browser import Browser, Pattern
from harness import DEADLINE_S, Place, Serve, create_token, wait_until


class ConsoleCase(unittest.TestCase):
    """Tests of the console of one server, each in a fresh page. That nothing leaves the origin, that the
    policy stops nothing, and that no script fails, is part of each."""

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.token = create_token(cls.place.store, name="tester")
        cls.server = Serve(cls.place.store)
        cls.addClassCleanup(cls.stop_well)  # that which serves then
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)
        cls.caller = leases.Caller(cls.server.grpc, cls.token)
        cls.addClassCleanup(cls.caller.close)

    @classmethod
    def stop_well(cls):
        status = cls.server.stop()
        if status != 0:
            raise AssertionError(f"the server ended with status {status}\n{cls.server.tail()}")

    def setUp(self):
        self.browser.open()
        self.page = self.browser.page

    def tearDown(self):
        seen = self.browser.seen()
        origin = f"http://127.0.0.1:{self.server.http_port}/"
        outside = [request["url"] for request in seen["requests"]
                   if not request["url"].startswith((origin, "data:"))]
        self.assertEqual(([], [], []), (outside, seen["errors"], seen["violations"]))
        for request in seen["requests"]:
            self.assertNotIn("rsd_", request["url"])

    # --- the ways through the pages ---

    def visit(self, fragment=""):
        self.page.goto(f"http://127.0.0.1:{self.server.http_port}/console{fragment}")

    def sign_in(self, token=None, fragment=""):
        self.visit(fragment)
        self.page.getByLabel("Token", exact=True).fill(token or self.token)
        self.button("Sign in").click()
        self.page.getByRole("link", name="API").waitFor()

    def button(self, name, **options):
        return self.page.getByRole("button", name=name, **options)

    def row(self, run_id):
        return self.page.getByRole("row").filter(hasText=run_id)

    def state(self, word):
        """Waits until the page says of its feed what it should."""
        self.page.locator(".feed").filter(hasText=word).waitFor()

    def shown_ids(self):
        return self.page.locator(".grid-body .id").allInnerTexts()

    # --- what others do ---

    def rest(self, method, path, body=None, token=None):
        return rest.request(self.server.http_port, method, path, token or self.token, body)

    def create(self, **changes):
        created = self.rest("POST", "/v1/runs", contract.new_run(sourceRunId="", **changes))
        self.assertEqual(200, created.status, created.body)
        return created.json()["data"]["id"]

    def get(self, run_id):
        return self.rest("GET", f"/v1/runs/{run_id}").json()["data"]

    def requests(self, part):
        return [request for request in self.browser.seen()["requests"] if part in request["url"]]

    def token_with(self, scopes, name):
        return create_token(self.place.store, scopes=scopes, name=name)

    def wait_for(self, condition, what, seconds=DEADLINE_S):
        wait_until(condition, what, seconds)


class Fill:
    """Creates many runs over one connection."""

    def __init__(self, port, token):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=rest.TIMEOUT_S)
        self.token = token

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.connection.close()

    def create(self, count, workflowId):
        """workflowId-00000 and so on, the last one the newest."""
        for i in range(count):
            run = {"id": f"{workflowId}-{i:05}", "workflowId": workflowId,
                   "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}
            reply = rest.request_on(self.connection, "POST", "/v1/runs", self.token, run)
            if reply.status != 200:
                raise AssertionError(reply.body)


__all__ = ["Browser", "ConsoleCase", "Fill", "Pattern", "Serve", "json", "leases"]
