// Bodies that try to take more than they may, against a running Weir: bombs of each compression, bodies of 100 MiB
// at, under and over the limits, declared and chunked. Each gets a clear answer; memory stays within what
// -distributor.instance-limits.max-inflight-push-requests-bytes allows, and other pushes go on.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { forgetPeak, memoryOf } from '../support/process-memory.ts';
import { RawClient } from '../support/raw-http.ts';
import { encodeWriteRequest } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const MIB = 1 << 20;
const LIMIT = 100 * MIB;
/** Beside the bodies themselves: their copies on the way, and what isn't collected yet. */
const SLACK_MIB = 400;
const PUSH = '/api/v1/push';
const OTLP = '/otlp/v1/metrics';
const INFLUX = '/api/v1/push/influx/write';
const TENANT = { 'x-scope-orgid': 'test' };
const PROTOBUF = { ...TENANT, 'content-type': 'application/x-protobuf' };

let weir: WeirProcess;
let directory: string;

async function start(...flags: string[]): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), 'weir-hostile-'));
  weir = new WeirProcess({
    port: await freePort(),
    flags: [
      ...['-target=all', `-data-dir=${directory}`, '-log.level=error'],
      ...['-distributor.influx-endpoint-enabled=true', ...flags],
    ],
  });
  await weir.start();
  await expectTaken();
}

async function stop(): Promise<void> {
  await weir.stop();
  await rm(directory, { recursive: true });
}

async function post(path: string, body: Uint8Array, headers: Record<string, string>) {
  const answer = await fetch(weir.base + path, {
    method: 'POST',
    body: new Uint8Array(body),
    headers,
  });
  return { status: answer.status, text: (await answer.text()).trim() };
}

/** A good push is taken. */
async function expectTaken(): Promise<void> {
  const series = [{ labels: { __name__: 'up' }, samples: [[Date.now(), 1]] as const }];
  expect((await post(PUSH, compressSync(encodeWriteRequest(series)), PROTOBUF)).status).toBe(200);
}

/** A frame of `size` zeros in blocks of 128 KiB. */
function zstdOf(size: number): Buffer {
  const blocks = Buffer.alloc(Math.ceil(size / 131_072) * 4);
  for (let at = 0, rest = size; rest > 0; at += 4, rest -= 131_072) {
    const header = (Math.min(rest, 131_072) << 3) | 2 | (rest <= 131_072 ? 1 : 0);
    blocks.writeUIntLE(header, at, 3);
  }
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x60]), blocks]);
}

/** A protobuf message of `size` bytes that nobody knows the only field of. */
function unknownField(size: number): Buffer {
  const message = Buffer.alloc(size);
  const length = size - 5;
  message[0] = 0x7a;
  for (let at = 1; at < 5; at++)
    message[at] = ((length >> (7 * (at - 1))) & 127) | (at < 4 ? 128 : 0);
  return message;
}

const push = (size: string) =>
  `the incoming push request has been rejected because its message size of ${size} is larger than the allowed limit of ${LIMIT} bytes (err-mimir-distributor-max-write-message-size). To adjust the related limit, configure -distributor.max-recv-msg-size, or contact your service administrator.`;
const other = (name: string, flag: string, size = '') =>
  `the incoming ${name} request has been rejected because its message size${size} is larger than the allowed limit of ${LIMIT} bytes (err-mimir-distributor-${flag}). To adjust the related limit, configure -distributor.${flag}, or contact your service administrator.`;

