// The type rules of PromQL, with Prometheus's texts. An expression that passes can be evaluated.

import { isKind, type WeirError } from '@weir/errors';
import { createMatcher } from '@weir/model';
import { signatureOf } from '../functions/signatures.ts';
import type { Binary, Call, Expr, ValueType, VectorSelector } from './ast.ts';
import { isComparison, isSetOp } from './ast.ts';
import { isValidName, quote } from './literals.ts';
import { parseError } from './syntax-error.ts';

/** Throws the first type error; the error says where. */
export function checkTypes(expr: Expr, query: string): ValueType {
  return new Checker(query).type(expr);
}

/** The type of an expression that has passed checkTypes. */
export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'number':
      return 'scalar';
    case 'string':
      return 'string';
    case 'matrix-selector':
    case 'subquery':
      return 'matrix';
    case 'vector-selector':
    case 'aggregate':
      return 'vector';
    case 'call':
      return signatureOf(expr.name)?.returns ?? 'vector';
    case 'paren':
    case 'unary':
      return typeOf(expr.expr);
    case 'binary':
      return typeOf(expr.left) === 'scalar' && typeOf(expr.right) === 'scalar'
        ? 'scalar'
        : 'vector';
  }
}

function unknownFunction(query: string, at: number, name: string): WeirError {
  return parseError(query, at, `unknown function with name ${quote(name)}`);
}

const DOCUMENTED: Readonly<Record<ValueType, string>> = {
  vector: 'instant vector',
  matrix: 'range vector',
  scalar: 'scalar',
  string: 'string',
  none: 'none',
};

class Checker {
  readonly #query: string;

  constructor(query: string) {
    this.#query = query;
  }

  type(expr: Expr): ValueType {
    switch (expr.kind) {
      case 'vector-selector':
        this.#selector(expr);
        break;
      case 'matrix-selector':
        this.#selector(expr.selector);
        break;
      case 'subquery':
        this.#subquery(expr.expr, expr.span.start);
        break;
      case 'aggregate':
        this.#expect(expr.expr, 'vector', 'aggregation expression');
        if (expr.param) {
          const wanted = expr.op === 'count_values' ? 'string' : 'scalar';
          this.#expect(expr.param, wanted, 'aggregation parameter');
        }
        break;
      case 'binary':
        this.#binary(expr);
        break;
      case 'call':
        this.#call(expr);
        break;
      case 'paren':
        this.type(expr.expr);
        break;
      case 'unary':
        this.#unary(expr.expr, expr.span.start);
        break;
      default:
        break;
    }
    return typeOf(expr);
  }

  #fail(at: number, message: string): never {
    throw parseError(this.#query, at, message);
  }

