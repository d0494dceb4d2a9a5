"""runsd with TLS on its gRPC port, and clients of four languages that ask for its health."""

import functools
import importlib
import os
import re
import subprocess

import grpc

import certificates
import stubs  # noqa: F401, which makes health_pb2
from harness import DEADLINE_S, ROOT, Place, Process, create_token, program, wait_until

health_pb2 = importlib.import_module("grpc.health.v1.health_pb2")
health_grpc = importlib.import_module("grpc.health.v1.health_pb2_grpc")

CLIENTS = ROOT / "tests" / "clients"
LOCAL = ("DNS:localhost", "IP:127.0.0.1")
CLIENT_URI = "spiffe://example.org/billing"


class Runsd(Process):
    """runsd on a port of 127.0.0.1, and where else it is told to listen."""

    def __init__(self, store, *options, host="127.0.0.1"):
        super().__init__(program("runsd"), "--store", store, "--listen", f"{host}:0", *options)
        listening = self.wait_for_log(lambda l: l.get("message") == "listening", "listening")
        self.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        self.port = listening["port"]
        self.address = f"127.0.0.1:{self.port}"

    def said(self, text):
        """Waits for gRPC core's line of a text; returns it."""
        return self.wait_for_log(lambda l: l.get("text") == text, text)

    def loaded(self, count):
        wait_until(lambda: sum(l.get("message") == "certificate loaded" for l in self.lines)
                   >= count, "certificates")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.popen.pid}/fd"))


class Files:
    """Authorities and pairs of files that both ends are given."""

    def __init__(self, folder):
        self.ours = certificates.Authority(folder, "ours")
        self.foreign = certificates.Authority(folder, "foreign")
        self.server = self.ours.issue("server", LOCAL)
        self.client = self.ours.issue("client", (f"URI:{CLIENT_URI}", "DNS:billing.example"),
                                      use="clientAuth")
        self.stranger = self.foreign.issue("stranger", (f"URI:{CLIENT_URI}",), use="clientAuth")

    def options(self, pair=None, client_auth=None):
        pair = pair or self.server
        more = () if client_auth is None else (
            "--tls-client-ca", str(self.ours.cert), "--tls-client-auth", client_auth)
        return ("--tls-cert", str(pair.cert), "--tls-key", str(pair.key), *more)


def tls_for(case, *more, client_auth=None):
    """Gives a test, or a class of tests, a place, files, a token and runsd with TLS, which end
    with it. "{place}" in an option is the place's folder."""
    cleanup = case.addClassCleanup if isinstance(case, type) else case.addCleanup
    case.place = Place()
    cleanup(case.place.remove)
    case.files = Files(case.place.path)
    case.token = create_token(case.place.store, name="tester")
    case.runsd = Runsd(case.place.store, *case.files.options(client_auth=client_auth),
                       *(m.format(place=case.place.path) for m in more))
    cleanup(case.runsd.stop)


# --- clients: each prints SERVING, or why not ---

def credentials_of(ca, pair):
    return grpc.ssl_channel_credentials(ca.read_bytes(), *(
        (pair.key.read_bytes(), pair.cert.read_bytes()) if pair else (None, None)))


def python(address, ca, pair=None, server_name=None):
    options = (("grpc.ssl_target_name_override", server_name),) if server_name else ()
    with grpc.secure_channel(address, credentials_of(ca, pair), options) as channel:
        try:
            reply = health_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(),
                                                          timeout=DEADLINE_S)
        except grpc.RpcError as error:
            return error.details()
    return health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)


def _run(command, address, ca, pair, server_name, env=None):
    files = (str(pair.cert), str(pair.key)) if pair else ("", "")
    done = subprocess.run([*command, address, str(ca), *files, server_name or ""], text=True,
                          capture_output=True, timeout=DEADLINE_S, check=False,
                          env={**os.environ, **(env or {})})
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout.strip()


def node(address, ca, pair=None, server_name=None):
    modules = os.environ.get("NODE_MODULES")
    if not modules:
        raise RuntimeError("NODE_MODULES is not set: run script/test")
    return _run(("node", str(CLIENTS / "node" / "tls.js")), address, ca, pair, server_name,
                {"NODE_PATH": modules})


@functools.lru_cache
def _built(folder):
    target = os.path.join(folder, "go-tls")
    env = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": ""}
    env.setdefault("GOCACHE", os.path.join(os.environ.get("HOME") or folder, ".cache/go-build"))
    subprocess.run(["go", "build", "-o", target, str(CLIENTS / "go" / "tls.go")], check=True,
                   env=env)
    return target


def go(folder, address, ca, pair=None, server_name=None):
    return _run((_built(str(folder)),), address, ca, pair, server_name)


# --- openssl s_client ---

def s_client(port, *options, send=b""):
    """Returns all that it says of a connection to the port."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "h2",
                           *map(str, options)], input=send, capture_output=True,
                          timeout=DEADLINE_S, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


def cipher_of(said):
    """The version and the cipher of a connection, None of one that was refused."""
    found = re.search(r"^New, (TLSv[\d.]+), Cipher is (\S+)", said, re.M)
    return found.groups() if found else None
