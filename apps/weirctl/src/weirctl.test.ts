// Commands against a cluster that is a few objects behind a fake fetch: what is printed, asked and answered.
import { systemClock } from '@weir/runtime';
import { describe, expect, it } from 'vitest';
import type { FetchOptions } from './cluster-api.ts';
import { runWeirctl } from './weirctl.ts';

interface FakePartition {
  readonly id: number;
  state: string;
  locked: boolean;
  drained?: string | undefined;
  owner: string;
}

function setUp({ terminal = false, lockedLate = -1, draining = (_turn: number) => {} } = {}) {
  const partitions: FakePartition[] = [0, 1, 2].map((id) => ({
    ...{ id, state: 'ACTIVE', locked: false, owner: id === 1 ? 'b' : 'a' },
  }));
  const drained = new Set<string>();
  const asked: string[] = [];
  let down = false;
  let turn = 0;

  const answerOf = (url: string, { method, body = '' }: FetchOptions): [number, unknown] => {
    const { pathname, host } = new URL(url);
    const form = new URLSearchParams(body);
    if (method !== 'GET') asked.push(`${method} ${host}${pathname} ${form}`);
    const found = partitions.find(({ id }) => String(id) === form.get('partition_id'));
    switch (`${method} ${pathname}`) {
      case 'GET /ingester/partition-ring':
        return [200, { partitions: partitions.map(ringPartition) }];
      case 'GET /ingester/ring':
        return [200, { shards: ['a', 'b'].map((id) => shard(id, drained.has(id))) }];
      case 'GET /ingester/partitions': {
        const own = partitions.filter(({ owner }) => `${owner}:80` === host || `${owner}` === host);
        return [200, { instance: host, partitions: own.map(ownPartition) }];
      }
      case 'POST /ingester/partition-ring':
        if (found === undefined) return [400, 'no such partition'];
        if (form.get('action') === 'state_change_lock') {
          found.locked = form.get('locked') === 'true';
        } else if (found.locked || found.id === lockedLate)
          return [409, 'locked by somebody just now'];
        else found.state = form.get('partition_state')!.replace('Partition', '').toUpperCase();
        return [302, ''];
      case 'POST /ingester/prepare-partition-downscale':
        drained.add(host);
        for (const one of partitions) {
          if (one.owner === host) Object.assign(one, { state: 'INACTIVE', drained: host });
        }
        return [200, { timestamp: 1 }];
      case 'DELETE /ingester/prepare-partition-downscale':
        drained.delete(host);
        return [200, { timestamp: 0 }];
      default:
        return [404, '404 page not found'];
    }
  };
  let out = '';
  let errors = '';
  const run = (...argv: string[]) => {
    out = '';
    errors = '';
    return runWeirctl(argv, {
      async fetch(url, options) {
        if (down) throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
        const [status, answer] = answerOf(url, options);
        const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
        return { status, text: async () => text };
      },
      clock: {
        ...systemClock,
        steadyMs: () => turn * 1000,
        async sleep(_ms, signal) {
          draining(turn++);
          signal?.throwIfAborted();
        },
      },
      write: (text) => {
        out += text;
      },
      writeError: (text) => {
        errors += text;
      },
      ...{ terminal, address: 'http://any:80', signal: ended.signal },
    });
  };
  const ended = new AbortController();
  return {
    ...{ partitions, asked, run, ended, drained },
    out: () => out,
    errors: () => errors,
    stop: () => {
      down = true;
    },
  };
}

const ringPartition = ({ id, state, locked, drained, owner }: FakePartition) => ({
  ...{ id, state_name: state, state_change_locked: locked, end_offset: 120 + id },
  ...(drained !== undefined && { drained_for: drained }),
  owners: [{ instance: owner, zone: 'z', healthy: true, serving: true, applied_offset: 100 }],
});

const shard = (id: string, read_only: boolean) => ({
  ...{ id, state: 'ACTIVE', address: id, zone: 'z', read_only },
});

const ownPartition = ({ id }: FakePartition) => ({
  ...{
    id,
    series: 1000 * (id + 1),
    applied_offset: 110,
    end_offset: 120 + id,
    lag_records: 10 + id,
  },
  ...{ lag_seconds: 2.5, delay_seconds: 1, logged_per_second: 3.25, applied_per_second: 250.4 },
});

