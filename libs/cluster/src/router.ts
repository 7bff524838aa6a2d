// The tables by which series are routed: one for all partitions, and one for each tenant with a shard of its
// own, made at its first push and kept within a budget. A table's slots follow from the shard's size alone, so
// that a tenant's series move only with its partitions.
import { tenantSeed, tenantShard } from './shard.ts';
import { SlotTable } from './slot-table.ts';

/** Of tenants' tables; beyond it all are dropped, and made again as they are needed. */
const TABLES_BYTES_MAX = 16 << 20;
const ALL_SLOT_BITS = 16;

export interface Router {
  /**
   * The table of a tenant with a shard of this size (0: all), over the partitions written now. It holds until
   * the next call. An array that has not changed should be the same one.
   */
  tableFor(tenant: string, shardSize: number, active: readonly number[]): SlotTable;
}

interface TenantTable {
  readonly shardSize: number;
  readonly seed: number;
  readonly table: SlotTable;
  active: readonly number[];
}

export function createRouter(tablesBytesMax = TABLES_BYTES_MAX): Router {
  const all = new SlotTable(ALL_SLOT_BITS);
  const tables = new Map<string, TenantTable>();
  let sizeBytes = 0;

  function made(tenant: string, shardSize: number): TenantTable {
    const known = tables.get(tenant);
    if (known?.shardSize === shardSize) return known;
    const table = new SlotTable(SlotTable.slotBitsFor(shardSize));
    const entry = { shardSize, seed: tenantSeed(tenant), table, active: [] };
    sizeBytes += table.sizeBytes - (known?.table.sizeBytes ?? 0);
    if (sizeBytes > tablesBytesMax) {
      tables.clear();
      sizeBytes = table.sizeBytes;
    }
    tables.set(tenant, entry);
    return entry;
  }

  return {
    tableFor(tenant, shardSize, active) {
      if (shardSize <= 0) {
        all.follow(active);
        return all;
      }
      const entry = made(tenant, shardSize);
      if (entry.active !== active) {
        entry.table.follow([...tenantShard(entry.seed, active, shardSize)]);
        entry.active = active;
      }
      return entry.table;
    },
  };
}
