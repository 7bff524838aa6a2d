// A tenant's small state and its metadata as rows: epoch, then JSON. They are few and change as a whole.
import { text, utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { MetricMetadata } from '@weir/model';
import type { TenantSettings } from '../head.ts';
import type { EarlyCut, Tenant, WindowState } from '../windows.ts';

interface TenantState {
  readonly name: string;
  readonly settings: TenantSettings;
  readonly eventTime: number | null;
  readonly windows: WindowState[];
  readonly drops: [window: number, through: number][];
  /** Numbers of the oldest exemplar, and of the next one. */
  readonly exemplars: [first: number, next: number];
  readonly parked: { readonly from: number; readonly records: number } | null;
  readonly early: StoredEarlyCut | null;
  /** Series that __name__ does not lead. */
  readonly nameNotFirst: number;
  /** Ref + 1 of the last record's last series: where to look first. */
  readonly lastRef: number;
}

interface StoredEarlyCut {
  readonly idleSince: number;
  readonly through: [window: number, generation: number][];
  readonly dropped: number[];
}

function encodeEarlyCut(early: EarlyCut | undefined): StoredEarlyCut | null {
  if (!early) return null;
  const { idleSince, through, dropped } = early;
  return { idleSince, through: [...through], dropped: [...dropped] };
}

export function encodeTenant(tenant: Tenant, nameNotFirst: number, epoch: number): Uint8Array {
  const state: TenantState = {
    name: tenant.name,
    settings: tenant.settings,
    eventTime: tenant.eventTime === -Infinity ? null : tenant.eventTime,
    windows: [...tenant.windows.values()],
    drops: [...tenant.drops.values()].map(({ window, through }) => [window, through]),
    early: encodeEarlyCut(tenant.early),
    nameNotFirst,
    lastRef: tenant.lastRef,
    exemplars: [tenant.exemplars.first, tenant.exemplars.next],
    parked:
      tenant.parkedFrom === undefined
        ? null
        : { from: tenant.parkedFrom, records: tenant.parkedRecords },
  };
  return versioned(epoch, state);
}

export function tenantName(row: Uint8Array): string {
  return parse<TenantState>(row).name;
}

/** Returns how many of its series __name__ does not lead. */
export function restoreTenant(tenant: Tenant, row: Uint8Array): number {
  const state = parse<TenantState>(row);
  tenant.configure(state.settings);
  if (state.eventTime !== null) tenant.advance(state.eventTime);
  for (const window of state.windows) tenant.windows.set(window.index, window);
  for (const [window, through] of state.drops) {
    tenant.drops.set(window, { window, through, durable: true, readNumber: 0 });
  }
  if (state.early) {
    const { idleSince, through, dropped } = state.early;
    tenant.early = { idleSince, through: new Map(through), dropped: new Set(dropped) };
  }
  [tenant.exemplars.first, tenant.exemplars.next] = state.exemplars;
  tenant.parkedFrom = state.parked?.from;
  tenant.parkedRecords = state.parked?.records ?? 0;
  tenant.lastRef = state.lastRef;
  tenant.dirty = false;
  return state.nameNotFirst;
}

export function encodeMetadata(tenant: Tenant, epoch: number): Uint8Array {
  return versioned(epoch, tenant.metadata.all());
}

export function restoreMetadata(tenant: Tenant, row: Uint8Array): void {
  tenant.metadata.restore(parse<MetricMetadata[]>(row));
}

export function encodeDiscards(tenant: Tenant, epoch: number): Uint8Array {
  const out = tenant.discards.encode(4);
  new DataView(out.buffer).setUint32(0, epoch, true);
  return out;
}

export function restoreDiscards(tenant: Tenant, row: Uint8Array): void {
  tenant.discards.restore(row, 4);
}

function versioned(epoch: number, state: unknown): Uint8Array {
  const json = utf8(JSON.stringify(state));
  const out = new Uint8Array(4 + json.length);
  new DataView(out.buffer).setUint32(0, epoch, true);
  out.set(json, 4);
  return out;
}

/** Rows are our own writing; one that doesn't parse is damage. */
function parse<T>(row: Uint8Array): T {
  try {
    return JSON.parse(text(row.subarray(4))) as T;
  } catch (error) {
    throw new WeirError('corrupt', 'head store: damaged tenant row', { cause: error });
  }
}
