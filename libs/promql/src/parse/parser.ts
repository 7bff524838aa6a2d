// Text to syntax tree. The official grammar tokenises and finds structure; operators are put in order
// here, because that grammar (made for editors) lets a postfix such as `offset` swallow the whole
// expression left of it. Deliberately not here: types (types.ts) and evaluation.
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { WeirError } from '@weir/errors';
import type { MatcherOp, MatcherSpec } from '@weir/model';
import type { Aggregate, AggregateOp, BinaryOp, Call, Expr, Matching, Span } from './ast.ts';
import { unwrap } from './ast.ts';
import { readDuration } from './durations.ts';
import { isValidName, parseNumber, quote, unquote } from './literals.ts';
import { masked } from './masking.ts';
import { combine, type Item } from './operators.ts';
import { checkSyntax } from './syntax.ts';
import { parseError, unexpectedAt } from './syntax-error.ts';
import { checkTypes } from './types.ts';

const QUERY_DEPTH_MAX = 200;

/** Parses and type-checks; throws `invalid` with Prometheus's `line:col: parse error: …`. */
export function parseExpr(query: string): Expr {
  if (query === '') {
    throw new WeirError('invalid', 'unknown position: parse error: no expression found in input');
  }
  checkDepth(query);
  checkSyntax(query);
  const expr = new Source(query).parse();
  checkTypes(expr, query);
  return expr;
}

class Source {
  readonly #query: string;
  #depth = 0;

  constructor(query: string) {
    this.#query = query;
  }

