"""A gRPC server whose methods answer what a test says, one answer after the other: for what a real
one does rarely, or too fast to be seen."""

import concurrent.futures
import threading

import grpc

from scripted_feed import End


class Calls:
    """Serves methods, {name: (service, type of the request)}. Each call is answered with the next of
    answers[name]: a message, an End, or an Event to wait for before the next one; the last is kept. A
    list is a stream's: of messages, Ends and Events. requests[name] is what was asked."""

    def __init__(self, test, methods, answers):
        self.answers = {name: list(answers.get(name, ())) for name in methods}
        self.requests = {name: [] for name in methods}
        self.is_over = threading.Event()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        for name, (service, request) in methods.items():
            is_stream = any(isinstance(answer, list) for answer in self.answers[name])
            kind = (grpc.unary_stream_rpc_method_handler if is_stream
                    else grpc.unary_unary_rpc_method_handler)
            serve = self._stream if is_stream else self._answer
            handler = kind(lambda request, context, name=name, serve=serve: serve(name, request, context),
                           request.FromString, lambda m: m.SerializeToString())
            self.server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, {name: handler}),))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()
        test.addCleanup(self._stop)

    def _stop(self):
        self.is_over.set()
        self.server.stop(None).wait()

    def _next(self, name):
        answers = self.answers[name]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _wait(self, event):
        while not event.wait(0.05) and not self.is_over.is_set():
            pass

    def _answer(self, name, request, context):
        self.requests[name].append(request)
        answer = self._next(name)
        while isinstance(answer, threading.Event):
            self._wait(answer)
            answer = self._next(name)
        if isinstance(answer, End):
            answer.abort(context)
        return answer

    def _stream(self, name, request, context):
        self.requests[name].append(request)
        context.send_initial_metadata(())
        for item in self._next(name):
            if isinstance(item, End):
                item.abort(context)
            elif isinstance(item, threading.Event):
                self._wait(item)
            else:
                yield item
