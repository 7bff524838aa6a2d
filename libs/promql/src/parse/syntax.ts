// Refuses what is no PromQL, in Prometheus's words and at its place: the first token that nothing it may be part
// of goes on with, and within what. It also finds, in the order of reading, the faults that Prometheus finds while
// it reads. It makes no tree (parser.ts does, of what passes here) and knows no types (types.ts).
import type { WeirError } from '@weir/errors';
import { createMatcher } from '@weir/model';
import { signatureOf } from '../functions/signatures.ts';
import { parseNumber, quote, unquote } from './literals.ts';
import { parseError } from './syntax-error.ts';
import { type Token, tokensOf } from './tokens.ts';

const PARAMETERISED = new Set('topk bottomk quantile count_values limitk limit_ratio'.split(' '));
/** Words of the language that may name a metric all the same. */
const NAMING_KEYWORDS = new Set(['by', 'without', 'offset', 'anchored', 'smoothed']);
const DURATION_OPERATORS = new Set(['+', '-', '*', '/', '%', '^']);
const TIME_MAX_SECONDS = 2 ** 63 / 1000;

const RANGE = ' in subquery or range selector, expected number, duration, step(), or range()';
const STEP = ' in subquery selector, expected number, duration, step(), range(), or "]"';
const OFFSET = ' in offset, expected number, duration, step(), or range()';

/** What an operand is, as far as modifiers behind it ask. */
interface Operand {
  kind: 'selector' | 'matrix' | 'subquery' | 'other';
  readonly at: number;
  hasOffset?: boolean;
  hasTime?: boolean;
  extension?: string;
}

/** Throws `invalid` at the first fault. The nesting must have been checked. */
export function checkSyntax(query: string): void {
  new SyntaxCheck(query).check();
}

class SyntaxCheck {
  readonly #query: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  /** Aggregations that are begun and not ended. */
  #aggregations = 0;

  constructor(query: string) {
    this.#query = query;
    this.#tokens = tokensOf(query);
  }

  check(): void {
    const { kind } = this.#token;
    if (kind === 'end') throw parseError(this.#query, 0, 'no expression found in input');
    this.#expression();
    if (this.#token.kind !== 'end') this.#unexpected();
  }

  /** The last one, an end or a fault, stays. */
  get #token(): Token {
    return this.#tokens[this.#next]!;
  }

  #take(): Token {
    const token = this.#token;
    if (this.#next < this.#tokens.length - 1) this.#next++;
    return token;
  }

  #is(text: string): boolean {
    const { kind, word } = this.#token;
    return word === text && kind !== 'string' && kind !== 'fault';
  }

