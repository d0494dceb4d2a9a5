"""deploy/haproxy/haproxy.cfg as it is shipped, on free ports, before servers of a test."""

import grp
import http.client
import json
import os
import pwd
import secrets
import signal
import socket
import ssl
import subprocess

import grpc

import rest
import stubs
from certificates import Authority
from harness import DEADLINE_S, ROOT, Process, create_token, program, wait_until
from test_stream_proxies import free_port
from test_watch import OWN_CONNECTION

AUTHORITIES = {}  # by folder and name
CONFIG = ROOT / "deploy" / "haproxy" / "haproxy.cfg"


def certificate(folder, name="runs"):
    """NAME.pem for HAProxy: a certificate and its key, of an authority that is NAME's own, and the
    same as long as its folder is; NAME.crt is that authority's."""
    authority = AUTHORITIES.get((folder, name))
    if authority is None:
        authority = AUTHORITIES[folder, name] = Authority(folder, f"{name}-ca")
        (folder / f"{name}.crt").write_bytes(authority.cert.read_bytes())
    pair = authority.issue(f"{name}-leaf", ("DNS:localhost", "IP:127.0.0.1", "IP:::1"))
    (folder / f"{name}.pem").write_bytes(pair.cert.read_bytes() + pair.key.read_bytes())
    return pair


def environment(folder, **variables):
    """That of an HAProxy of this user."""
    return {**os.environ, "RUNS_CERT": str(folder / "runs.pem"),
            "RUNS_CONTROL": str(folder / "haproxy.sock"),
            "RUNS_INSIDE": f"abns@{folder.name}-{secrets.token_hex(4)}",
            "RUNS_USER": pwd.getpwuid(os.getuid()).pw_name,
            "RUNS_GROUP": grp.getgrgid(os.getgid()).gr_name, **variables}


def ask(connection, method, path, token=None, body=None, headers=None):
    """One request. Not by rest.request_on: these replies may be the proxy's, which no OpenAPI
    document describes."""
    headers = dict(headers or {})
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    return rest.Reply(response.status, response.headers, response.read())


