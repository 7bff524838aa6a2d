// Relabelling rules as configuration has them, checked as Prometheus checks them: what could do nothing, or
// something else than was meant, is an error.
import { WeirError } from '@weir/errors';

export const RELABEL_ACTIONS = [
  'replace',
  'keep',
  'drop',
  'keepequal',
  'dropequal',
  'hashmod',
  'labelmap',
  'labeldrop',
  'labelkeep',
  'lowercase',
  'uppercase',
] as const;

export type RelabelAction = (typeof RELABEL_ACTIONS)[number];

export interface RelabelConfig {
  readonly sourceLabels: readonly string[];
  readonly separator: string;
  readonly regex: string;
  readonly modulus: number;
  readonly targetLabel: string;
  readonly replacement: string;
  readonly action: RelabelAction;
}

const DEFAULTS: RelabelConfig = {
  sourceLabels: [],
  separator: ';',
  regex: '(.*)',
  modulus: 0,
  targetLabel: '',
  replacement: '$1',
  action: 'replace',
};

const KEYS: Readonly<Record<string, keyof RelabelConfig>> = {
  source_labels: 'sourceLabels',
  separator: 'separator',
  regex: 'regex',
  modulus: 'modulus',
  target_label: 'targetLabel',
  replacement: 'replacement',
  action: 'action',
};

const TARGETED: ReadonlySet<RelabelAction> = new Set([
  'replace',
  'keepequal',
  'dropequal',
  'hashmod',
  'lowercase',
  'uppercase',
]);

/** One rule by the names that YAML has. Throws `invalid`. */
export function parseRelabelConfig(given: unknown): RelabelConfig {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw fault('a rule is a mapping');
  }
  const config: Record<string, unknown> = { ...DEFAULTS };
  for (const [name, value] of Object.entries(given)) {
    const key = KEYS[name];
    if (key === undefined) throw fault(`unknown field ${name}`);
    if (value === null || value === undefined) continue;
    config[key] = parseField(name, key, value);
  }
  // Each key was parsed to the type of its name; those not given are the defaults.
  const rule = config as unknown as RelabelConfig;
  check(rule);
  return Object.freeze(rule);
}

function parseField(name: string, key: keyof RelabelConfig, value: unknown): unknown {
  if (key === 'sourceLabels') {
    if (Array.isArray(value) && value.every((label) => typeof label === 'string'))
      return [...value];
    throw fault(`${name} is a list of label names`);
  }
  if (key === 'modulus') {
    if (Number.isSafeInteger(value) && Number(value) >= 0) return value;
    throw fault(`${name} is a whole number`);
  }
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw fault(`${name} is a text`);
  }
  return key === 'action' ? String(value).toLowerCase() : String(value);
}

function check(rule: RelabelConfig): void {
  const { action, targetLabel } = rule;
  if (!RELABEL_ACTIONS.includes(action)) throw fault(`unknown relabel action "${action}"`);
  if (action === 'hashmod' && rule.modulus === 0) {
    throw fault('relabel configuration for hashmod requires non-zero modulus');
  }
  if (TARGETED.has(action) && targetLabel === '') {
    throw fault(`relabel configuration for ${action} action requires 'target_label' value`);
  }
  if (['lowercase', 'uppercase', 'hashmod'].includes(action) && targetLabel.includes('$')) {
    throw fault(`"${targetLabel}" is invalid 'target_label' for ${action} action`);
  }
  if (['lowercase', 'uppercase'].includes(action) && differs(rule, ['replacement'])) {
    throw fault(`'replacement' can not be set for ${action} action`);
  }
  if (action === 'keepequal' || action === 'dropequal') {
    if (differs(rule, ['regex', 'modulus', 'separator', 'replacement'])) {
      throw fault(
        `${action} action requires only 'source_labels' and \`target_label\`, and no other fields`,
      );
    }
  }
  if (action === 'labeldrop' || action === 'labelkeep') {
    if (
      rule.sourceLabels.length > 0 ||
      differs(rule, ['targetLabel', 'modulus', 'separator', 'replacement'])
    ) {
      throw fault(`${action} action requires only 'regex', and no other fields`);
    }
  }
}

function differs(rule: RelabelConfig, keys: readonly (keyof RelabelConfig)[]): boolean {
  return keys.some((key) => rule[key] !== DEFAULTS[key]);
}

function fault(reason: string): WeirError {
  return new WeirError('invalid', `relabel configuration: ${reason}`);
}
