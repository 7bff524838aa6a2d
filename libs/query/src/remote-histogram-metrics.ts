// The client side of a `histogramMetrics` read: its steps as they come, none of them kept.
import { decodeJson } from './read-message.ts';
import type { ReadHistogramMetric, ReadPort, ReadRequest } from './read-port.ts';

export async function* readHistogramMetrics(
  port: ReadPort,
  request: ReadRequest,
  signal: AbortSignal,
): AsyncGenerator<readonly ReadHistogramMetric[]> {
  for await (const message of port.read(request, signal)) {
    yield decodeJson(message) as ReadHistogramMetric[];
  }
}
