// A tenant's relabelling rules and dropped labels as the scanners take them. Tenants without any have none, and
// their pushes go the plain way. Compiled once per set of limits: the same object as long as they are the same.
import { compareBytes, text, utf8 } from '@weir/bytes';
import type { TenantLimits } from '@weir/limits';
import { compileRelabel, parseRelabelConfig, type Relabel } from '@weir/model';
import type { SeriesRelabel } from '@weir/wire';

/** What rules see of the tenant; never stored. */
const TENANT_LABEL = '__meta_tenant_id';
const compiled = new WeakMap<TenantLimits, Relabel | undefined>();

/** Undefined where the tenant has neither rules nor labels to drop. */
export function relabelOf(tenant: string, limits: TenantLimits): SeriesRelabel | undefined {
  const hasRules = limits.relabelEnabled && limits.relabelRules.length > 0;
  if (!hasRules && limits.dropLabels.length === 0) return undefined;
  const rules = hasRules ? rulesOf(limits) : undefined;
  const dropped = limits.dropLabels.map(utf8);
  return (labels, samples, out) => {
    let kept: ReturnType<SeriesRelabel> = [...labels];
    if (rules !== undefined) {
      // What is no text, or stands twice, is refused as it is: rules could hide it.
      const byName = new Map(labels.map(({ name, value }) => [text(name), text(value)]));
      if (byName.size < labels.length) return kept;
      if (!labels.every(({ name, value }) => isText(name) && isText(value))) return kept;
      byName.set(TENANT_LABEL, tenant);
      if (!rules(byName)) {
        out.discard('relabel_configuration', samples);
        return undefined;
      }
      byName.delete(TENANT_LABEL);
      kept = [...byName].map(([name, value]) => ({ name: utf8(name), value: utf8(value) }));
    }
    return kept.filter(({ name }) => !dropped.some((label) => compareBytes(label, name) === 0));
  };
}

function rulesOf(limits: TenantLimits): Relabel | undefined {
  if (!compiled.has(limits)) {
    compiled.set(limits, compileRelabel(limits.relabelRules.map(parseRelabelConfig)));
  }
  return compiled.get(limits);
}

function isText(bytes: Uint8Array): boolean {
  return compareBytes(utf8(text(bytes)), bytes) === 0;
}
