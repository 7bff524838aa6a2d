// A large range query of a real process as each coding: the same answer, by our own decoder and by curl where it is at hand.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { zstdDecompress } from '@weir/wire';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { push } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const STEP_MS = 15_000;
const STEPS = 200;
const SERIES = 600;
let directory: string;
let weir: WeirProcess;
let url: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-compressed-'));
  const flags = ['-target=all', `-data-dir=${directory}`, '-log.level=warn'];
  weir = new WeirProcess({ port: await freePort(), flags });
  await weir.start();
  const startMs = Math.floor(Date.now() / STEP_MS) * STEP_MS - STEPS * STEP_MS;
  const times = Array.from({ length: STEPS }, (_, step) => startMs + step * STEP_MS);
  const series = Array.from({ length: SERIES }, (_, at) => ({
    labels: { __name__: 'temperature', instance: `i-${at}`, ort: 'Zürich' },
    samples: times.map((time) => [time, Math.sin(time + at)] as const),
  }));
  expect((await push(weir.base, series)).status).toBe(200);
  const range = `start=${startMs / 1000}&end=${times.at(-1)! / 1000}&step=15`;
  url = `${weir.base}/prometheus/api/v1/query_range?query=temperature&${range}`;
});

afterAll(async () => {
  await weir?.stop();
  await rm(directory, { recursive: true });
});

async function ask(coding: string): Promise<{ answer: IncomingMessage; body: Buffer }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'x-scope-orgid': 'test', 'accept-encoding': coding };
    get(url, { headers }, resolve).on('error', reject);
  });
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return { answer, body: Buffer.concat(parts) };
}

function unzstd(body: Uint8Array): Buffer {
  const bound = { sizeMaxBytes: 1e8, tooLarge: () => new Error('too large') as never };
  for (const steps = zstdDecompress(body, bound); ; ) {
    const { done, value } = steps.next();
    if (done) return Buffer.from(value);
  }
}

it('answers gzip and zstd as it answers plain, and smaller', async () => {
  const plain = await ask('identity');
  expect(JSON.parse(plain.body.toString()).data.result).toHaveLength(SERIES);
  expect(plain.answer.headers['content-encoding']).toBeUndefined();
  const gzip = await ask('br, gzip');
  const zstd = await ask('br, zstd');
  for (const [{ answer }, coding] of [[gzip, 'gzip'] as const, [zstd, 'zstd'] as const]) {
    expect(answer.headers).toMatchObject({ 'content-encoding': coding, vary: 'Accept-Encoding' });
    // Streamed: nobody knew how long it would become.
    expect(answer.headers['content-length']).toBeUndefined();
  }
  expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true);
  expect(unzstd(zstd.body).equals(plain.body)).toBe(true);
  expect(zstd.body.length).toBeLessThan(gzip.body.length);
  expect(gzip.body.length).toBeLessThan(plain.body.length / 2);
});

it('is understood by curl', async () => {
  const plain = await ask('identity');
  const features = spawnSync('curl', ['-V']).stdout?.toString() ?? '';
  for (const coding of ['gzip', 'zstd'].filter((each) => features.includes(each))) {
    const args = ['-sS', '--compressed', '-H', `accept-encoding: ${coding}`];
    const tenant = ['-H', 'x-scope-orgid: test'];
    const { stdout } = spawnSync('curl', [...args, ...tenant, url], { maxBuffer: 1e8 });
    expect(stdout.equals(plain.body)).toBe(true);
  }
});
