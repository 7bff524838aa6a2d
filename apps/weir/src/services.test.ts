// The life cycle of a process.
import { silentTelemetry } from '@weir/telemetry';
import { describe, expect, it } from 'vitest';
import { createServices } from './services.ts';

const { log } = silentTelemetry();

describe('services', () => {
  it('start in order and stop in reverse', async () => {
    const events: string[] = [];
    const service = (name: string) => ({
      name,
      start: async () => void events.push(`start ${name}`),
      leave: async () => void events.push(`leave ${name}`),
      stop: async () => void events.push(`stop ${name}`),
    });
    const services = createServices([service('log'), service('ingester')], log);
    await services.start();
    expect(services.readiness()).toEqual({ ready: true, reason: 'ready' });
    await services.stop();
    expect(events).toEqual([
      ...['start log', 'start ingester', 'leave log', 'leave ingester', 'stop ingester'],
      'stop log',
    ]);
    expect(services.readiness().reason).toBe('application is stopping');
  });

  it('are not ready before all of them run, and say which state they are in', () => {
    const services = createServices([{ name: 'log' }], log);
    expect(services.readiness()).toEqual({
      ready: false,
      reason: 'Some services are not Running:\nNew: 1',
    });
  });

  it('are Terminated, and not ready, when one was asked to stop by itself', async () => {
    let ended = false;
    const services = createServices([{ name: 'ingester', ended: () => ended }], log);
    await services.start();
    expect(services.status()).toEqual([{ name: 'ingester', status: 'Running' }]);
    ended = true;
    expect(services.status()).toEqual([{ name: 'ingester', status: 'Terminated' }]);
    expect(services.readiness().reason).toContain('Terminated: 1');
  });

  it('name the one that is not ready', async () => {
    const services = createServices(
      [{ name: 'Ingester', readiness: () => ({ ready: false, reason: 'replaying' }) }],
      log,
    );
    await services.start();
    expect(services.readiness().reason).toBe('Ingester not ready: replaying');
  });

  it('report the failed one and stop what had started', async () => {
    const stopped: string[] = [];
    const services = createServices(
      [
        { name: 'a', stop: async () => void stopped.push('a') },
        { name: 'b', start: () => Promise.reject(new Error('no disk')) },
        { name: 'c', stop: async () => void stopped.push('c') },
      ],
      log,
    );
    await expect(services.start()).rejects.toThrow('no disk');
    expect(services.status()).toContainEqual({ name: 'b', status: 'Failed' });
    await services.stop();
    expect(stopped).toEqual(['a']);
  });
});
