// Turns a batch of the log into what a partition host applies: names the tenant of each record and adds
// the settings of tenants that are new to the partition or have changed. A record whose key is no tenant
// id is counted and passed: it must neither stop the partition nor name a folder.
import { equalBytes, text } from '@weir/bytes';
import type { TenantSettings } from '@weir/head';
import type { RecordBatch } from '@weir/log';
import { parseTenantId } from '@weir/model';
import type { ApplyBatch, ApplyRecord } from './workers/partition-host.ts';

export interface RecordIntake {
  take(batch: RecordBatch, fromOffset: number): ApplyBatch;
}

export interface RecordIntakeParts {
  settingsFor(tenant: string): TenantSettings;
  /** Called once a record whose key is not a tenant id. */
  refused(offset: number): void;
}

export function createRecordIntake(parts: RecordIntakeParts): RecordIntake {
  const told = new Map<string, TenantSettings>();
  let lastKey = new Uint8Array(0);
  let lastTenant: string | undefined;

  function tenantOf(key: Uint8Array): string | undefined {
    if (lastTenant !== undefined && equalBytes(key, lastKey)) return lastTenant;
    const tenant = validTenant(text(key));
    lastKey = key.slice();
    lastTenant = tenant;
    return tenant;
  }

  return {
    take({ partition, records, nextOffset }, fromOffset) {
      const applied: ApplyRecord[] = [];
      const settings: [string, TenantSettings][] = [];
      let checked: string | undefined;
      for (const { offset, timestampMs, key, value, version } of records) {
        const tenant = tenantOf(key);
        if (tenant === undefined) {
          parts.refused(offset);
          continue;
        }
        if (tenant !== checked) {
          const wanted = parts.settingsFor(tenant);
          if (!equalSettings(told.get(tenant), wanted)) {
            told.set(tenant, wanted);
            settings.push([tenant, wanted]);
          }
          checked = tenant;
        }
        applied.push({ offset, timestampMs, tenant, value, version });
      }
      return { partition, fromOffset, records: applied, nextOffset, settings };
    },
  };
}

function validTenant(key: string): string | undefined {
  try {
    return parseTenantId(key);
  } catch {
    // Any error means the same: the record names no tenant; the caller counts it.
    return undefined;
  }
}

function equalSettings(a: TenantSettings | undefined, b: TenantSettings): boolean {
  return a === b || (a !== undefined && JSON.stringify(a) === JSON.stringify(b));
}
