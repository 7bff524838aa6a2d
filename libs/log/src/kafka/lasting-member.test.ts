// A membership over clients that give up, as told.
import { WeirError } from '@weir/errors';
import { type Clock, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { describe, expect, it } from 'vitest';
import { joinLasting, type MemberClient } from './lasting-member.ts';

const fence = () => new WeirError('fenced', 'fenced by other consumer');

async function setUp() {
  let nowMs = 0;
  const told: string[] = [];
  const clients: MemberClient[] = [];
  const failures: WeirError[] = [];
  let refuseJoins = 0;
  const clock = {
    steadyMs: () => nowMs,
    sleep: async () => void told.push('slept'),
  } as Partial<Clock> as Clock;
  const tell = (what: string) => (partitions: readonly number[]) =>
    void told.push(`${what} ${partitions.join()}`);
  const events = { assigned: tell('assigned'), revoked: tell('revoked'), lost: tell('lost') };
  const member = await joinLasting(
    async (client) => {
      if (refuseJoins-- > 0) throw new WeirError('unavailable', 'no broker');
      const id = clients.push(client);
      return {
        commit: async (partition, offset) => void told.push(`${id}: ${partition}@${offset}`),
        close: async ({ stay = false } = {}) => void told.push(`${id}: close ${stay}`),
      };
    },
    { memberId: 'm', events },
    { clock, log: silentTelemetry().log, failed: (error) => failures.push(error) },
  );
  return {
    member,
    told,
    clients,
    failures,
    refuseJoins: (times: number) => {
      refuseJoins = times;
    },
    after: (ms: number) => {
      nowMs += ms;
    },
    settled: () => systemClock.yield(),
  };
}

describe('a membership', () => {
  it('goes on with another client when the first is fenced; its partitions are lost first', async () => {
    const { member, told, clients, failures, refuseJoins, settled } = await setUp();
    clients[0]!.events.assigned([1, 2, 3]);
    clients[0]!.events.revoked([2]);
    refuseJoins(2);
    clients[0]!.failed(fence(), true);
    await expect(member.commit(1, 5, '')).rejects.toMatchObject({ kind: 'fenced' });
    // What the old client still says is nobody's.
    clients[0]!.events.lost([1, 3]);
    clients[0]!.failed(fence(), true);
    await settled();
    clients[1]!.events.assigned([1]);
    await member.commit(1, 6, '');
    await member.close();
    expect(told).toEqual([
      ...['assigned 1,2,3', 'revoked 2', 'lost 1,3', '1: close true', 'slept', 'slept'],
      ...['assigned 1', '2: 1@6', '2: close false'],
    ]);
    expect(failures).toEqual([]);
  });

  it.each([
    [60_000, 1],
    [60_001, 0],
  ])('that is fenced again after %i ms has failed: %i', async (ms, expected) => {
    const { member, clients, failures, after, settled } = await setUp();
    clients[0]!.failed(fence(), true);
    await settled();
    after(ms);
    const again = fence();
    clients[1]!.failed(again, true);
    await settled();
    expect(failures).toEqual([again].slice(0, expected));
    expect(clients.length).toBe(3 - expected);
    if (expected === 1) await expect(member.commit(1, 5, '')).rejects.toBe(again);
  });

  it('has failed at once for any other reason', async () => {
    const { clients, failures } = await setUp();
    clients[0]!.failed(new WeirError('fenced', 'not supported'), false);
    expect(failures.map(({ message }) => message)).toEqual(['not supported']);
    expect(clients.length).toBe(1);
  });

  it('that is closed while it joins again stays closed', async () => {
    const { member, told, clients, refuseJoins } = await setUp();
    refuseJoins(Number.POSITIVE_INFINITY);
    clients[0]!.failed(fence(), true);
    await member.close();
    expect(clients.length).toBe(1);
    expect(told.at(-1)).toBe('1: close false');
  });
});
