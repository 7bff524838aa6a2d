// Produces with acks=all and idempotence: a record is acknowledged once it is in all in-sync replicas,
// and the client's own retries neither duplicate nor reorder. A fatal error of the client makes a new
// one; what waited is rejected, since nobody knows whether it was written.
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { ProduceRecord } from '../partition-log.ts';
import { clientConfig } from './client-config.ts';
import { CODE, type Driver, disconnect, type KafkaProducer, kafkaError } from './driver.ts';
import type { KafkaSettings } from './flags.ts';
import { createGathering, type Gathered } from './gathering.ts';
import type { Trouble } from './trouble.ts';

/** Key, header and framing of a record on top of its value, generously. */
const RECORD_OVERHEAD_BYTES = 64 * 1024;
const BATCH_SIZE_BYTES = 1_000_000;
const FLUSH_AT_CLOSE_MS = 5000;
const CLIENT_LINGER_MS = 1;

/** The client has failed for good, and gives up what it holds. */
const ENDS = new Set<number>([CODE.fatal, CODE.purgedInQueue, CODE.purgedInFlight]);

export interface Producer {
  produce(records: readonly ProduceRecord[]): Promise<number[]>;
  close(): Promise<void>;
}

export interface ProducerParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly emptyIsTombstone: boolean;
  readonly trouble: Trouble;
  readonly limits: ProducerLimits;
}

interface Request {
  readonly offsets: number[];
  waiting: number;
  resolve(offsets: number[]): void;
  reject(error: unknown): void;
}

interface Part {
  readonly request: Request;
  readonly index: number;
}

/** What one message of the client was made of. */
interface Opaque {
  readonly client: KafkaProducer;
  readonly partition: number;
  readonly sentMs: number;
  readonly parts: readonly Part[];
}

interface Report {
  readonly offset: number;
  readonly opaque: Opaque;
}

/** What the topic allows beside what the settings say. */
export interface ProducerLimits {
  readonly recordSizeMaxBytes: number;
  /** Of a batch as the broker stores it. */
  readonly messageMaxBytes?: number;
}

export function producerConfig(settings: KafkaSettings, limits: ProducerLimits, clock: Clock) {
  return {
    ...clientConfig(settings, clock),
    acks: -1,
    'enable.idempotence': true,
    // What may wait is gathered before the client gets it; this lets it take the records of a push at once.
    'linger.ms': Math.min(CLIENT_LINGER_MS, settings.lingerMs),
    'compression.codec': settings.compression,
    // The broker's limit is for a batch, and a batch that it refuses is not divided.
    'batch.size': Math.min(BATCH_SIZE_BYTES, limits.messageMaxBytes ?? BATCH_SIZE_BYTES),
    'message.max.bytes': limits.recordSizeMaxBytes + RECORD_OVERHEAD_BYTES,
    'message.timeout.ms': settings.writeTimeoutMs,
    'queue.buffering.max.kbytes': Math.ceil(settings.bufferedMaxBytes / 1024),
    'queue.buffering.max.messages': 1_000_000,
    dr_cb: true,
  };
}

