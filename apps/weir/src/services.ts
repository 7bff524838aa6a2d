// The life cycle of a process: named services start in order, stop in reverse, and each one's state is
// visible at /services. A service that fails to start stops those before it and ends the process.
import { assert, toWeirError } from '@weir/errors';
import type { Logger } from '@weir/telemetry';

export type ServiceState = 'New' | 'Starting' | 'Running' | 'Stopping' | 'Terminated' | 'Failed';

export interface Service {
  readonly name: string;
  start?(): Promise<void>;
  /** The first part of a stop, while all others still run. */
  leave?(): Promise<void>;
  /** Must be safe to call when start failed half way. */
  stop?(): Promise<void>;
  /** Ready to serve; the reason is shown at /ready while it isn't, notes while it is. */
  readiness?(): Readiness;
  /** It was asked to stop while the process goes on, and has. */
  ended?(): boolean;
}

export interface Readiness {
  readonly ready: boolean;
  readonly reason: string;
  /** What operators should know though it is ready. */
  readonly notes?: readonly string[];
}

export interface ServiceStatus {
  readonly name: string;
  readonly status: ServiceState;
}

export interface Services {
  start(): Promise<void>;
  stop(): Promise<void>;
  status(): ServiceStatus[];
  readiness(): Readiness;
}

export function createServices(services: readonly Service[], log: Logger): Services {
  const states = new Map<string, ServiceState>(services.map(({ name }) => [name, 'New']));
  assert(states.size === services.length, 'service names are unique');
  let stopping = false;

  /** What ended by itself is told so as long as nothing else happens to it. */
  const stateOf = ({ name, ended }: Service): ServiceState => {
    const state = states.get(name)!;
    return state === 'Running' && ended?.() === true ? 'Terminated' : state;
  };

  const leaveOne = async (service: Service): Promise<void> => {
    if (states.get(service.name) !== 'Running') return;
    await service
      .leave?.()
      .catch((error) => log.error({ err: error, service: service.name }, 'leaving failed'));
  };

  const stopOne = async (service: Service): Promise<void> => {
    const state = states.get(service.name);
    if (state === 'New' || state === 'Terminated') return;
    states.set(service.name, 'Stopping');
    try {
      await service.stop?.();
      states.set(service.name, 'Terminated');
    } catch (error) {
      states.set(service.name, 'Failed');
      log.error({ err: error, service: service.name }, 'service failed to stop');
    }
  };

  return {
    async start() {
      for (const service of services) {
        if (stopping) return;
        states.set(service.name, 'Starting');
        try {
          await service.start?.();
          if (!stopping) states.set(service.name, 'Running');
        } catch (error) {
          states.set(service.name, 'Failed');
          throw toWeirError(error);
        }
      }
    },
    async stop() {
      stopping = true;
      await Promise.all(services.map(leaveOne));
      for (const service of [...services].reverse()) await stopOne(service);
    },
    status: () =>
      services
        .map((service) => ({ name: service.name, status: stateOf(service) }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    readiness() {
      if (stopping) return { ready: false, reason: 'application is stopping' };
      const waiting = new Map<ServiceState, number>();
      for (const state of services.map(stateOf)) {
        if (state !== 'Running') waiting.set(state, (waiting.get(state) ?? 0) + 1);
      }
      if (waiting.size > 0) {
        const counts = [...waiting].map(([state, count]) => `${state}: ${count}`);
        return { ready: false, reason: `Some services are not Running:\n${counts.join('\n')}` };
      }
      const notes: string[] = [];
      for (const service of services) {
        const readiness = service.readiness?.();
        notes.push(...(readiness?.notes ?? []).map((note) => `${service.name}: ${note}`));
        if (readiness && !readiness.ready) {
          return { ready: false, reason: `${service.name} not ready: ${readiness.reason}` };
        }
      }
      return { ready: true, reason: 'ready', ...(notes.length > 0 ? { notes } : {}) };
    },
  };
}
