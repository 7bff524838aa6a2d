// One process of Weir from settings to a stop: foundations, components, pages, in that order, and back.

import { printConfig } from '@weir/config';
import { createHttpServer, listen } from '@weir/http';
import { systemClock } from '@weir/runtime';
import { createTelemetry } from '@weir/telemetry';
import { adminRoutes } from './admin.ts';
import { createComponents, createPartitionWorkers } from './components.ts';
import { type Configuration, componentsOf, modules } from './configuration.ts';
import { type Foundations, isAlone, openFoundations } from './foundations.ts';
import { linkGroups } from './pages/links.ts';
import { advertisedAddress, type Host, placeOf } from './place.ts';
import { createServices, type Service } from './services.ts';

export interface RunningProcess {
  /** http://host:port as a person on this machine types it. */
  readonly url: string;
  /** Resolves when every service is running; rejects when one failed to start. */
  readonly started: Promise<void>;
  /** Resolves when the log can't be used any more by this process: it must end, without a stop. */
  readonly failed?: Promise<Error>;
  stop(): Promise<void>;
}

/** Listens as soon as routes exist, so that /ready can say what is still missing. */
export async function runProcess(
  configuration: Configuration,
  host: Host,
): Promise<RunningProcess> {
  const components = componentsOf(configuration.weir.targets);
  const place = placeOf(configuration, host);
  const clock = systemClock;
  const telemetry = createTelemetry({ level: configuration.weir.logLevel });
  const parts = { clock, telemetry };
  const partitionWorkers = components.includes('ingester')
    ? createPartitionWorkers(place, isAlone(configuration), telemetry)
    : undefined;
  let foundations: Foundations;
  try {
    foundations = await openFoundations(configuration, place, components, parts);
  } catch (error) {
    await partitionWorkers?.close();
    throw error;
  }
  const server = createHttpServer(configuration.server, parts);
  try {
    const address = advertisedAddress(configuration, host, configuration.server.port);
    const created = createComponents(components, {
      ...{ configuration, place, address, foundations, partitionWorkers },
      ...{ server, clock, telemetry },
    });
    const all: Service[] = [
      { name: 'log and bucket', stop: () => foundations.close() },
      ...created,
      { name: 'server', stop: () => server.close() },
    ];
    const services = createServices(all, telemetry.log);
    const configYaml = (mode: 'full' | 'defaults' | 'diff') =>
      printConfig(modules, configuration, mode);
    const hasRuntimeConfig = configuration.weir.runtimeConfigFile !== '';
    const links = linkGroups(components, { hasRuntimeConfig });
    adminRoutes(server, { services, telemetry, clock, configYaml }, links);
    const port = await listen(server, configuration.server);
    telemetry.log.info({ port, targets: components, dataDir: place.dataDir }, 'weir is starting');
    return {
      url: `http://${localName(configuration.server.address)}:${port}`,
      started: services.start(),
      ...(foundations.log.failed && { failed: foundations.log.failed }),
      stop: () => services.stop(),
    };
  } catch (error) {
    await server.close();
    await partitionWorkers?.close();
    await foundations.close();
    throw error;
  }
}

function localName(address: string): string {
  return address === '' || address === '0.0.0.0' ? 'localhost' : address;
}
