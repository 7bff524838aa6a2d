// Syntax tree to text, as Prometheus's String() prints it. Parsing the text gives the same tree.
import type {
  Aggregate,
  Binary,
  DurationExpr,
  Expr,
  Extension,
  Modifiers,
  VectorSelector,
} from './ast.ts';
import { formatDuration, formatNumber, quote } from './literals.ts';

export function printExpr(expr: Expr): string {
  switch (expr.kind) {
    case 'number':
      return expr.duration
        ? formatDuration(Math.round(expr.value * 1000))
        : formatNumber(expr.value);
    case 'string':
      return quote(expr.value);
    case 'vector-selector':
      return printSelector(expr) + printModifiers(expr);
    case 'matrix-selector': {
      const { selector } = expr;
      return `${printSelector(selector)}[${printDuration(expr.rangeMs, expr.rangeExpr)}]${printModifiers(selector)}`;
    }
    case 'subquery': {
      const step = expr.stepMs === 0 ? '' : printDuration(expr.stepMs, expr.stepExpr);
      const range = `[${printDuration(expr.rangeMs, expr.rangeExpr)}:${step}]`;
      return `${printExpr(expr.expr)}${range}${printModifiers(expr)}`;
    }
    case 'aggregate':
      return printAggregate(expr);
    case 'binary':
      return printBinary(expr);
    case 'call':
      return `${expr.name}(${expr.args.map(printExpr).join(', ')})`;
    case 'paren':
      return `(${printExpr(expr.expr)})`;
    case 'unary':
      return `${expr.op}${printExpr(expr.expr)}`;
  }
}

function printDuration(ms: number, expr: DurationExpr | undefined): string {
  return expr === undefined ? formatDuration(ms) : printParts(expr);
}

function printParts(expr: DurationExpr): string {
  switch (expr.kind) {
    case 'number':
      return expr.duration ? formatDuration(expr.seconds * 1000) : formatNumber(expr.seconds);
    case 'step':
    case 'range':
      return `${expr.kind}()`;
    case 'paren':
      return `(${printParts(expr.of)})`;
    case 'sign':
      return `${expr.op}${printParts(expr.of)}`;
    case 'extreme':
      return `${expr.name}(${printParts(expr.left)}, ${printParts(expr.right)})`;
    case 'binary':
      return `${printParts(expr.left)} ${expr.op} ${printParts(expr.right)}`;
  }
}

function printModifiers(modifiers: Modifiers & { extension?: Extension | undefined }): string {
  const { extension, offsetMs, offsetExpr, at } = modifiers;
  let out = extension === undefined ? '' : ` ${extension}`;
  if (at === 'start' || at === 'end') out += ` @ ${at}()`;
  else if (at !== undefined) out += ` @ ${(at / 1000).toFixed(3)}`;
  if (offsetMs !== undefined) out += ` offset ${printOffset(offsetMs, offsetExpr)}`;
  return out;
}

/** More than one term stands in parentheses. */
function printOffset(ms: number, expr: DurationExpr | undefined): string {
  const text = printDuration(ms, expr);
  return expr?.kind === 'binary' ? `(${text})` : text;
}

const PLAIN_METRIC = /^[a-zA-Z_:][\w:]*$/;
const PLAIN_LABEL = /^[a-zA-Z_]\w*$/;

function printSelector({ name, matchers }: VectorSelector): string {
  const plain = PLAIN_METRIC.test(name);
  const parts = matchers
    .filter((matcher) => !plain || matcher.name !== '__name__' || matcher.value !== name)
    .map((matcher) => `${printLabel(matcher.name)}${matcher.op}${quote(matcher.value)}`);
  if (plain && parts.length === 0) return name;
  return `${plain ? name : ''}{${parts.sort().join(',')}}`;
}

function printLabel(name: string): string {
  return PLAIN_LABEL.test(name) ? name : quote(name);
}

function printLabels(names: readonly string[]): string {
  return `(${names.map(printLabel).join(', ')})`;
}

function printAggregate(expr: Aggregate): string {
  const modifier = expr.without
    ? ` without ${printLabels(expr.grouping)} `
    : expr.grouping.length > 0
      ? ` by ${printLabels(expr.grouping)} `
      : '';
  const param = expr.param ? `${printExpr(expr.param)}, ` : '';
  return `${expr.op}${modifier}(${param}${printExpr(expr.expr)})`;
}

function printBinary(expr: Binary): string {
  const { matching } = expr;
  let out = `${printExpr(expr.left)} ${expr.op}`;
  if (expr.returnBool) out += ' bool';
  if (expr.explicitMatching) {
    out += ` ${matching.on ? 'on' : 'ignoring'} ${printLabels(matching.labels)}`;
    if (matching.card === 'many-to-one') out += ` group_left ${printLabels(matching.include)}`;
    if (matching.card === 'one-to-many') out += ` group_right ${printLabels(matching.include)}`;
  }
  const { fillLeft, fillRight } = matching;
  if (fillLeft !== undefined && Object.is(fillLeft, fillRight)) out += printFill('', fillLeft);
  else {
    if (fillLeft !== undefined) out += printFill('_left', fillLeft);
    if (fillRight !== undefined) out += printFill('_right', fillRight);
  }
  return `${out} ${printExpr(expr.right)}`;
}

function printFill(side: string, value: number): string {
  return ` fill${side} (${formatNumber(value)})`;
}