class Proxy(Process):
    """HAProxy with the shipped file; variables are those that the file has."""

    def __init__(self, folder, host="127.0.0.1", **variables):
        self.folder = folder
        self.host = host
        self.port = free_port()
        self.certificate = folder / "runs.pem"
        if not self.certificate.exists():
            certificate(folder)
        self.variables = environment(folder, RUNS_BIND=f"{host}:{self.port}", **variables)
        super().__init__("env", *(f"{name}={value}" for name, value in self.variables.items()
                                  if name.startswith("RUNS_")),
                         "haproxy", "-W", "-f", str(CONFIG))
        self.context = ssl.create_default_context(cafile=folder / "runs.crt")
        wait_until(self.listens, "HAProxy")

    def listens(self):
        if self.popen.poll() is not None:
            raise AssertionError(f"HAProxy ended with {self.popen.returncode}\n{self.tail()}")
        try:
            socket.create_connection((self.host, self.port), DEADLINE_S).close()
        except OSError:
            return False
        return True

    def end(self):
        """Not a soft stop: feeds are open for as long as they please."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        self._reap()

    def control(self, command):
        """What the control socket answers."""
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(DEADLINE_S)
            one.connect(self.variables["RUNS_CONTROL"])
            one.sendall(command.encode() + b"\n")
            answer = b""
            while data := one.recv(1 << 16):
                answer += data
        return answer.decode()

    def check_of(self, backend, server):
        """What the last check of a server said: "L7OK", "L4CON", "L7STS", nothing yet."""
        for line in self.control("show stat").splitlines():
            cells = line.split(",")
            if cells[:2] == [backend, server]:
                return cells[17].split()[0], cells[36].lstrip("* ")
        raise AssertionError(f"no server {backend}/{server}")

    def wait_up(self, backend, server):
        wait_until(lambda: self.check_of(backend, server) == ("UP", "L7OK"), f"{server} is up")

    def wait_down(self, backend, server):
        wait_until(lambda: self.check_of(backend, server)[0] == "DOWN", f"{server} is down")

    def reload(self):
        """SIGUSR2, as systemctl reload sends it; returns when the new process serves."""
        def loaded():
            with self.changed:
                return sum("Loading success" in line for line in self.raw)
        before = loaded()
        self.popen.send_signal(signal.SIGUSR2)
        wait_until(lambda: loaded() > before, "the new process")

    def connection(self, source="127.0.0.1"):
        """One of HTTP/1.1, as of a client at source."""
        return http.client.HTTPSConnection(
            self.host, self.port, timeout=DEADLINE_S, context=self.context,
            source_address=None if ":" in self.host else (source, 0))

    def request(self, method, path, token=None, body=None, headers=None, source="127.0.0.1"):
        connection = self.connection(source)
        try:
            return ask(connection, method, path, token, body, headers)
        finally:
            connection.close()

    def curl(self, *arguments):
        """(head's lines, body) of curl with the URL's path last."""
        *options, path = arguments
        done = subprocess.run(
            ["curl", "-sS", "-i", "--cacert", self.folder / "runs.crt", "--max-time",
             str(DEADLINE_S), *options, f"https://{self.host}:{self.port}{path}"],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"curl: {done.returncode} {done.stderr}")
        head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
        return head.lower().splitlines(), body

    def channel(self, *options):
        credentials = grpc.ssl_channel_credentials(
            (self.folder / "runs.crt").read_bytes())
        return grpc.secure_channel(f"{self.host}:{self.port}", credentials,
                                   options=(*OWN_CONNECTION, *options))


class Caller:
    """A gRPC client behind the proxy, with a connection of its own."""

    def __init__(self, test, proxy, token, *options):
        self.channel = proxy.channel(*options)
        test.addCleanup(self.channel.close)
        self.stub = stubs.service_grpc.RunsServiceStub(self.channel)
        self.metadata = stubs.bearer(token)

    def create(self, run_id, more=(), **node):
        run = stubs.run_pb2.Run(id=run_id)
        run.workflow_definition.nodes["root"] = {"type": "manual", **node}
        return self.stub.CreateRun(stubs.service_pb2.CreateRunRequest(run=run),
                                   metadata=(*self.metadata, *more), timeout=DEADLINE_S)

    def get(self, run_id, more=()):
        return self.stub.GetRun(stubs.service_pb2.GetRunRequest(id=run_id),
                                metadata=(*self.metadata, *more), timeout=DEADLINE_S)

    def cancel(self, run_id):
        return self.stub.CancelRun(stubs.service_pb2.CancelRunRequest(id=run_id),
                                   metadata=self.metadata, timeout=DEADLINE_S)

    def events(self, run_id):
        return self.stub.ListRunEvents(stubs.service_pb2.ListRunEventsRequest(id=run_id),
                                       metadata=self.metadata, timeout=DEADLINE_S).events

    def watch(self):
        return self.stub.WatchRuns(stubs.feed_pb2.WatchRunsRequest(), metadata=self.metadata)

    def acquire(self, wait_s, timeout=DEADLINE_S):
        """A long poll that nobody answers: a future."""
        request = stubs.lease_pb2.AcquireRunsRequest(
            lease={"holder": "holder", "duration": {"seconds": 10}}, wait={"seconds": wait_s})
        return self.stub.AcquireRuns.future(request, metadata=self.metadata, timeout=timeout)


class OneMachine:
    """runsctl serve as the file's first lines say, and HAProxy before it."""

    def __init__(self, test, *options, host="127.0.0.1", **variables):
        self.place = test.place
        self.token = create_token(self.place.store, name="tester")
        self.socket = f"{self.place.path}/grpc.sock"
        self.http_port = free_port()
        self.options = options
        self.server = self.start()
        test.addCleanup(lambda: self.server.kill())
        self.proxy = Proxy(self.place.path, host, **{
            "RUNS_REST_1": f"127.0.0.1:{self.http_port}", "RUNS_GRPC": f"unix@{self.socket}",
            "RUNS_GRPC_READY_PORT": str(self.http_port), **variables})
        test.addCleanup(self.proxy.end)

    def start(self):
        server = Process(program("runsctl"), "serve", "--http", f"127.0.0.1:{self.http_port}",
                         "--grpc", f"unix:{self.socket}", "--store", self.place.store,
                         "--trust-forwarded-for", "127.0.0.1", *self.options)
        server.wait_for_log(lambda l: l.get("message") == "serving", "serving")
        return server

    def calls(self, method):
        """The lines of a method's calls."""
        with self.server.changed:
            return [line for line in self.server.lines if line.get("message") == "call"
                    and line["method"].endswith(f"/{method}")]

    def call(self, method):
        """Waits for the line of a method's only call."""
        wait_until(lambda: self.calls(method), method)
        return self.calls(method)[-1]