  parse(): Expr {
    const tree = parser.parse(masked(this.#query));
    this.#refuseErrors(tree.topNode);
    const first = tree.topNode.firstChild;
    if (first === null) throw parseError(this.#query, 0, 'no expression found in input');
    let node: SyntaxNode | null = first;
    while (node?.name === 'LineComment') node = node.nextSibling;
    if (node === null) throw parseError(this.#query, 0, 'no expression found in input');
    return this.#expr(node);
  }

  /** What passed checkSyntax() and is nothing to the grammar all the same: the two differ there. */
  #refuseErrors(top: SyntaxNode): void {
    const cursor = top.cursor();
    do {
      if (cursor.type.isError) throw unexpectedAt(this.#query, cursor.from, '');
    } while (cursor.next());
  }

  #fail(at: number, message: string): never {
    throw parseError(this.#query, at, message);
  }

  #text(node: SyntaxNode): string {
    return this.#query.slice(node.from, node.to);
  }

  #expr(node: SyntaxNode): Expr {
    if (++this.#depth > QUERY_DEPTH_MAX * 4) this.#fail(node.from, 'expression is nested too deep');
    const items: Item[] = [];
    this.#flatten(node, items);
    this.#depth--;
    return combine(items, this.#query);
  }

  /** Writes operands, operators and postfixes in reading order; combine() gives them their shape. */
  #flatten(node: SyntaxNode, items: Item[]): void {
    switch (node.name) {
      case 'BinaryExpr':
        this.#flattenBinary(node, items);
        return;
      case 'UnaryExpr': {
        const op = node.getChild('UnaryOp')!;
        items.push({ kind: 'prefix', op: this.#text(op) as '+' | '-', at: op.from });
        this.#flatten(node.lastChild!, items);
        return;
      }
      case 'OffsetExpr':
        this.#flatten(node.firstChild!, items);
        items.push({
          kind: 'offset',
          offset: readDuration(node.lastChild!, this.#query, false),
          span: spanOf(node),
        });
        return;
      case 'StepInvariantExpr':
        this.#flatten(node.firstChild!, items);
        items.push({ kind: 'at', at: this.#atTime(node), span: spanOf(node) });
        return;
      case 'AnchoredExpr':
      case 'SmoothedExpr': {
        this.#flatten(node.firstChild!, items);
        const extension = node.name === 'AnchoredExpr' ? 'anchored' : 'smoothed';
        items.push({ kind: 'extension', extension, span: spanOf(node) });
        return;
      }
      case 'MatrixSelector':
      case 'SubqueryExpr':
        this.#flatten(node.firstChild!, items);
        items.push(this.#range(node));
        return;
      case 'NumberDurationLiteral':
        this.#flattenNumber(node, items);
        return;
      default:
        items.push({ kind: 'operand', expr: this.#operand(node) });
    }
  }

  #flattenNumber(node: SyntaxNode, items: Item[]): void {
    let text = this.#text(node);
    let from = node.from;
    if (text[0] === '-' || text[0] === '+') {
      items.push({ kind: 'prefix', op: text[0], at: from });
      const rest = text.slice(1).trimStart();
      from += text.length - rest.length;
      text = rest;
    }
    const number = parseNumber(text);
    if (number === undefined) this.#fail(from, `bad number or duration syntax: ${quote(text)}`);
    items.push({
      kind: 'operand',
      expr: { kind: 'number', ...number, span: { start: from, end: node.to } },
    });
  }

  #flattenBinary(node: SyntaxNode, items: Item[]): void {
    const left = node.firstChild!;
    const right = node.lastChild!;
    const op = afterComments(left.nextSibling!);
    const symbol = this.#text(op).toLowerCase() as BinaryOp;
    this.#flatten(left, items);
    const clause = node.getChild('MatchingModifierClause');
    const fill = node.getChild('FillModifier');
    items.push({
      kind: 'binary',
      op: symbol,
      returnBool: node.getChild('BoolModifier') !== null,
      matching: this.#matching(clause, fill),
      explicitMatching: clause !== null,
      span: spanOf(op),
    });
    this.#flatten(right, items);
  }

  #matching(clause: SyntaxNode | null, fill: SyntaxNode | null): Matching | undefined {
    if (clause === null && fill === null) return undefined;
    return { ...this.#clause(clause), ...(fill && this.#fills(fill)) };
  }

  #fills(fill: SyntaxNode): Pick<Matching, 'fillLeft' | 'fillRight'> {
    const of = (side: string): number | undefined => {
      const clause = fill.getChild(`Fill${side}Clause`);
      if (clause === null) return undefined;
      const text = this.#text(clause.getChild('NumberDurationLiteral')!).replace(/\s/g, '');
      const number = parseNumber(text.replace(/^[-+]/, ''));
      if (number === undefined) this.#fail(clause.from, `bad number: ${quote(text)}`);
      return text[0] === '-' ? -number.value : number.value;
    };
    const both = of('');
    return { fillLeft: of('Left') ?? both, fillRight: of('Right') ?? both };
  }

  #clause(clause: SyntaxNode | null): Matching {
    if (clause === null) return { card: 'one-to-one', labels: [], on: false, include: [] };
    const lists = clause.getChildren('GroupingLabels');
    const labels = this.#labels(lists[0]!);
    const include = lists[1] ? this.#labels(lists[1]) : [];
    const card = clause.getChild('GroupLeft')
      ? 'many-to-one'
      : clause.getChild('GroupRight')
        ? 'one-to-many'
        : 'one-to-one';
    return { card, labels, on: clause.getChild('On') !== null, include };
  }

  #labels(list: SyntaxNode): string[] {
    const names: string[] = [];
    for (let child = list.firstChild; child !== null; child = child.nextSibling) {
      if (child.name === 'LabelName') names.push(this.#text(child));
      else if (child.name === 'QuotedLabelName') {
        const name = this.#string(child.firstChild!);
        if (!isValidName(name)) {
          this.#fail(child.from, `invalid label name for grouping: ${quote(name)}`);
        }
        names.push(name);
      }
    }
    return names;
  }

  #range(node: SyntaxNode): Item {
    const [range, step] = node.getChildren('DurationExpr');
    const read = (part: SyntaxNode) => readDuration(part, this.#query, true);
    const span = spanOf(node);
    if (node.name === 'MatrixSelector') return { kind: 'range', range: read(range!), span };
    return { kind: 'subquery', range: read(range!), step: step && read(step), span };
  }

  #atTime(node: SyntaxNode): number | 'start' | 'end' {
    const preprocessor = node.getChild('AtModifierPreprocessors');
    if (preprocessor) return this.#text(preprocessor).toLowerCase() === 'start' ? 'start' : 'end';
    const text = this.#text(node.lastChild!).replace(/\s/g, '');
    const sign = text[0] === '-' ? -1 : 1;
    const value = (parseNumber(text.replace(/^[-+]/, ''))?.value ?? Number.NaN) * sign;
    if (!Number.isFinite(value) || Math.abs(value) > 2 ** 63 / 1000) {
      this.#fail(node.lastChild!.from, `timestamp out of bounds for @ modifier: ${value}`);
    }
    return Math.round(value * 1000);
  }

  #operand(node: SyntaxNode): Expr {
    const span = spanOf(node);
    switch (node.name) {
      case 'ParenExpr':
        return { kind: 'paren', expr: this.#expr(exprsOf(node)[0]!), span };
      case 'StringLiteral':
        return { kind: 'string', value: this.#string(node), span };
      case 'VectorSelector':
        return this.#selector(node);
      case 'FunctionCall':
        return this.#call(node);
      case 'AggregateExpr':
        return this.#aggregate(node);
      default:
        return this.#fail(node.from, `${node.name} is not supported yet`);
    }
  }

  #string(node: SyntaxNode): string {
    const result = unquote(this.#text(node));
    if ('error' in result) this.#fail(node.from, result.error);
    return result.value;
  }

  #selector(node: SyntaxNode): Expr {
    const identifier = node.getChild('Identifier');
    const name = identifier ? this.#text(identifier) : '';
    const matchers: MatcherSpec[] = [];
    const list = node.getChild('LabelMatchers');
    for (let child = list?.firstChild ?? null; child !== null; child = child.nextSibling) {
      if (child.name === 'QuotedLabelName') {
        const quoted = this.#string(child.firstChild!);
        if (identifier !== null) {
          const text = `metric name must not be set twice: ${quote(name)} or ${quote(quoted)}`;
          this.#fail(node.from, text);
        }
        // Two quoted names are two conditions, as in Prometheus.
        matchers.push({ name: '__name__', op: '=', value: quoted });
      } else if (child.name.endsWith('LabelMatcher')) matchers.push(this.#matcher(child));
    }
    if (identifier) matchers.push({ name: '__name__', op: '=', value: name });
    const modifiers = { offsetMs: undefined, at: undefined };
    return { kind: 'vector-selector', name, matchers, ...modifiers, span: spanOf(node) };
  }

  #matcher(node: SyntaxNode): MatcherSpec {
    const quoted = node.getChild('QuotedLabelName');
    const name = quoted
      ? this.#string(quoted.firstChild!)
      : this.#text(node.getChild('LabelName')!);
    const op = this.#text(node.getChild('MatchOp')!) as MatcherOp;
    return { name, op, value: this.#string(node.lastChild!) };
  }

  #call(node: SyntaxNode): Call {
    const name = this.#text(node.firstChild!).toLowerCase();
    const body = node.getChild('FunctionCallBody')!;
    const args = exprsOf(body).map((arg) => this.#expr(arg));
    return { kind: 'call', name, args, span: spanOf(node) };
  }

  #aggregate(node: SyntaxNode): Aggregate {
    const op = this.#text(node.firstChild!).toLowerCase() as AggregateOp;
    const args = exprsOf(node.getChild('FunctionCallBody')!).map((arg) => this.#expr(arg));
    const modifier = node.getChild('AggregateModifier');
    const wanted = PARAMETERISED.has(op) ? 2 : 1;
    if (args.length === 0) {
      this.#fail(node.from, 'no arguments for aggregate expression provided');
    }
    if (args.length !== wanted) {
      const text = 'wrong number of arguments for aggregate expression provided';
      this.#fail(node.from, `${text}, expected ${wanted}, got ${args.length}`);
    }
    return {
      kind: 'aggregate',
      op,
      expr: args[wanted - 1]!,
      param: wanted === 2 ? unwrapString(args[0]!) : undefined,
      grouping: modifier ? this.#labels(modifier.getChild('GroupingLabels')!) : [],
      without: modifier?.getChild('Without') != null,
      span: spanOf(node),
    };
  }
}

const PARAMETERISED: ReadonlySet<AggregateOp> = new Set<AggregateOp>([
  'topk',
  'bottomk',
  'quantile',
  'count_values',
  'limitk',
  'limit_ratio',
]);

/** A string parameter may stand in parentheses. */
function unwrapString(expr: Expr): Expr {
  const inner = unwrap(expr);
  return inner.kind === 'string' ? inner : expr;
}

/** Comments are nodes too, wherever they stand. */
function afterComments(node: SyntaxNode): SyntaxNode {
  let at = node;
  while (at.name === 'LineComment' && at.nextSibling !== null) at = at.nextSibling;
  return at;
}

function spanOf(node: SyntaxNode): Span {
  return { start: node.from, end: node.to };
}

/** Direct children that are expressions, not punctuation or comments. */
function exprsOf(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name !== 'LineComment' && !/^\W+$/.test(child.name)) found.push(child);
  }
  return found;
}

/** Deep nesting would exhaust the stack of a recursive reader: refused before parsing. */
function checkDepth(query: string): void {
  let depth = 0;
  let signs = 0;
  for (let at = 0; at < query.length; at++) {
    const char = query[at]!;
    if (char === '(') depth++;
    else if (char === ')') depth--;
    signs = char === '-' || char === '+' || char === ' ' ? signs + 1 : 0;
    if (depth > QUERY_DEPTH_MAX || signs > 5000) {
      throw parseError(query, at, 'expression is nested too deep');
    }
  }
}
