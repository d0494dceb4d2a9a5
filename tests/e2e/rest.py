"""REST requests as the tests send them."""

import http.client
import json
import socket
from collections import OrderedDict

import documents

TIMEOUT_S = 60


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # http.client.HTTPMessage
        self.body = body

    def json(self):
        return json.loads(self.body, object_pairs_hook=OrderedDict)

    @property
    def error(self):
        return self.json().get("error", {})


def request(port, method, path, token=None, body=None, headers=None):
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        return request_on(connection, method, path, token, body, headers)
    finally:
        connection.close()


def request_on(connection, method, path, token=None, body=None, headers=None):
    all_headers = dict(headers or {})
    if token is not None:
        all_headers.setdefault("Authorization", f"Bearer {token}")
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    if body is not None:
        all_headers.setdefault("Content-Type", "application/json")
    connection.request(method, path, body=body, headers=all_headers)
    response = connection.getresponse()
    reply = Reply(response.status, response.headers, response.read())
    documents.received(connection.port, method, path, reply.status, reply.headers, reply.body)
    return reply


def raw(port, data):
    """Sends bytes as they are and reads one reply; None if none came."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as s:
        try:
            s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the reply may be there all the same
        response = http.client.HTTPResponse(s)
        try:
            response.begin()
            return Reply(response.status, response.headers, response.read())
        except (http.client.BadStatusLine, ConnectionResetError):
            return None
        finally:
            response.close()


def raw_half_close(port, data):
    """Sends bytes, says that no more follow, and returns what comes; None if
    the connection is closed without a byte."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        try:
            return s.recv(65536) or None
        except ConnectionResetError:
            return None