describe('weirctl', () => {
  it('lists partitions', async () => {
    const { run, out } = setUp();
    expect(await run('partitions', 'list')).toBe(0);
    expect(
      out(),
    ).toBe(`PARTITION  STATE   OWNER  APPLIED  END  LAG  LAG TIME  LOGGED/S  APPLIED/S  SERIES
        0  ACTIVE  a (z)      110  120   10      2.5s       3.3        250    1000
        1  ACTIVE  b (z)      110  121   11      2.5s       3.3        250    2000
        2  ACTIVE  a (z)      110  122   12      2.5s       3.3        250    3000

3 partitions (3 ACTIVE), 2 of 2 ingesters healthy; furthest behind: partition 2 by 12 records, 2.5s
`);
    expect(await run('partitions', 'list', '--json')).toBe(0);
    expect(JSON.parse(out()).partitions[2].owners[0].own.series).toBe(3000);
  });

  it('scales, the written ones first, and says when it refuses', async () => {
    const { run, out, errors, asked, partitions } = setUp();
    partitions[0]!.state = 'INACTIVE';
    expect(await run('partitions', 'scale', '--to', '2')).toBe(0);
    expect(partitions.map(({ state }) => state)).toEqual(['ACTIVE', 'ACTIVE', 'INACTIVE']);
    expect(asked.map((one) => /partition_id=(\d)/.exec(one)?.[1])).toEqual(['0', '2']);
    expect(out()).toContain('1 partitions are written from now on, 1 are no longer');
    expect(await run('partitions', 'scale', '--to', '2')).toBe(0);
    expect(out()).toContain('already 2');
    asked.length = 0;
    expect(await run('partitions', 'scale', '--to', '9')).toBe(1);
    expect(errors()).toMatch(/refused, and nothing was changed:\n- the cluster has 3 partitions/);
    expect(asked).toEqual([]);
  });

  it('says how far it came where a change fails half way', async () => {
    const world = setUp({ lockedLate: 2 });
    expect(await world.run('partitions', 'scale', '--to', '1')).toBe(1);
    expect(world.errors()).toContain(
      '1 of 2 partitions were changed, then partition 2 failed: locked by somebody just now',
    );
  });

  it('locks and unlocks', async () => {
    const { run, errors, partitions } = setUp();
    expect(await run('partitions', 'lock', '1', '2')).toBe(0);
    expect(partitions.map(({ locked }) => locked)).toEqual([false, true, true]);
    expect(await run('partitions', 'scale', '--to', '1')).toBe(1);
    expect(errors()).toContain('partition 1 is locked');
    expect(await run('partitions', 'unlock', '2')).toBe(0);
    expect(partitions[2]!.locked).toBe(false);
    expect(await run('partitions', 'lock', '7')).toBe(1);
    expect(errors()).toContain('there is no partition 7');
  });

  it('drains, and waits until others have all', async () => {
    const world = setUp({
      draining(turn) {
        const next = world.partitions.find(({ drained }) => drained === 'a');
        if (turn % 2 === 1 && next)
          Object.assign(next, { owner: 'b', state: 'ACTIVE', drained: undefined });
      },
    });
    expect(await world.run('partitions', 'drain', 'a')).toBe(0);
    expect(world.out()).toMatch(/0 of 2 partitions are with others\n1 of 2 .*\na owns nothing/);
    expect(world.drained.has('a')).toBe(true);
    expect(await world.run('partitions', 'drain', 'b')).toBe(1);
    expect(world.errors()).toContain('start another ingester first');
    expect(await world.run('partitions', 'drain', 'a', '--undo')).toBe(0);
    expect(world.drained.has('a')).toBe(false);
  });

  it('says what is left when its time is over', async () => {
    const { run, errors } = setUp();
    expect(await run('partitions', 'drain', 'a', '--timeout', '5s')).toBe(1);
    expect(errors()).toContain('not there after 5 s, and going on: 0 of 2 partitions');
  });

  it('watches until it is ended, also while nobody answers', async () => {
    const world = setUp({
      terminal: true,
      draining(turn) {
        if (turn === 1) world.stop();
        if (turn === 3) world.ended.abort(new Error('interrupted'));
      },
    });
    expect(await world.run('partitions', 'watch')).toBe(0);
    expect(world.out().split('\u001b[H').length).toBe(5);
    expect(world.out()).toContain(
      '! No answer: GET http://any:80/ingester/partition-ring: connect ECONNREFUSED',
    );
  });

  it('tells what a cluster answers, and what it does not understand itself', async () => {
    const { run, errors, stop, out } = setUp();
    stop();
    expect(await run('partitions', 'list')).toBe(1);
    expect(errors()).toContain('connect ECONNREFUSED');
    expect(await run('partitions', 'lsit')).toBe(2);
    expect(errors()).toContain('unknown command');
    expect(await run()).toBe(0);
    expect(out()).toContain('weirctl partitions scale --to N');
  });
});
