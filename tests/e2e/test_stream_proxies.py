"""Streams of events behind nginx and HAProxy with short time-outs, and in a browser: runs-gateway
before a gRPC server that has nothing of this product but the gateway's options."""

import concurrent.futures
import json
import os
import socket
import subprocess
import threading
import time
import unittest

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import rest
from gateways import Gateway, descriptor_set
from harness import DEADLINE_S, ROOT, Place, Serve, create_token, wait_until

EVENTS = """
syntax = "proto3";
package events.v1;
import "google/api/annotations.proto";
import "runsd/gateway/v1/options.proto";
service Events {
  rpc Watch(Ask) returns (stream Event) { option (google.api.http) = {get: "/v1/watch/{topic}"}; }
}
message Ask {
  string topic = 1;
  int64 after = 2 [(runsd.gateway.v1.field_json) = {last_event_id: true}];
}
message Event {
  string text = 1;
  sint64 position = 2 [(runsd.gateway.v1.field_json) = {event_id: true}, jstype = JS_NUMBER];
}
"""

TIMEOUT_S = 2  # of the proxies
SILENCE_S = 5  # of a stream: two time-outs, and more
HEARTBEAT_MS = 500
BROWSER_S = 170


class Server:
    """events.v1.Events. Its topics:
    quiet  sends initial metadata at once, and one event when the gate opens
    mute   the same, without initial metadata
    lossy  sends two events, then fails; from the second on to the fourth, then it ends;
           behind the fourth there is nothing
    none   ends"""

    def __init__(self, folder):
        self.set = descriptor_set(folder, "events", EVENTS)
        pool = descriptor_pool.DescriptorPool()
        with open(self.set, "rb") as file:
            for one in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
                pool.Add(one)
        ask, self.event = (message_factory.MessageFactory(pool).GetPrototype(
            pool.FindMessageTypeByName(name)) for name in ("events.v1.Ask", "events.v1.Event"))
        self.asked = []
        self.gate = threading.Event()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(16))
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
            "events.v1.Events", {"Watch": grpc.unary_stream_rpc_method_handler(
                self.watch, request_deserializer=ask.FromString,
                response_serializer=lambda message: message.SerializeToString())}),))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def stop(self):
        self.gate.set()
        self.server.stop(None).wait()

    def watch(self, ask, context):
        self.asked.append((ask.topic, ask.after))
        if ask.topic == "quiet":
            context.send_initial_metadata(())
        if ask.topic in ("quiet", "mute"):
            self.gate.wait(DEADLINE_S)
            yield self.event(position=1, text="late")
        if ask.topic == "lossy":
            for position in range(ask.after + 1, min(ask.after + 3, 5)):
                yield self.event(position=position, text=f"event {position}")
            if ask.after == 0:
                context.abort(grpc.StatusCode.ABORTED, "failed midway")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Proxy:
    """A proxy's program, which ends with the test."""

    def __init__(self, test, command, port):
        self.port = port
        self.popen = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        test.addCleanup(self.end)

        def listens():
            if self.popen.poll() is not None:
                raise AssertionError(f"{command} ended with {self.popen.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), DEADLINE_S).close()
            except OSError:
                return False
            return True
        wait_until(listens, command[0])

    def end(self):
        self.popen.terminate()
        self.popen.wait(DEADLINE_S)

    def restarted(self, test):
        self.end()
        return Proxy(test, self.popen.args, self.port)


def nginx(test, folder, upstream, headers=""):
    port = free_port()
    paths = "".join(f"{name}_temp_path {folder}/nginx-{name};" for name in (
        "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config = folder / f"nginx-{port}.conf"
    config.write_text(f"""
daemon off; master_process off; pid {folder}/nginx-{port}.pid; error_log stderr;
events {{ worker_connections 64; }}
http {{ access_log off; {paths}
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{upstream}; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $http_host; {headers}
      proxy_read_timeout {TIMEOUT_S}s; proxy_send_timeout {TIMEOUT_S}s; }} }} }}
""", encoding="utf-8")
    return Proxy(test, ["nginx", "-p", str(folder), "-c", str(config)], port)


def haproxy(test, folder, upstream, options=""):
    port = free_port()
    config = folder / f"haproxy-{port}.cfg"
    config.write_text(f"""
defaults
  mode http
  timeout connect {TIMEOUT_S}s
  timeout client {TIMEOUT_S}s
  timeout server {TIMEOUT_S}s
  option http-no-delay
  {options}
listen all
  bind 127.0.0.1:{port}
  server one 127.0.0.1:{upstream}
""", encoding="utf-8")
    return Proxy(test, ["haproxy", "-db", "-f", str(config)], port)


PROXIES = {"nginx": nginx, "HAProxy": haproxy}


class Events:
    """A GET for events over HTTP/1.0, so that the body is what comes until the end."""

    def __init__(self, test, port, path, more="", method="GET"):
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        test.addCleanup(self.socket.close)
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                            f"Accept: text/event-stream\r\n{more}\r\n".encode())
        self.received = b""

    def until(self, text):
        while text not in self.received:
            data = self.socket.recv(1 << 16)
            if not data:
                raise AssertionError(f"no {text} before the end of {self.received}")
            self.received += data
        return self.received

    def rest(self):
        while data := self.socket.recv(1 << 16):
            self.received += data
        return self.received

    @property
    def status(self):
        return int(self.until(b"\r\n\r\n").split()[1])


class Behind(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.server = Server(self.place.path)
        self.addCleanup(self.server.stop)

    def gateway(self, *options):
        gateway = Gateway(self.server.address, "--descriptors", self.server.set,
                          "--stream-heartbeat-ms", str(HEARTBEAT_MS), *options)
        self.addCleanup(gateway.kill)
        return gateway

    def test_a_silence_longer_than_their_time_outs_breaks_nothing(self):
        gateway = self.gateway()
        streams = [(name, topic, Events(self, start(self, self.place.path, gateway.port).port,
                                        f"/v1/watch/{topic}"))
                   for name, start in PROXIES.items() for topic in ("quiet", "mute")]
        for name, topic, stream in streams:
            self.assertEqual(200, stream.status, (name, topic))
            stream.until(b"retry: 1000\n\n")
        end = time.monotonic() + SILENCE_S
        while time.monotonic() < end:
            for _, _, stream in streams:
                before = len(stream.received)
                stream.received += stream.socket.recv(1 << 16)
                self.assertGreater(len(stream.received), before, "the proxy has ended it")
        self.server.gate.set()
        for name, topic, stream in streams:
            body = stream.rest()
            self.assertIn(b": heartbeat\n\n", body, (name, topic))
            self.assertIn(b"id: 1\ndata: {", body, (name, topic))
            self.assertNotIn(b"stream-error", body, (name, topic))

    def test_without_headers_a_silence_is_their_504(self):
        # What the test above would see of a gateway that waits for the first message.
        gateway = self.gateway("--stream-headers-ms", "off")
        for name, start in PROXIES.items():
            proxy = start(self, self.place.path, gateway.port)
            with self.subTest(name):
                self.assertEqual(504, Events(self, proxy.port, "/v1/watch/mute").status)
        self.server.gate.set()

    def test_a_watch_of_our_own_server_outlives_them(self):
        create_token(self.place.store)
        runsd = Serve(self.place.store)
        self.addCleanup(runsd.stop)
        with open("/usr/share/grpc-proto/grpc/health/v1/health.proto", encoding="utf-8") as file:
            health = descriptor_set(self.place.path, "health", file.read())
        gateway = Gateway(runsd.grpc, "--descriptors", health, "--unbound-methods",
                          "--stream-heartbeat-ms", str(HEARTBEAT_MS))
        self.addCleanup(gateway.kill)
        for name, start in PROXIES.items():
            proxy = start(self, self.place.path, gateway.port)
            with self.subTest(name):
                stream = Events(self, proxy.port, "/grpc.health.v1.Health/Watch",
                                "Content-Length: 0\r\n", "POST")
                self.assertEqual(200, stream.status)
                stream.until(b'"status":"SERVING"')
                stream.until(b": heartbeat\n\n")
                end = time.monotonic() + 2 * TIMEOUT_S
                while time.monotonic() < end:
                    count = stream.received.count(b": heartbeat")
                    stream.received += stream.socket.recv(1 << 16)
                    self.assertGreaterEqual(stream.received.count(b": heartbeat"), count)
                    self.assertFalse(stream.received.endswith(b"0\r\n\r\n"), stream.received)
                stream.socket.close()

    def test_events_are_resumed_by_their_ids(self):
        port = self.gateway().port
        first = Events(self, port, "/v1/watch/lossy").rest()
        self.assertIn(b"id: 1\ndata: {", first)
        self.assertIn(b"id: 2\ndata: {", first)
        self.assertIn(b"event: stream-error\ndata: {", first)
        # The header beats the URL, which a browser repeats.
        second = Events(self, port, "/v1/watch/lossy?after=0", "Last-Event-ID: 2\r\n").rest()
        self.assertNotIn(b"id: 2\n", second)
        self.assertIn(b"id: 3\n", second)
        self.assertIn(b"id: 4\n", second)
        self.assertEqual(204, Events(self, port, "/v1/watch/lossy", "Last-Event-ID: 4\r\n").status)
        self.assertEqual(204, Events(self, port, "/v1/watch/none").status)
        # An empty one is none.
        self.assertIn(b"id: 1\n", Events(self, port, "/v1/watch/lossy",
                                         "Last-Event-ID:\r\n").rest())
        self.assertEqual([0, 2, 4, 0, 0], [after for _, after in self.server.asked])
        refused = rest.request(port, "GET", "/v1/watch/lossy", headers={"Last-Event-ID": "x"})
        self.assertEqual((400, "HEADER_INVALID"), (refused.status, refused.error["reason"]))
        self.assertIn("Last-Event-ID", refused.json()["message"])
        # Lines have no place for an id, but are resumed alike.
        lines = rest.request(port, "GET", "/v1/watch/lossy", headers={"Last-Event-ID": "2"})
        self.assertEqual([3, 4], [json.loads(line)["data"]["position"]
                                  for line in lines.body.decode().split("\n") if line])

    def test_a_browser_reads_on_where_it_was(self):
        gateway = self.gateway()
        modules = os.environ.get("NODE_MODULES")
        if not modules:
            raise RuntimeError("NODE_MODULES is not set: run script/test")
        proxies = {name: start(self, self.place.path, gateway.port)
                   for name, start in PROXIES.items()}
        for name, proxy in proxies.items():
            self.server.gate.clear()
            del self.server.asked[:]
            url = f"http://127.0.0.1:{proxy.port}"
            wanted = {"page": f"{url}/healthz", "streams": [
                {"url": f"{url}/v1/watch/quiet", "until": {"what": "message", "count": 1}},
                {"url": f"{url}/v1/watch/mute", "until": {"what": "message", "count": 1}},
                {"url": f"{url}/v1/watch/lossy", "until": {"what": "closed", "count": 1}},
            ]}

            def end_the_silence():
                wait_until(lambda: len({topic for topic, _ in self.server.asked}) == 3,
                           "the streams")
                time.sleep(SILENCE_S)  # is what is tested
                self.server.gate.set()
            opener = threading.Thread(target=end_the_silence)
            opener.start()
            done = subprocess.run(["node", str(ROOT / "tests" / "web" / "events.mjs")],
                                  input=json.dumps(wanted), capture_output=True, text=True,
                                  timeout=BROWSER_S, check=False)
            opener.join()
            self.assertEqual(0, done.returncode, done.stderr)
            quiet, mute, lossy = json.loads(done.stdout)
            with self.subTest(name):
                for told in (quiet, mute):
                    self.assertEqual([("open", None), ("message", "1")],
                                     [(one["what"], one.get("id")) for one in told])
                self.assertEqual(
                    [("open", None), ("message", "1"), ("message", "2"), ("stream-error", None),
                     ("again", None), ("open", None), ("message", "3"), ("message", "4"),
                     ("again", None), ("closed", None)],
                    [(one["what"], one.get("id")) for one in lossy])
                self.assertEqual("ABORTED", json.loads(lossy[3]["data"])["error"]["status"])
                self.assertEqual([0, 2, 4], [after for topic, after in self.server.asked
                                             if topic == "lossy"])


if __name__ == "__main__":
    unittest.main()
