// Names and values without matchers are kept between questions: until a series brings a new one or takes the last
// of one away, at any moment of a removal.
import { describe, expect, it } from 'vitest';
import type { PartitionHead } from '../head.ts';
import { createMemoryHeadStore } from '../memory/memory-store.ts';
import { openPartitionHead } from '../open.ts';
import { record, series, writeRequest } from '../records/record-fixture.ts';

const WINDOW = 7_200_000;
const ALL = { tenant: 'one', matchers: [], minT: -1e15, maxT: 1e15 };

function push(head: PartitionHead, t: number, ...labels: Readonly<Record<string, string>>[]): void {
  const body = writeRequest(...labels.map((one) => series({ __name__: 'm', ...one }, [t, 1])));
  head.apply([record(head.position, body)], head.position + 1);
}

describe('names and values of a head', () => {
  it('are the same list until one comes', async () => {
    const head = await openPartitionHead({ partition: 0 }, { store: createMemoryHeadStore() });
    push(head, 1_000, { pod: '\u{1f600}' }, { pod: 'b' });
    const values = await head.labelValues('pod', ALL);
    const names = await head.labelNames(ALL);
    expect(values).toEqual(['b', '\u{1f600}']);
    expect(names).toEqual(['__name__', 'pod']);
    push(head, 2_000, { pod: 'b' });
    expect(await head.labelValues('pod', ALL)).toBe(values);
    expect(await head.labelNames(ALL)).toBe(names);
    push(head, 2_000, { pod: '\uffee', a: 'x' });
    expect(await head.labelValues('pod', ALL)).toEqual(['b', '\uffee', '\u{1f600}']);
    expect(await head.labelNames(ALL)).toEqual(['__name__', 'a', 'pod']);
  });

  it('lack what no series has, at each step of a drop, and have it again when one does', async () => {
    const head = await openPartitionHead({ partition: 0 }, { store: createMemoryHeadStore() });
    push(head, 1_000, { pod: 'old', x: 'y' }, { pod: 'back', x: 'y' }, { pod: 'stays' });
    push(head, WINDOW + 1_000, { pod: 'stays' });
    const [first] = head.cutDue(true);
    expect(await head.labelValues('pod', ALL)).toEqual(['back', 'old', 'stays']);
    let isBack = false;
    let steps = 0;
    for (const _ of head.dropSteps(first)) {
      steps++;
      const values = await head.labelValues('pod', ALL);
      const names = await head.labelNames(ALL);
      const isGone = !values.includes('old') && !values.includes('back');
      if (isBack) expect(values).toEqual(['back', 'stays']);
      else if (isGone) expect(names).toEqual(['__name__', 'pod']);
      else expect(names).toEqual(['__name__', 'pod', 'x']);
      if (isBack || !isGone) continue;
      push(head, WINDOW + 2_000, { pod: 'back' });
      isBack = true;
      expect(await head.labelValues('pod', ALL)).toEqual(['back', 'stays']);
    }
    expect(steps).toBeGreaterThan(0);
    if (!isBack) push(head, WINDOW + 2_000, { pod: 'back' });
    expect(await head.labelValues('pod', ALL)).toEqual(['back', 'stays']);
    expect(await head.labelNames(ALL)).toEqual(['__name__', 'pod']);
  });
});
