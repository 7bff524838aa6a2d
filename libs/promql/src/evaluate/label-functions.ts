// label_replace and label_join.
import { compileRegex, labelValue } from '@weir/model';
import { isValidName } from '../parse/literals.ts';
import type { LabelNode } from '../plan/nodes.ts';
import { executionError } from './errors.ts';
import { withLabels } from './label-sets.ts';
import type { Row } from './rows.ts';

/** Checks the arguments once and gives what to do with each row. */
export function labelChange(node: LabelNode): (row: Row) => boolean {
  return node.name === 'label_replace' ? replacing(node.args) : joining(node.args);
}

function replacing(args: readonly string[]): (row: Row) => boolean {
  const [target, replacement, source, pattern] = args as [string, string, string, string];
  const regex = compile(pattern);
  if (!isValidName(target)) {
    throw executionError(`invalid destination label name in label_replace(): ${target}`);
  }
  return (row) => {
    const matcher = regex.matcher(labelValue(row.labels, source) ?? '');
    if (!matcher.matches()) return true;
    const groups: (string | null)[] = [];
    for (let index = 0; index <= matcher.groupCount(); index++) groups.push(matcher.group(index));
    const named = (name: string) => namedGroup(regex.namedGroups(), groups, name);
    setLabel(row, target, expand(replacement, groups, named));
    return true;
  };
}

function compile(pattern: string) {
  try {
    return compileRegex(pattern);
  } catch {
    // The text is Prometheus's, which doesn't say why.
    throw executionError(`invalid regular expression in label_replace(): ${pattern}`);
  }
}

function namedGroup(names: unknown, groups: readonly (string | null)[], name: string): string {
  const index = names instanceof Map ? names.get(name) : (names as Record<string, number>)[name];
  return index === undefined ? '' : (groups[index] ?? '');
}

/** Go's Regexp.Expand: $1, ${1}, $name, ${name}, $$; a name is as long as it can be. */
function expand(
  template: string,
  groups: readonly (string | null)[],
  named: (name: string) => string,
): string {
  return template.replace(
    /\$(?:\$|\{(\w+)\}|(\w+))/g,
    (whole, braced: string | undefined, plain: string | undefined) => {
      if (whole === '$$') return '$';
      const name = braced ?? plain!;
      return /^\d+$/.test(name) ? (groups[Number(name)] ?? '') : named(name);
    },
  );
}

function joining(args: readonly string[]): (row: Row) => boolean {
  const [target, separator, ...sources] = args as [string, string, ...string[]];
  for (const source of sources) {
    if (!isValidName(source)) {
      throw executionError(`invalid source label name in label_join(): ${source}`);
    }
  }
  if (!isValidName(target)) {
    throw executionError(`invalid destination label name in label_join(): ${target}`);
  }
  return (row) => {
    const values = sources.map((source) => labelValue(row.labels, source) ?? '');
    setLabel(row, target, values.join(separator));
    return true;
  };
}

/** Setting the metric name takes back that it was to be dropped. */
function setLabel(row: Row, target: string, value: string): void {
  row.labels = withLabels(row.labels, new Map([[target, value]]));
  if (target === '__name__') row.dropName = false;
}
