"""deploy/haproxy/haproxy.cfg through restarts, reloads and long silences, under load."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import unittest

import grpc

from haproxy import Caller, OneMachine, Proxy, ask, certificate
from harness import DEADLINE_S, ROOT, Place, Process, create_token, program, wait_until
from test_rest_watch import RUN
from test_stream_proxies import BROWSER_S, free_port
from test_watch import Reader

# Answers after which a call may be repeated, because they say that nothing was changed.
NOTHING_CHANGED = ("SERVER_STOPPING", "PROXY_NO_SERVER")
# What a client of gRPC is told of a change that was made by the attempt before.
MADE_BEFORE = (grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.FAILED_PRECONDITION)
PAUSE_S = 0.05

# A load is one address.
UNBOUNDED = {"RUNS_CLIENT_REQUESTS": "1000000"}


class Load:
    """Clients that create, read and cancel runs until they are told to stop; each reply that is
    not what was asked for is kept. Patient ones ask again if nothing was changed."""

    def __init__(self, test, proxy, token, rest=3, grpc_clients=0, patient=False):
        self.proxy, self.token, self.patient = proxy, token, patient
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.wrong = []
        self.done = 0
        self.threads = [threading.Thread(target=self.over_rest, args=(n,)) for n in range(rest)]
        self.threads += [threading.Thread(target=self.over_grpc, args=(
            n, Caller(test, proxy, token))) for n in range(grpc_clients)]
        test.addCleanup(self.over.set)
        for thread in self.threads:
            thread.start()

    def note(self, wrong):
        with self.lock:
            self.done += 1
            if wrong:
                self.wrong.append(wrong)

    def over_rest(self, number):
        """On a connection that is kept for as long as it may be."""
        connection = self.proxy.connection()
        count = 0
        while not self.over.is_set():
            count += 1
            run_id = f"rest-{number}-{count}"
            for method, path, body in (("POST", "/v1/runs", {**RUN, "id": run_id}),
                                       ("GET", f"/v1/runs/{run_id}", None),
                                       ("POST", f"/v1/runs/{run_id}/cancel", None)):
                try:
                    reply = ask(connection, method, path, self.token, body)
                    while self.patient and reply.status == 503 and \
                            reply.error["reason"] in NOTHING_CHANGED:
                        time.sleep(PAUSE_S)
                        reply = ask(connection, method, path, self.token, body)
                    self.note(reply.status != 200 and (method, path, reply.status, reply.body))
                except (OSError, http.client.HTTPException) as error:
                    # A connection that HAProxy closes between two requests; http.client does not
                    # see it in time, as other clients do.
                    connection.close()
                    if not isinstance(error, http.client.RemoteDisconnected):
                        self.note((method, path, repr(error)))
        connection.close()

    def over_grpc(self, number, caller):
        count = 0
        while not self.over.is_set():
            count += 1
            run_id = f"grpc-{number}-{count}"
            for call in (caller.create, caller.get, caller.cancel):
                self.note(self.called(call, run_id))

    def called(self, call, run_id):
        """None, or the error of a call. Patient ones repeat it after UNAVAILABLE, which may mean
        that it was carried out."""
        again = False
        while True:
            try:
                call(run_id)
                return None
            except grpc.RpcError as error:
                if again and error.code() in MADE_BEFORE:
                    return None
                if not self.patient or error.code() != grpc.StatusCode.UNAVAILABLE:
                    return call.__name__, run_id, error.code(), error.details()
            again = True
            time.sleep(PAUSE_S)

    def more(self, count=200):
        """Waits until so many calls more are done."""
        goal = self.done + count
        wait_until(lambda: self.done >= goal, "calls")

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(DEADLINE_S)
        return self.wrong


class Placed(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)


class Restarts(Placed):
    def gateway(self, port):
        gateway = Process(program("runs-gateway"), "--listen", f"127.0.0.1:{port}", "--upstream",
                          f"unix:{self.place.path}/grpc.sock", "--trust-forwarded-for", "127.0.0.1")
        self.addCleanup(gateway.kill)
        gateway.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        return gateway

    def test_gateways_are_restarted_one_after_the_other_without_an_error(self):
        token = create_token(self.place.store)
        runsd = Process(program("runsd"), "--store", self.place.store, "--listen",
                        f"unix:{self.place.path}/grpc.sock")
        self.addCleanup(runsd.kill)
        runsd.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        ports = [free_port(), free_port()]
        gateways = [self.gateway(port) for port in ports]
        proxy = Proxy(self.place.path, RUNS_REST_1=f"127.0.0.1:{ports[0]}",
                      RUNS_REST_2=f"127.0.0.1:{ports[1]}",
                      RUNS_GRPC=f"unix@{self.place.path}/grpc.sock",
                      RUNS_GRPC_READY_PORT=str(ports[0]), **UNBOUNDED)
        self.addCleanup(proxy.end)
        load = Load(self, proxy, token, rest=4)
        for number in (0, 1, 0, 1):
            load.more()
            self.assertEqual(0, gateways[number].stop(), gateways[number].tail())
            load.more()
            gateways[number] = self.gateway(ports[number])
            proxy.wait_up("rest", f"rest{number + 1}")
        self.assertEqual([], load.end())

    def test_one_process_is_restarted_and_who_asks_again_notices_nothing(self):
        one = OneMachine(self, **UNBOUNDED)
        load = Load(self, one.proxy, one.token, rest=2, grpc_clients=2, patient=True)
        for _ in range(3):
            load.more()
            self.assertEqual(0, one.server.stop(), one.server.tail())
            one.server = one.start()
            one.proxy.wait_up("rest", "rest1")
            one.proxy.wait_up("grpc", "grpc1")
        load.more()
        # Over REST nothing that was in flight is cut, and what came meanwhile is either tried again
        # by the proxy or answered by what says that nothing was changed.
        self.assertEqual([], load.end())


class Dying:
    """An HTTP server that ends the connection of a request to /die instead of answering."""

    def __init__(self, test):
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        test.addCleanup(self.listener.close)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(ConnectionResetError), connection, \
                connection.makefile("rb") as file:
            while line := file.readline():
                length = 0
                while (header := file.readline()) not in (b"\r\n", b""):
                    if header.lower().startswith(b"content-length:"):
                        length = int(header.split(b":")[1])
                file.read(length)
                method, path, _ = line.decode().split()
                if path != "/readyz":
                    self.asked.append((method, path))
                if path == "/die":
                    return
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


class AServerThatDies(Placed):
    def test_a_change_is_sent_once_and_its_answer_says_that_it_is_in_doubt(self):
        dying = Dying(self)
        proxy = Proxy(self.place.path, RUNS_REST_1=f"127.0.0.1:{dying.port}",
                      RUNS_GRPC_READY_PORT=str(dying.port))
        self.addCleanup(proxy.end)
        ok = f"https://127.0.0.1:{proxy.port}/ok"
        for options in (("--http2",), ("--http1.1",), ("--http2", ok), ("--http1.1", ok)):
            with self.subTest(options=options):
                dying.asked.clear()
                # curl, as browsers, asks again if it may. Of two URLs the second's reply is last.
                _, body = proxy.curl("-X", "POST", "-d", "x", *options, "/die")
                reply = json.loads(body[body.rindex('{"code"'):])
                self.assertEqual((502, "PROXY_SERVER_FAILED"),
                                 (reply["code"], reply["error"]["reason"]))
                self.assertRegex(reply["requestId"], "^[0-9a-f-]{36}$")
                self.assertEqual([("POST", "/ok")] * (len(options) - 1) + [("POST", "/die")],
                                 dying.asked)

    def test_a_read_is_sent_again(self):
        dying = Dying(self)
        proxy = Proxy(self.place.path, RUNS_REST_1=f"127.0.0.1:{dying.port}",
                      RUNS_GRPC_READY_PORT=str(dying.port))
        self.addCleanup(proxy.end)
        self.assertEqual(502, proxy.request("GET", "/die").status)
        self.assertEqual([("GET", "/die")] * 6, dying.asked)


class Reloads(Placed):
    @staticmethod
    def served(one):
        return ssl.get_server_certificate(("127.0.0.1", one.proxy.port))

    def test_a_reload_under_load_loses_nothing_and_takes_the_new_certificate(self):
        one = OneMachine(self, RUNS_DRAIN="60s", **UNBOUNDED)
        before = self.served(one)
        load = Load(self, one.proxy, one.token, rest=2, grpc_clients=2)
        watch = Reader(Caller(self, one.proxy, one.token).watch()).begun()
        load.more()
        for _ in range(3):
            certificate(self.place.path)
            one.proxy.reload()
            load.more()
        self.assertEqual([], load.end())
        self.assertNotEqual(before, self.served(one))
        # The feed goes on in the process of before.
        Caller(self, one.proxy, one.token).create("after")
        wait_until(lambda: any(c.run_id == "after" for c in watch.changes()), "the change")
        self.assertIsNone(watch.error)


class Feeds(Placed):
    TIMEOUT_S = 6  # more than 5 s, in which a watch over gRPC sends something

    def test_feeds_outlive_every_time_out(self):
        one = OneMachine(self, "--stream-heartbeat-ms", "1000",
                         RUNS_TIMEOUT=f"{self.TIMEOUT_S}s")
        reader = Reader(Caller(self, one.proxy, one.token).watch()).begun()
        streams = [subprocess.Popen(
            ["curl", "-sSN", option, "--cacert", self.place.path / "runs.crt", "-H",
             f"Authorization: Bearer {one.token}", "-H", f"Accept: {accept}",
             f"https://127.0.0.1:{one.proxy.port}/v1/runs:watch?status=running"],
            stdout=subprocess.PIPE, text=True)
            for option in ("--http2", "--http1.1")
            for accept in ("text/event-stream", "application/x-ndjson")]
        for stream in streams:
            self.addCleanup(stream.stdout.close)
            self.addCleanup(stream.wait)
            self.addCleanup(stream.kill)
        end = time.monotonic() + 2 * self.TIMEOUT_S + 1
        wait_until(lambda: time.monotonic() > end, "the silence")
        one.proxy.request("POST", "/v1/runs", one.token, {**RUN, "id": "late"})
        committed = time.monotonic()
        reader.wait_for_changes(1)
        for stream in streams:
            for line in stream.stdout:
                if '"late"' in line:
                    break
            else:
                self.fail(f"{stream.args} ended with {stream.wait()}")
        self.assertLess(time.monotonic() - committed, 5)
        self.assertIsNone(reader.error)

    def test_a_call_that_is_silent_for_longer_is_ended_and_says_so(self):
        one = OneMachine(self, RUNS_TIMEOUT="2s")
        call = Caller(self, one.proxy, one.token).acquire(10)
        self.assertEqual((grpc.StatusCode.DEADLINE_EXCEEDED, "The server did not answer in time."),
                         (call.code(), call.details()))
        caller = Caller(self, one.proxy, one.token)
        caller.create("one")

    def test_a_browser_reads_by_http2(self):
        modules = os.environ.get("NODE_MODULES")
        if not modules:
            raise RuntimeError("NODE_MODULES is not set: run script/test")
        one = OneMachine(self)
        url = f"https://127.0.0.1:{one.proxy.port}"
        wanted = {"page": f"{url}/healthz", "ignoreHTTPSErrors": True, "streams": [
            {"url": f"{url}/v1/runs:watch?since=2026-01-01T00:00:00Z", "token": one.token,
             "until": {"what": "message", "count": 1}} for _ in range(8)]}
        Caller(self, one.proxy, one.token).create("one")
        done = subprocess.run(["node", str(ROOT / "tests" / "web" / "events.mjs")],
                              input=json.dumps(wanted), capture_output=True, text=True,
                              timeout=BROWSER_S, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        for told in json.loads(done.stdout):
            self.assertEqual("open", told[0]["what"])
            self.assertEqual("message", told[-1]["what"])
        # Eight at once are two more than a browser opens connections of HTTP/1.1.
        line = one.proxy.wait_for_log(lambda l: l.get("path") == "/v1/runs:watch", "the feed")
        self.assertEqual("2.0", line["http"])


@unittest.skipUnless(os.getuid() == 0, "only root can become another user")
class OfItsOwnUser(Placed):
    def test_it_needs_no_more_than_the_group_of_the_socket(self):
        folder = self.place.path
        folder.chmod(0o711)
        socket_folder = folder / "run"
        socket_folder.mkdir()
        subprocess.run(["chgrp", "haproxy", socket_folder], check=True)
        socket_folder.chmod(0o2750)
        token = create_token(self.place.store)
        server = Process(program("runsctl"), "serve", "--store", self.place.store, "--http",
                         "127.0.0.1:0", "--grpc", f"unix:{socket_folder}/grpc.sock")
        self.addCleanup(server.kill)
        port = server.wait_for_log(lambda l: l.get("message") == "serving", "serving")["port"]
        proxy = Proxy(folder, RUNS_USER="haproxy", RUNS_GROUP="haproxy",
                      RUNS_REST_1=f"127.0.0.1:{port}", RUNS_GRPC_READY_PORT=str(port),
                      RUNS_GRPC=f"unix@{socket_folder}/grpc.sock")
        self.addCleanup(proxy.end)
        Caller(self, proxy, token).create("one")
        workers = subprocess.run(["pgrep", "-u", "haproxy", "-P", str(proxy.popen.pid)],
                                 capture_output=True, text=True, check=False).stdout.split()
        self.assertEqual(1, len(workers))


if __name__ == "__main__":
    unittest.main()
