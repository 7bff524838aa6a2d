// Samples as senders have them, and the remote write body that carries them.
export interface AgentSample {
  /** Canonical. */
  readonly labels: Uint8Array;
  readonly t: number;
  readonly v: number;
}

/** prometheus.WriteRequest, a series per label set. */
export function encodeSamples(samples: readonly AgentSample[]): Buffer {
  const byLabels = new Map<Uint8Array, AgentSample[]>();
  for (const sample of samples) {
    const known = byLabels.get(sample.labels);
    if (known === undefined) byLabels.set(sample.labels, [sample]);
    else known.push(sample);
  }
  const parts: Uint8Array[] = [];
  for (const [labels, all] of byLabels) {
    const encoded = all.map(({ t, v }) => {
      const value = Buffer.alloc(9);
      value[0] = 0x09;
      value.writeDoubleLE(v, 1);
      return field(0x12, Buffer.concat([value, Buffer.from([0x10]), varint(t)]));
    });
    parts.push(field(0x0a, Buffer.concat([labels, ...encoded])));
  }
  return Buffer.concat(parts);
}

function field(tag: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag]), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let left = value;
  while (left >= 128) {
    out.push((left % 128) | 128);
    left = Math.floor(left / 128);
  }
  out.push(left);
  return Buffer.from(out);
}
