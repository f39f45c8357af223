"""A collector of traces on loopback, as OpenTelemetry's own would stand there."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """What a collector was sent."""

    def __init__(self) -> None:
        self.spans: list[ExportTraceServiceRequest] = []
        self.raw = ""
        received = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                plain = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
                received.spans.append(ExportTraceServiceRequest.FromString(plain))
                received.raw += str(received.spans[-1])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def all(self) -> list[Span]:
        """All spans, in the order they came."""
        return [
            span
            for each in self.spans
            for resource in each.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def names(self) -> list[str]:
        """Of all spans."""
        return [span.name for span in self.all()]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