describe('bodies of 100 MiB', () => {
  beforeAll(() => start());
  afterAll(stop);
  afterEach(expectTaken);

  it('are taken at the limit, refused over it, in each protocol', {
    timeout: 120_000,
  }, async () => {
    const compressed = (size: number) => compressSync(unknownField(size));
    expect(await post(PUSH, compressed(LIMIT), PROTOBUF)).toEqual({ status: 200, text: '' });
    const over = await post(PUSH, compressed(LIMIT + 1), PROTOBUF);
    expect(over).toEqual({ status: 400, text: push(`${LIMIT + 1} bytes (uncompressed)`) });
    expect((await post(OTLP, unknownField(LIMIT), PROTOBUF)).status).toBe(200);
    const otlp = await post(OTLP, unknownField(LIMIT + 1), PROTOBUF);
    expect(otlp.status).toBe(413);
    const declared = ` of ${LIMIT + 1} bytes (compressed)`;
    expect(otlp.text).toContain(other('OTLP', 'max-otlp-request-size', declared));
    const remark = Buffer.alloc(LIMIT, '#');
    expect((await post(INFLUX, remark, TENANT)).status).toBe(204);
    const influx = await post(INFLUX, Buffer.concat([remark, remark.subarray(0, 1)]), TENANT);
    expect(influx.status).toBe(413);
    expect(JSON.parse(influx.text).error).toBe(
      other('Influx', 'max-influx-request-size', declared),
    );
  });

  it.each([
    ['declared', 150, `content-length: ${150 * MIB}`],
    ['chunked', 101, 'transfer-encoding: chunked'],
  ])(
    'over the limit, %s: a sender that reads only afterwards sees why',
    async (kind, size, header) => {
      const client = await new RawClient(Number(new URL(weir.base).port)).opened();
      forgetPeak(weir.pid!);
      const before = memoryOf(weir.pid!).nowMiB;
      await client.send(
        `POST ${PUSH} HTTP/1.1\r\nhost: x\r\nx-scope-orgid: test\r\n${header}\r\n\r\n`,
      );
      await client.sendMany(size * MIB, Buffer.alloc(MIB), kind === 'chunked');
      const { status, body } = await client.answer();
      const isExact = kind === 'declared';
      expect(status).toBe(400);
      expect(body).toMatch(
        isExact
          ? push(`${150 * MIB} bytes (compressed)`)
          : /message size of \d+ bytes \(compressed\)/,
      );
      if (isExact) expect(memoryOf(weir.pid!).peakMiB - before).toBeLessThan(100);
      // And may go on.
      await client.send('POST /api/v1/push HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
      expect((await client.answer()).status).toBe(401);
      client.end();
    },
  );
});

describe('bombs', () => {
  const ROOM_MIB = 256;

  beforeAll(() =>
    start(`-distributor.instance-limits.max-inflight-push-requests-bytes=${ROOM_MIB * MIB}`),
  );
  afterAll(stop);
  afterEach(expectTaken);

  const zeros = Buffer.alloc(80 * MIB);
  const bombs: [string, string, Uint8Array][] = [
    ['gzip', OTLP, gzipSync(zeros)],
    ['zstd', OTLP, zstdOf(zeros.length)],
    ['lz4', OTLP, compressFrameSync(zeros)],
    ['gzip', INFLUX, gzipSync(zeros)],
  ];

  it.each(bombs)('of %s to %s, 64 at once, are bounded in memory', async (encoding, path, bomb) => {
    forgetPeak(weir.pid!);
    const before = memoryOf(weir.pid!).nowMiB;
    const headers = { ...(path === OTLP ? PROTOBUF : TENANT), 'content-encoding': encoding };
    const answers = await Promise.all(Array.from({ length: 64 }, () => post(path, bomb, headers)));
    const statuses = new Set(answers.map(({ status }) => status));
    // No OTLP, no line; or no room.
    for (const status of statuses) expect(status).toBeOneOf([400, 503]);
    expect(memoryOf(weir.pid!).peakMiB - before).toBeLessThan(ROOM_MIB + SLACK_MIB);
  });

  it.each(['gzip', 'zstd', 'lz4'])('of %s beyond the limit get 413', async (encoding) => {
    const size = LIMIT + MIB;
    const more = Buffer.alloc(size);
    const [gzip, zstd, lz4] = [gzipSync(more), zstdOf(size), compressFrameSync(more)];
    const body = { gzip, zstd, lz4 }[encoding]!;
    const answer = await post(OTLP, body, { ...PROTOBUF, 'content-encoding': encoding });
    expect(answer.status).toBe(413);
    expect(answer.text).toContain(other('OTLP', 'max-otlp-request-size'));
  });

  it('in a bomb are not unpacked twice', async () => {
    const nested = gzipSync(gzipSync(zeros));
    const answer = await post(OTLP, nested, { ...PROTOBUF, 'content-encoding': 'gzip' });
    expect(answer.status).toBe(400);
  });

  it.each([
    ['four GiB in ten bytes', Buffer.from('ffffffff0f0061', 'hex'), /declared size|larger than/],
    ['more than any input holds', Buffer.from('8080802000', 'hex'), /declared size|larger than/],
    ['no length at all', Buffer.from('ffffffffffffffffffff', 'hex'), /snappy/],
    ['half of what it says', compressSync(Buffer.alloc(MIB)).subarray(0, 40_000), /snappy/],
  ])('of snappy that lies: %s', async (_, body, text) => {
    const answer = await post(PUSH, body, PROTOBUF);
    expect(answer.status).toBe(400);
    expect(answer.text).toMatch(text);
  });
});