export async function openProducer(
  driver: Driver,
  settings: KafkaSettings,
  { clock, log, emptyIsTombstone, trouble, limits }: ProducerParts,
): Promise<Producer> {
  const waiting = new Set<Request>();
  let client: KafkaProducer | undefined;
  let opening: Promise<KafkaProducer> | undefined;
  let closed = false;

  const settle = (error: unknown, { offset, opaque }: Report) => {
    const { partition, parts } = opaque;
    if (error) {
      if (ENDS.has((error as { code?: number }).code ?? 0)) replace(error);
      const reason = trouble.explain(kafkaError('produce', error));
      for (const { request } of parts) fail(request, reason);
    } else for (const part of parts) arrived(part, offset);
    if (opaque.client !== client) return;
    gathering.done(partition, error ? undefined : clock.steadyMs() - opaque.sentMs);
  };
  const arrived = ({ request, index }: Part, offset: number) => {
    request.offsets[index] = offset;
    if (--request.waiting > 0) return;
    waiting.delete(request);
    request.resolve(request.offsets);
  };
  const fail = (request: Request, error: unknown) => {
    waiting.delete(request);
    request.reject(error);
  };

  const openClient = async (): Promise<KafkaProducer> => {
    const opened = new driver.Producer(producerConfig(settings, limits, clock) as object);
    trouble.watch(opened);
    opened.on('delivery-report', (error, report) => settle(error, report as Report));
    opened.on('event.error', (error) => {
      if (error.code === CODE.fatal && opened === client) replace(error);
    });
    await trouble.connect(opened, settings.writeTimeoutMs);
    opened.setPollInBackground(true);
    client = opened;
    return opened;
  };

  /** Drops the broken client and rejects what it held; the next produce opens another. */
  const replace = (cause: unknown) => {
    const broken = client;
    if (broken === undefined) return;
    client = undefined;
    gathering.clear();
    log.error({ err: cause }, 'kafka producer failed for good: a new one takes over');
    const reason = trouble.explain(kafkaError('produce', cause));
    for (const request of waiting) fail(request, reason);
    disconnect(broken).catch((error: unknown) => {
      log.warn({ err: error }, 'kafka producer did not close');
    });
  };

  const ready = (): Promise<KafkaProducer> | KafkaProducer => {
    if (client !== undefined) return client;
    opening ??= openClient().finally(() => {
      opening = undefined;
    });
    return opening;
  };

  const send = (to: KafkaProducer, gathered: Gathered<Part>) => {
    const { partition, key, values, parts } = gathered;
    const nowMs = Math.floor(clock.nowMs());
    const opaque: Opaque = { client: to, partition, sentMs: clock.steadyMs(), parts };
    const value = values.length === 1 ? buffer(values[0]!) : Buffer.concat(values);
    const body = emptyIsTombstone && value.length === 0 ? null : value;
    to.produce(settings.topic, partition, body, buffer(key), nowMs, opaque, headersOf(gathered));
  };
  const { recordSizeMaxBytes } = limits;
  const gathering = createGathering<Part>(
    { lingerMs: settings.lingerMs, recordSizeMaxBytes },
    {
      clock,
      send(gathered) {
        try {
          if (client === undefined) throw new WeirError('unavailable', 'kafka producer failed');
          send(client, gathered);
        } catch (error) {
          const reason = kafkaError('produce', error);
          for (const { request } of gathered.parts) fail(request, reason);
          gathering.done(gathered.partition);
        }
      },
    },
  );

  await ready();
  return {
    async produce(records) {
      if (closed) throw new WeirError('closed', 'kafka log is closed');
      if (records.length === 0) return [];
      await ready();
      return await new Promise<number[]>((resolve, reject) => {
        const request: Request = { offsets: [], waiting: records.length, resolve, reject };
        waiting.add(request);
        for (const [index, record] of records.entries()) gathering.add(record, { request, index });
      });
    },
    async close() {
      closed = true;
      const last = client;
      if (last === undefined) return;
      gathering.flush();
      await new Promise<void>((resolve) => {
        last.flush(FLUSH_AT_CLOSE_MS, () => resolve());
      });
      client = undefined;
      for (const request of waiting) fail(request, new WeirError('closed', 'kafka log is closed'));
      await disconnect(last);
    },
  };
}

function headersOf({ version, traceparent }: Gathered<Part>) {
  const headers: Record<string, Buffer>[] = [];
  if (version > 0) headers.push({ Version: versionHeader(version) });
  if (traceparent !== undefined) headers.push({ traceparent: Buffer.from(traceparent) });
  return headers.length > 0 ? headers : undefined;
}

function versionHeader(version: number): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(version);
  return header;
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
