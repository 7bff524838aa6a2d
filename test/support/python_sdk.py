"""OpenTelemetry's SDK of Python, recording rounds and exporting after each.

Takes one argument, JSON: {transport, url, tenant, temporality, gzip, job, bounds, rounds}. Every measurement of
the duration is made in a sampled span of its own, numbered from 1, so that it is an exemplar.
"""

import json
import sys

from opentelemetry import trace
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    MeterProvider,
    ObservableCounter,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource

TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C


def create_exporter(task):
    delta = AggregationTemporality.DELTA
    kinds = (Counter, ObservableCounter, Histogram) if task["temporality"] == "delta" else ()
    preferred = {kind: delta for kind in kinds}
    if task["transport"] == "grpc":
        import grpc
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

        return OTLPMetricExporter(
            endpoint=task["url"],
            insecure=True,
            headers=(("x-scope-orgid", task["tenant"]),),
            compression=grpc.Compression.Gzip if task["gzip"] else grpc.Compression.NoCompression,
            preferred_temporality=preferred,
            timeout=task["timeoutSeconds"],
        )
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    return OTLPMetricExporter(
        endpoint=task["url"],
        headers={"X-Scope-OrgID": task["tenant"]},
        compression=Compression.Gzip if task["gzip"] else Compression.NoCompression,
        preferred_temporality=preferred,
        timeout=task["timeoutSeconds"],
    )


def in_span(number):
    context = trace.SpanContext(
        trace_id=TRACE_ID,
        span_id=number,
        is_remote=False,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )
    return trace.use_span(trace.NonRecordingSpan(context))


def main():
    task = json.loads(sys.argv[1])
    reader = PeriodicExportingMetricReader(
        create_exporter(task), export_interval_millis=float("inf"), export_timeout_millis=120_000
    )
    provider = MeterProvider(
        metric_readers=[reader],
        resource=Resource(
            {"service.name": task["job"], "service.instance.id": "1", "host.name": "here"}
        ),
        views=[
            View(
                instrument_name="request.duration",
                aggregation=ExplicitBucketHistogramAggregation(task["bounds"]),
            ),
            View(
                instrument_name="request.size",
                aggregation=ExponentialBucketHistogramAggregation(),
            ),
        ],
    )
    meter = provider.get_meter("test")
    requests = meter.create_counter("requests", description="Requests.")
    queue = meter.create_up_down_counter("queue.length")
    duration = meter.create_histogram("request.duration", unit="s")
    size = meter.create_histogram("request.size", unit="By")
    fill = [0.0]
    meter.create_observable_gauge(
        "fill", [lambda _: [Observation(fill[0], {"disk": "wörk"})]], unit="1"
    )
    span = 0
    for round in task["rounds"]:
        for route, count in round["requests"].items():
            requests.add(count, {"http.route": route})
        queue.add(round["queue"])
        for seconds in round["seconds"]:
            span += 1
            with in_span(span):
                duration.record(seconds)
        for count in round["bytes"]:
            size.record(count)
        fill[0] = round["fill"]
        provider.force_flush()


main()
