// Answers of a broker are bytes from outside: read as they are meant, and never past their end.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { int8, int16, int32, ProtocolReader, text } from './protocol-bytes.ts';
import { parseConfigs, topicSettingsOf } from './topic-settings.ts';

const missing = int16(-1);
const config = (name: string, value: Buffer) => [
  text(name),
  value,
  int8(0),
  int8(5),
  int8(0),
  int32(0),
];
const answerOf = (code: number, message: Buffer, configs: Buffer[][]) =>
  Buffer.concat([
    ...[int32(0), int32(1), int16(code), message, int8(2), text('topic')],
    ...[int32(configs.length), ...configs.flat()],
  ]);
const parse = (bytes: Buffer) => parseConfigs(new ProtocolReader(bytes));

describe("a topic's settings", () => {
  it('are read from an answer; what has no value is left out', () => {
    const found = parse(
      answerOf(0, missing, [
        config('max.message.bytes', text('1048588')),
        config('other', missing),
      ]),
    );
    expect([...found]).toEqual([['max.message.bytes', '1048588']]);
  });

  it('are numbers above zero: -1 is no limit, and other words are none', () => {
    const of = (entries: Record<string, string>) =>
      topicSettingsOf(new Map(Object.entries(entries)));
    expect(of({ 'retention.ms': '-1', 'max.message.bytes': 'many' })).toEqual({});
    expect(of({ 'retention.ms': '1', 'min.insync.replicas': '2' })).toEqual({
      retentionMs: 1,
      inSyncReplicasMin: 2,
    });
    expect(of({ 'cleanup.policy': 'compact,delete' })).toEqual({ compacted: true });
    expect(of({ 'cleanup.policy': 'delete' })).toEqual({ compacted: false });
  });

  it("are an error with the broker's reason when it refuses", () => {
    expect(() => parse(answerOf(29, text('Topic authorization failed.'), []))).toThrow(
      'Topic authorization failed.',
    );
  });

  it('are an error, never a wrong read, for any cut or foreign bytes', () => {
    const whole = answerOf(0, missing, [config('retention.ms', text('7200000'))]);
    for (let length = 0; length < whole.length; length++) {
      expect(() => parse(whole.subarray(0, length))).toThrow(/kafka answer/);
    }
    const attempt = (bytes: Uint8Array) => {
      try {
        parse(Buffer.from(bytes));
      } catch (error) {
        expect(error).toMatchObject({ name: 'WeirError' });
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt));
  });
});
