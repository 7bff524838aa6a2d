// Relabelling with Prometheus's semantics over labels as texts: regular expressions are RE2 and match the whole
// value, a label that is set to nothing is gone, and a rule sees what the rules before it did.
import { createHash } from 'node:crypto';
import type { RE2JS } from 're2js';
import { compileRegex } from '../matcher.ts';
import type { RelabelConfig } from './relabel-config.ts';

/** By name; rules change it. False when the series is to be left out. */
export type Relabel = (labels: Map<string, string>) => boolean;

/** Throws `invalid` for a regular expression that RE2 refuses. */
export function compileRelabel(rules: readonly RelabelConfig[]): Relabel {
  const steps = rules.map(compileRule);
  return (labels) => steps.every((step) => step(labels));
}

function compileRule(rule: RelabelConfig): Relabel {
  const { sourceLabels, separator, targetLabel } = rule;
  const regex = compileRegex(rule.regex);
  const joined = (labels: Map<string, string>): string =>
    sourceLabels.map((name) => labels.get(name) ?? '').join(separator);
  switch (rule.action) {
    case 'keep':
      return (labels) => regex.matches(joined(labels));
    case 'drop':
      return (labels) => !regex.matches(joined(labels));
    case 'keepequal':
      return (labels) => (labels.get(targetLabel) ?? '') === joined(labels);
    case 'dropequal':
      return (labels) => (labels.get(targetLabel) ?? '') !== joined(labels);
    case 'lowercase':
      return (labels) => set(labels, targetLabel, joined(labels).toLowerCase());
    case 'uppercase':
      return (labels) => set(labels, targetLabel, joined(labels).toUpperCase());
    case 'hashmod':
      return (labels) => set(labels, targetLabel, hashModulo(joined(labels), rule.modulus));
    case 'labeldrop':
      return removing((name) => regex.matches(name));
    case 'labelkeep':
      return removing((name) => !regex.matches(name));
    case 'labelmap':
      return mapping(regex, rule.replacement);
    case 'replace':
      return replacing(rule, regex, joined);
  }
}

function replacing(
  rule: RelabelConfig,
  regex: RE2JS,
  joined: (labels: Map<string, string>) => string,
): Relabel {
  const target = compileTemplate(rule.targetLabel);
  const replacement = compileTemplate(rule.replacement);
  return (labels) => {
    const match = regex.matcher(joined(labels));
    if (!match.find()) return true;
    const groups = groupsOf(regex, match);
    const name = target(groups);
    // No name, nothing to set; whether a name is valid is judged with all others, after relabelling.
    return name === '' ? true : set(labels, name, replacement(groups));
  };
}

function mapping(regex: RE2JS, template: string): Relabel {
  const replacement = compileTemplate(template);
  return (labels) => {
    for (const [name, value] of [...labels]) {
      const match = regex.matcher(name);
      if (match.find()) set(labels, replacement(groupsOf(regex, match)), value);
    }
    return true;
  };
}

function removing(goes: (name: string) => boolean): Relabel {
  return (labels) => {
    for (const name of [...labels.keys()]) if (goes(name)) labels.delete(name);
    return true;
  };
}

function set(labels: Map<string, string>, name: string, value: string): true {
  if (value === '') labels.delete(name);
  else labels.set(name, value);
  return true;
}

/** Of MD5, the last eight bytes. */
function hashModulo(value: string, modulus: number): string {
  const hash = createHash('md5').update(value).digest().readBigUInt64BE(8);
  return String(hash % BigInt(modulus));
}

type Groups = (name: string) => string;
type Match = ReturnType<RE2JS['matcher']>;

function groupsOf(regex: RE2JS, match: Match): Groups {
  const named = regex.namedGroups() as Readonly<Record<string, number>>;
  return (name) => {
    const index = /^\d+$/.test(name) ? Number(name) : (named[name] ?? -1);
    if (index < 0 || index > match.groupCount()) return '';
    return match.group(index) ?? '';
  };
}

/** Go's: `$name` (letters, digits, underscores, as many as there are), `${name}`, `$$`. */
function compileTemplate(template: string): (groups: Groups) => string {
  const parts = template.split(/(\$\$|\$\{[A-Za-z0-9_]+\}|\$[A-Za-z0-9_]+)/);
  return (groups) =>
    parts
      .map((part, index) => {
        if (index % 2 === 0) return part;
        return part === '$$' ? '$' : groups(part.replace(/[${}]/g, ''));
      })
      .join('');
}
