// What is understood, and that everything else is refused with what is.
import { describe, expect, it } from 'vitest';
import { parseArguments } from './arguments.ts';

const parse = (text: string) => parseArguments(text.split(' '), 'http://here:1').command;

describe('arguments', () => {
  it.each([
    ['--help', { kind: 'help' }],
    ['partitions list', { kind: 'list', json: false }],
    ['partitions list --json', { kind: 'list', json: true }],
    ['partitions watch', { kind: 'watch', intervalMs: 2_000 }],
    ['partitions watch --interval 500ms', { kind: 'watch', intervalMs: 500 }],
    ['partitions scale --to 4', { kind: 'scale', to: 4, waitMs: 600_000 }],
    ['partitions scale --to=4 --no-wait', { kind: 'scale', to: 4, waitMs: 0 }],
    [
      'partitions drain pod-1 --timeout 1m',
      { kind: 'drain', instance: 'pod-1', undo: false, waitMs: 60_000 },
    ],
    [
      'partitions drain pod-1 --undo',
      { kind: 'drain', instance: 'pod-1', undo: true, waitMs: 600_000 },
    ],
    ['partitions lock 3 4', { kind: 'lock', partitions: [3, 4], locked: true }],
    ['partitions unlock 0', { kind: 'lock', partitions: [0], locked: false }],
  ])('%s', (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it.each([
    ['tenants list', 'unknown command'],
    ['partitions', 'unknown command'],
    ['partitions toString', 'unknown command'],
    ['partitions list 3', 'takes no 3'],
    ['partitions list --to 3', 'has no --to'],
    ['partitions scale', 'needs --to N'],
    ['partitions scale --to -1', 'ambiguous'],
    ['partitions scale --to=-1', 'not a number'],
    ['partitions scale --to 1.5', 'not a number'],
    ['partitions scale --to many', 'not a number'],
    ['partitions scale --to 3 --timeout 0s', 'no'],
    ['partitions drain', 'one INSTANCE'],
    ['partitions drain a b', 'one INSTANCE'],
    ['partitions lock', 'needs partitions'],
    ['partitions lock x', 'not a number'],
    ['partitions list --jsn', 'Unknown option'],
    ['partitions list --address http://', 'no URL'],
  ])('refuses %s', (text, reason) => {
    expect(() => parse(text)).toThrow(reason);
    expect(() => parse(text)).toThrow('weirctl --help');
  });

  it('take an address with or without its scheme, and no slash at the end', () => {
    const address = (...argv: string[]) => parseArguments(argv, 'http://here:1').address;
    expect(address('partitions', 'list')).toBe('http://here:1');
    expect(address('partitions', 'list', '--address', 'pod-0:8080')).toBe('http://pod-0:8080');
    expect(address('--address=https://x/weir/', 'partitions', 'list')).toBe('https://x/weir');
  });
});