  #takes(text: string): boolean {
    const found = this.#is(text);
    if (found) this.#take();
    return found;
  }

  #fail(at: number, message: string): never {
    throw parseError(this.#query, at, message);
  }

  #unexpected(context = this.#aggregations > 0 ? ' in aggregation' : ''): never {
    const token = this.#token;
    if (token.kind === 'fault') this.#fail(token.at, token.text);
    this.#fail(token.at, `unexpected ${described(token)}${context}`);
  }

  #expect(text: string, context?: string): void {
    if (!this.#takes(text)) this.#unexpected(context);
  }

  #expression(): void {
    this.#signed();
    while (this.#isBinary()) {
      this.#take();
      this.#binaryModifiers();
      this.#signed();
    }
  }

  #isBinary(): boolean {
    const { kind, word } = this.#token;
    return kind === 'operator' && word !== '@' && word !== '=~' && word !== '!~';
  }

  #binaryModifiers(): void {
    this.#takes('bool');
    if (this.#is('on') || this.#is('ignoring')) {
      this.#take();
      this.#grouping();
      if (this.#is('group_left') || this.#is('group_right')) {
        this.#take();
        if (this.#is('(') || !this.#beginsOperand()) this.#grouping();
      }
    }
    const first = this.#token.word;
    if (!this.#isFill()) return;
    this.#fill();
    if (first !== 'fill' && this.#isFill() && !this.#is('fill') && !this.#is(first)) this.#fill();
  }

  #isFill(): boolean {
    return this.#token.kind === 'fill' && this.#tokens[this.#next + 1]?.text === '(';
  }

  #fill(): void {
    this.#take();
    this.#expect('(');
    if (this.#is('-') || this.#is('+')) this.#take();
    const { kind } = this.#token;
    if (kind !== 'number' && kind !== 'duration') this.#unexpected();
    this.#take();
    this.#expect(')');
  }

  #signed(): void {
    while (this.#is('+') || this.#is('-')) this.#take();
    const operand = this.#operand();
    while (this.#postfix(operand));
  }

  /** Whether the next token may be an operand's first. */
  #beginsOperand(): boolean {
    const { kind, word } = this.#token;
    switch (kind) {
      case 'identifier':
      case 'metric identifier':
      case 'string':
      case 'number':
      case 'duration':
      case 'aggregation':
      case 'preprocessor':
      case 'fill':
        return true;
      case 'keyword':
        return NAMING_KEYWORDS.has(word);
      case 'operator':
        return ['+', '-', 'and', 'or', 'unless'].includes(word);
      case 'mark':
        return word === '(' || word === '{';
      default:
        return false;
    }
  }

  #operand(): Operand {
    const { kind, word, at } = this.#token;
    if (!this.#beginsOperand() || word === '+' || word === '-') this.#unexpected();
    if (kind === 'string' || kind === 'number' || kind === 'duration') {
      this.#take();
      return { kind: 'other', at };
    }
    if (this.#takes('(')) {
      this.#expression();
      this.#expect(')');
      return { kind: 'other', at };
    }
    if (this.#is('{')) {
      this.#matchers();
      return { kind: 'selector', at };
    }
    if (kind === 'aggregation' && this.#isAggregation()) return this.#aggregation();
    const name = this.#take();
    const isCallable = kind === 'identifier' || kind === 'preprocessor';
    if (isCallable && this.#is('(')) return this.#call(name);
    if (this.#is('{')) this.#matchers();
    return { kind: 'selector', at };
  }

  #isAggregation(): boolean {
    const next = this.#tokens[this.#next + 1]!;
    return next.text === '(' || (next.kind === 'keyword' && /^(by|without)$/.test(next.word));
  }

  #aggregation(): Operand {
    const { word, at } = this.#take();
    this.#aggregations++;
    const isGrouped = this.#modifier();
    const args = this.#arguments();
    if (!isGrouped) this.#modifier();
    this.#aggregations--;
    const wanted = PARAMETERISED.has(word) ? 2 : 1;
    if (args === 0) this.#fail(at, 'no arguments for aggregate expression provided');
    if (args !== wanted) {
      const text = 'wrong number of arguments for aggregate expression provided';
      this.#fail(at, `${text}, expected ${wanted}, got ${args}`);
    }
    return { kind: 'other', at };
  }

  #modifier(): boolean {
    if (!this.#is('by') && !this.#is('without')) return false;
    this.#take();
    this.#grouping();
    return true;
  }

  #call({ text, word, at }: Token): Operand {
    this.#arguments();
    if (signatureOf(word) === undefined) {
      this.#fail(at, `unknown function with name ${quote(text)}`);
    }
    return { kind: 'other', at };
  }

  /** In parentheses; their number. */
  #arguments(): number {
    this.#expect('(');
    if (this.#takes(')')) return 0;
    for (let count = 1; ; count++) {
      this.#expression();
      const { at } = this.#token;
      if (this.#takes(')')) return count;
      this.#expect(',');
      if (this.#beginsOperand()) continue;
      if (this.#token.kind === 'fault') this.#unexpected();
      this.#fail(at, 'trailing commas not allowed in function call args');
    }
  }

  #grouping(): void {
    this.#expect('(', ' in grouping opts, expected "("');
    while (!this.#takes(')')) {
      const { kind, word } = this.#token;
      const isWord =
        kind === 'operator'
          ? /^\w+$/.test(word)
          : !['mark', 'number', 'duration', 'end', 'fault'].includes(kind);
      if (!isWord || word === 'without') this.#unexpected(' in grouping opts, expected label');
      this.#take();
      if (!this.#takes(',') && !this.#is(')')) {
        this.#unexpected(' in grouping opts, expected "," or ")"');
      }
    }
  }

  #matchers(): void {
    const context = ' in label matching, expected';
    this.#expect('{');
    while (!this.#takes('}')) {
      const name = this.#token;
      if (name.kind !== 'identifier' && name.kind !== 'string') {
        this.#unexpected(`${context} identifier or "}"`);
      }
      this.#take();
      const op = this.#token;
      const isOperator = op.kind === 'operator' || this.#is('=');
      if (isOperator) {
        this.#take();
        const value = this.#token;
        if (value.kind !== 'string') this.#unexpected(`${context} string`);
        this.#take();
        this.#checkRegex(name, op.text, value.text);
      } else if (name.kind === 'identifier') {
        this.#unexpected(`${context} label matching operator`);
      }
      if (!this.#takes(',') && !this.#is('}')) this.#unexpected(`${context} "," or "}"`);
    }
  }

  #checkRegex(name: Token, op: string, literal: string): void {
    if (op !== '=~' && op !== '!~') return;
    const value = unquote(literal);
    if ('error' in value) return;
    try {
      createMatcher({ name: name.text, op, value: value.value });
    } catch (error) {
      this.#fail(name.at, (error as WeirError).message);
    }
  }

  /** Whether there was one. */
  #postfix(operand: Operand): boolean {
    const { at } = this.#token;
    if (this.#takes('[')) this.#range(operand, at);
    else if (this.#takes('offset')) this.#offset(operand);
    else if (this.#takes('@')) this.#time(operand);
    else if (this.#is('anchored') || this.#is('smoothed')) {
      this.#extension(operand, this.#take().word);
    } else return false;
    return true;
  }

  #range(operand: Operand, at: number): void {
    this.#duration(RANGE);
    if (this.#takes(':')) {
      if (!this.#is(']')) this.#duration(STEP);
      this.#expect(']', ' in subquery selector, expected "]"');
      operand.kind = 'subquery';
      [operand.hasOffset, operand.hasTime] = [false, false];
      return;
    }
    this.#expect(']', ' in subquery or range, expected ":" or "]"');
    if (operand.kind !== 'selector') this.#fail(at, 'ranges only allowed for vector selectors');
    if (operand.hasOffset) this.#fail(at, 'no offset modifiers allowed before range');
    if (operand.hasTime) this.#fail(at, 'no @ modifiers allowed before range');
    operand.kind = 'matrix';
  }

  #duration(context: string): void {
    this.#durationOperand(context);
    while (this.#token.kind === 'operator' && DURATION_OPERATORS.has(this.#token.word)) {
      this.#take();
      this.#durationOperand(context);
    }
  }

  #durationOperand(context: string): void {
    while (this.#is('+') || this.#is('-')) this.#take();
    const { kind, word } = this.#token;
    if (kind === 'number' || kind === 'duration') this.#take();
    else if (this.#takes('(')) {
      this.#duration(context);
      this.#expect(')', context);
    } else if (kind === 'preprocessor' && (word === 'step' || word === 'range')) {
      this.#take();
      this.#expect('(', context);
      this.#expect(')', context);
    } else if (word === 'min_of' || word === 'max_of') {
      this.#take();
      this.#expect('(', context);
      this.#duration(context);
      this.#expect(',', context);
      this.#duration(context);
      this.#expect(')', context);
    } else this.#unexpected(context);
  }

  #offset(operand: Operand): void {
    this.#durationOperand(OFFSET);
    this.#mustBeSelection(operand, 'offset modifier');
    if (operand.hasOffset) this.#fail(operand.at, 'offset may not be set multiple times');
    operand.hasOffset = true;
  }

  #time(operand: Operand): void {
    const context = ' in @, expected timestamp';
    const isNegative = this.#is('-');
    const isSigned = isNegative || this.#is('+');
    if (isSigned) this.#take();
    const { kind, text } = this.#token;
    let seconds = 0;
    if (kind === 'number' || kind === 'duration') {
      this.#take();
      seconds = (parseNumber(text)?.value ?? Number.NaN) * (isNegative ? -1 : 1);
    } else if (!isSigned && (this.#takes('start') || this.#takes('end'))) {
      this.#expect('(', context);
      this.#expect(')', context);
    } else this.#unexpected(context);
    if (!(Math.abs(seconds) <= TIME_MAX_SECONDS)) {
      const told = fixed(seconds);
      this.#fail(operand.at, `timestamp out of bounds for @ modifier: ${told}`);
    }
    this.#mustBeSelection(operand, '@ modifier');
    if (operand.hasTime) this.#fail(operand.at, '@ <timestamp> may not be set multiple times');
    operand.hasTime = true;
  }

  #mustBeSelection({ kind, at }: Operand, modifier: string): void {
    if (kind !== 'other') return;
    const wanted = 'an instant vector selector or range vector selector or a subquery';
    this.#fail(at, `${modifier} must be preceded by ${wanted}`);
  }

  #extension(operand: Operand, extension: string): void {
    const { kind, at } = operand;
    if (kind === 'other') this.#fail(at, `${extension} modifier not implemented`);
    if (kind === 'subquery') {
      this.#fail(at, `${extension} modifier is not supported for subqueries`);
    }
    if (operand.extension !== undefined && operand.extension !== extension) {
      this.#fail(at, 'anchored and smoothed modifiers cannot be used together');
    }
    operand.extension = extension;
  }
}

/** As Go's %f. */
function fixed(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}

const LITERAL_MAX = 10;

function described({ kind, text }: Token): string {
  switch (kind) {
    case 'end':
      return 'end of input';
    case 'identifier':
    case 'metric identifier':
      return `${kind} ${quote(text)}`;
    case 'fill':
      return `identifier ${quote(text)}`;
    case 'string':
    case 'number':
    case 'duration': {
      const characters = [...text];
      if (characters.length <= LITERAL_MAX) return `${kind} ${quote(text)}`;
      return `${kind} ${quote(characters.slice(0, LITERAL_MAX).join(''))}...`;
    }
    case 'operator':
      return `<op:${text}>`;
    case 'aggregation':
      return `<aggr:${text}>`;
    case 'keyword':
      return `<${text}>`;
    default:
      return quote(text);
  }
}