  #expect(expr: Expr, wanted: ValueType, context: string): void {
    const found = this.type(expr);
    if (found !== wanted) {
      const text = `expected type ${DOCUMENTED[wanted]} in ${context}, got ${DOCUMENTED[found]}`;
      this.#fail(expr.span.start, text);
    }
  }

  #unary(expr: Expr, at: number): void {
    const type = this.type(expr);
    if (type === 'scalar' || type === 'vector') return;
    const text = 'unary expression only allowed on expressions of type scalar or instant vector';
    this.#fail(at, `${text}, got ${quote(DOCUMENTED[type])}`);
  }

  #subquery(expr: Expr, at: number): void {
    const type = this.type(expr);
    if (type === 'vector') return;
    this.#fail(at, `subquery is only allowed on instant vector, got ${type} instead`);
  }

  #selector(selector: VectorSelector): void {
    if (!this.#matchers(selector)) {
      const text = 'vector selector must contain at least one non-empty matcher';
      this.#fail(selector.span.start, text);
    }
  }

  /** Whether one of them doesn't match the empty string. */
  #matchers(selector: VectorSelector): boolean {
    const at = selector.span.start;
    let nonEmpty = false;
    let named = false;
    for (const spec of selector.matchers) {
      if (spec.name !== '' && !isValidName(spec.name))
        this.#fail(at, `invalid label name ${quote(spec.name)}`);
      if (spec.name === '__name__' && selector.name !== '') {
        if (named || spec.value !== selector.name || spec.op !== '=') {
          const values = `${quote(selector.name)} or ${quote(spec.value)}`;
          this.#fail(at, `metric name must not be set twice: ${values}`);
        }
        named = true;
      }
      try {
        if (!createMatcher(spec).matches('')) nonEmpty = true;
      } catch (error) {
        if (!isKind(error, 'invalid')) throw error;
        this.#fail(at, (error as Error).message);
      }
    }
    return nonEmpty;
  }

  #binary(expr: Binary): void {
    const left = this.type(expr.left);
    const right = this.type(expr.right);
    const at = expr.opSpan.start;
    const { matching } = expr;
    const scalars = left === 'scalar' && right === 'scalar';
    if (expr.returnBool && !isComparison(expr.op)) {
      this.#fail(at, 'bool modifier can only be used on comparison operators');
    }
    if (isComparison(expr.op) && !expr.returnBool && scalars) {
      this.#fail(at, 'comparisons between scalars must use BOOL modifier');
    }
    if (matching.on) {
      const twice = matching.labels.find((label) => matching.include.includes(label));
      if (twice !== undefined) {
        this.#fail(at, `label ${quote(twice)} must not occur in ON and GROUP clause at once`);
      }
    }
    this.#operand(expr.left, left);
    this.#operand(expr.right, right);
    this.#matching(expr, left === 'vector' && right === 'vector');
    if (isSetOp(expr.op) && (left === 'scalar' || right === 'scalar')) {
      this.#fail(
        expr.left.span.start,
        `set operator ${quote(expr.op)} not allowed in binary scalar expression`,
      );
    }
  }

  #operand(expr: Expr, type: ValueType): void {
    if (type === 'scalar' || type === 'vector') return;
    this.#fail(
      expr.span.start,
      'binary expression must contain only scalar and instant vector types',
    );
  }

  #matching(expr: Binary, vectors: boolean): void {
    const { matching } = expr;
    const at = expr.left.span.start;
    if (!vectors && matching.labels.length > 0) {
      this.#fail(at, 'vector matching only allowed between instant vectors');
    }
    if (matching.fillLeft !== undefined || matching.fillRight !== undefined) {
      if (!vectors)
        this.#fail(at, 'filling in missing series only allowed between instant vectors');
      if (isSetOp(expr.op)) {
        this.#fail(at, 'filling in missing series not allowed for set operators');
      }
    }
    if (vectors && isSetOp(expr.op) && matching.card !== 'many-to-many') {
      this.#fail(at, `no grouping allowed for ${quote(expr.op)} operation`);
    }
  }

  /** info()'s second argument: braces with any matchers, not a selection. */
  #dataLabels(arg: Expr): void {
    const plain =
      arg.kind === 'vector-selector' &&
      arg.name === '' &&
      arg.at === undefined &&
      arg.offsetMs === undefined;
    if (!plain) {
      const what = arg.kind === 'vector-selector' ? ', got vector selector instead' : '';
      this.#fail(arg.span.start, `expected label selectors only${what}`);
    }
    this.#matchers(arg);
  }

  #call(call: Call): void {
    const at = call.span.start;
    const signature = signatureOf(call.name);
    if (signature === undefined) {
      throw unknownFunction(this.#query, at, call.name);
    }
    const { args, variadic } = signature;
    const given = call.args.length;
    const called = `argument(s) in call to ${quote(call.name)}, got ${given}`;
    if (variadic === 0 && given !== args.length) {
      this.#fail(at, `expected ${args.length} ${called}`);
    }
    if (variadic !== 0) {
      const least = args.length - 1;
      if (given < least) this.#fail(at, `expected at least ${least} ${called}`);
      if (variadic > 0 && given > least + variadic) {
        this.#fail(at, `expected at most ${least + variadic} ${called}`);
      }
    }
    call.args.forEach((arg, index) => {
      if (call.name === 'info' && index === 1) {
        this.#dataLabels(arg);
        return;
      }
      const wanted = args[Math.min(index, args.length - 1)]!;
      this.#expect(arg, wanted, `call to function ${quote(call.name)}`);
    });
  }
}
