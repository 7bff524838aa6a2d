// A scan that is answered from memory is what the store would answer now, whatever is written meanwhile.
import { describe, expect, it } from 'vitest';
import type { HeadStore } from '../head.ts';
import { createMemoryHeadStore } from '../memory/memory-store.ts';
import { createCheckedStore } from './checked-store.ts';

const FROM = Uint8Array.of(1);
const TO = Uint8Array.of(2);

/** A store that counts its scans. */
function counted(): { readonly store: HeadStore; readonly scans: () => number } {
  const inner = createMemoryHeadStore();
  let scans = 0;
  const store: HeadStore = {
    ...inner,
    scan(from, to) {
      scans++;
      return inner.scan(from, to);
    },
  };
  return { store: createCheckedStore(store), scans: () => scans };
}

const row = (at: number, size = 3): [Uint8Array, Uint8Array] => [
  Uint8Array.of(1, at),
  new Uint8Array(size).fill(at),
];

async function told(store: HeadStore, from = FROM, to = TO): Promise<number[]> {
  const found: number[] = [];
  for await (const rows of store.scan(from, to)) {
    for (const [key, value] of rows) {
      expect(value.every((byte) => byte === key[1])).toBe(true);
      found.push(key[1]!);
    }
  }
  return found;
}

describe('scans of a checked store', () => {
  it('are answered again without the store until something is written', async () => {
    const { store, scans } = counted();
    await store.write({ puts: [row(1), row(2)], deletes: [] }, false);
    expect(await told(store)).toEqual([1, 2]);
    expect(await told(store)).toEqual([1, 2]);
    expect(await told(store, FROM, Uint8Array.of(1, 2))).toEqual([1]);
    expect(scans()).toBe(2);
    await store.write({ puts: [row(3)], deletes: [Uint8Array.of(1, 1)] }, false);
    expect(await told(store)).toEqual([2, 3]);
    expect(scans()).toBe(3);
    await store.close();
  });

  it('are not kept where a write began or ended meanwhile, or their reader left', async () => {
    const { store, scans } = counted();
    await store.write({ puts: [row(1)], deletes: [] }, false);
    for await (const _ of store.scan(FROM, TO)) {
      await store.write({ puts: [row(2)], deletes: [] }, false);
    }
    expect(await told(store)).toEqual([1, 2]);
    const writing = store.write({ puts: [row(3)], deletes: [] }, false);
    await told(store);
    await writing;
    for await (const _ of store.scan(FROM, TO)) break;
    expect(await told(store)).toEqual([1, 2, 3]);
    expect(scans()).toBe(5);
    await store.close();
  });

  it('are kept as far as they are small, the ones used last', async () => {
    const { store, scans } = counted();
    const rows = Array.from({ length: 16 }, (_, at) => row(at + 1, 700 * 1024));
    await store.write({ puts: rows, deletes: [] }, false);
    await told(store);
    await told(store);
    expect(scans()).toBe(2);
    const one = (at: number) => told(store, Uint8Array.of(1, at), Uint8Array.of(1, at + 1));
    for (let at = 1; at <= 6; at++) expect(await one(at)).toEqual([at]);
    expect(scans()).toBe(8);
    for (const at of [6, 5, 4, 3, 2]) await one(at);
    expect(scans()).toBe(8);
    await one(1);
    await one(6);
    expect(scans()).toBe(10);
    await store.close();
  });
});
