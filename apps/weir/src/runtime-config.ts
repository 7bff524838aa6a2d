// The runtime configuration files: limits of tenants and of distributors, read again every few seconds. A file that can't be read or
// makes no sense ends the start; later it changes nothing, and log and metric say so.
import {
  type PrintMode,
  parseOverrides,
  parseRuntimeSection,
  printOverrides,
  printRuntimeSection,
} from '@weir/config';
import { type InstanceLimits, instanceLimitsFlags } from '@weir/distributor';
import { WeirError } from '@weir/errors';
import { createLimits, type Limits, limitsFlags, type TenantLimits } from '@weir/limits';
import type { Clock } from '@weir/runtime';
import { Gauge, type Telemetry } from '@weir/telemetry';
import { INGESTER_KEY, unappliedIngesterLimits } from './ingester-limits.ts';

const INSTANCE_KEY = 'distributor_limits';

export interface RuntimeConfigSettings {
  /** One or several, separated by commas, of which the later wins. Empty: there is none. */
  readonly file: string;
  readonly reloadPeriodMs: number;
  readonly defaults: TenantLimits;
  readonly instanceDefaults: InstanceLimits;
}

export interface RuntimeConfigParts {
  readonly readFile: (path: string) => string;
  /** Throws for limits that some component can't use. */
  readonly check: (limits: TenantLimits) => void;
  readonly clock: Pick<Clock, 'after'>;
  readonly telemetry: Telemetry;
}

export interface RuntimeConfig {
  readonly limits: Limits;
  /** Of a distributor, those that hold now. */
  readonly instanceLimits: () => InstanceLimits;
  /** What tenants have, as a file would say it; empty where there is none. */
  readonly text: (mode: PrintMode) => string;
  /** Reads the files again now; never throws. */
  reload(): void;
  close(): void;
}

/** Throws `invalid` where the file makes no sense. */
export function createRuntimeConfig(
  { file, reloadPeriodMs, defaults, instanceDefaults }: RuntimeConfigSettings,
  { readFile, check, clock, telemetry }: RuntimeConfigParts,
): RuntimeConfig {
  let inUse = '';
  let byTenant: ReadonlyMap<string, TenantLimits> = new Map();
  const limits = createLimits(defaults, file === '' ? undefined : (tenant) => byTenant.get(tenant));
  let ofInstance = instanceDefaults;
  const instanceLimits = () => ofInstance;
  if (file === '') {
    return { limits, instanceLimits, text: () => '', reload: () => {}, close: () => {} };
  }

  const successful = new Gauge({
    name: 'cortex_runtime_config_last_reload_successful',
    help: 'Whether the runtime configuration file could be used when it was last read.',
    registers: [telemetry.metrics],
  });

  const files = file.split(',').map((path) => path.trim());
  const shape = { module: limitsFlags, section: 'limits', base: defaults };
  const instanceShape = {
    ...{ module: instanceLimitsFlags, section: 'distributor.instance_limits' },
    base: instanceDefaults,
  };

  function load(): void {
    const read = files.map(readFile);
    const joined = JSON.stringify(read);
    if (joined === inUse) return;
    const parsed = parseOverrides(read, shape, [INSTANCE_KEY, INGESTER_KEY]);
    const instance = parseRuntimeSection(read, INSTANCE_KEY, instanceShape);
    checkInstanceLimits(instance);
    const unapplied = unappliedIngesterLimits(read);
    for (const own of parsed.values()) {
      createLimits(own);
      check(own);
    }
    inUse = joined;
    byTenant = parsed;
    ofInstance = instance;
    limits.reload();
    if (unapplied.length > 0) {
      telemetry.log.warn({ file, unapplied }, `${INGESTER_KEY} are not applied`);
    }
  }

  function reload(): void {
    try {
      load();
      successful.set(1);
    } catch (error) {
      successful.set(0);
      telemetry.log.error(
        { err: error, file },
        'runtime configuration not used, the one before holds',
      );
    }
  }

  load();
  successful.set(1);
  const next = () =>
    clock.after(reloadPeriodMs, () => {
      reload();
      timer = next();
    });
  let timer = next();
  const text = (mode: PrintMode) =>
    printOverrides(byTenant, shape, mode) +
    printRuntimeSection(ofInstance, INSTANCE_KEY, instanceShape, mode);
  return { limits, instanceLimits, text, reload, close: () => timer.cancel() };
}

function checkInstanceLimits(limits: InstanceLimits): void {
  for (const [name, value] of Object.entries(limits)) {
    if (value < 0) throw new WeirError('invalid', `${INSTANCE_KEY}: ${name}: ${value} is below 0`);
  }
}
