// How much partitions read ahead, alone and together; what is asked of brokers that are only beginning to know.
import type { Clock } from '@weir/runtime';
import { describe, expect, it } from 'vitest';
import { CODE, type KafkaConsumer } from './driver.ts';
import { askWatermarks, shareOf } from './reader.ts';

const MIB = 1 << 20;

it('is what one may, until all together would have more than they may', () => {
  const limits = { partitionBufferBytes: 4 * MIB, bufferBytesMax: 128 * MIB };
  expect(shareOf(limits, 0)).toBe(4 * MIB);
  expect(shareOf(limits, 32)).toBe(4 * MIB);
  expect(shareOf(limits, 33)).toBeLessThan(4 * MIB);
  expect(shareOf(limits, 1000) * 1000).toBeLessThanOrEqual(128 * MIB);
  expect(shareOf(limits, 1_000_000)).toBe(64 * 1024);
  expect(shareOf({ ...limits, bufferBytesMax: 0 }, 1000)).toBe(4 * MIB);
  // A smaller limit of one stays.
  expect(shareOf({ ...limits, partitionBufferBytes: 1000 }, 1)).toBe(1000);
});

describe('the ends of a partition', () => {
  const TIMEOUT_MS = 5_000;

  /** Answers with these codes in turn, then with offsets 3 and 7. */
  function client(...codes: number[]) {
    const query = (
      _topic: string,
      _partition: number,
      _ms: number,
      done: (error: object | null, ends?: object) => void,
    ) => {
      const code = codes.shift();
      if (code === undefined) done(null, { lowOffset: 3, highOffset: 7 });
      else done({ code, message: `code ${code}` });
    };
    return { queryWatermarkOffsets: query } as unknown as KafkaConsumer;
  }

  function asked(kafka: KafkaConsumer) {
    let nowMs = 0;
    const clock = {
      steadyMs: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms;
      },
    } as Clock;
    return askWatermarks(kafka, 'topic', TIMEOUT_MS, clock).watermarks(0);
  }

  it('are asked for again while brokers do not know the topic or its leader yet', async () => {
    const known = client(CODE.unknownTopic, CODE.leaderNotAvailable, CODE.notLeader);
    expect(await asked(known)).toEqual({ start: 3, end: 7 });
  });

  it('are not known where that lasts, or anything else is wrong', async () => {
    const never = client(...Array.from({ length: 100 }, () => CODE.unknownTopic));
    await expect(asked(never)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(asked(client(CODE.topicForbidden))).rejects.toThrow('code 29');
  });
});
