// Trees of the queries asked last: a dashboard asks the same ones every few seconds, and parsing is a good part of
// what a small query costs. Trees are never changed, so that one serves many queries at a time.
import type { Expr } from './ast.ts';
import { parseExpr } from './parser.ts';

const QUERIES_MAX = 256;
/** A longer one is parsed each time: its tree takes some hundred times its text. */
const TEXT_MAX = 4096;

export class ParsedQueries {
  /** The one that was asked longest ago first. */
  readonly #trees = new Map<string, Expr>();

  /** As parseExpr(); errors are found anew each time. */
  parse(query: string): Expr {
    const known = this.#trees.get(query);
    const tree = known ?? parseExpr(query);
    if (query.length > TEXT_MAX) return tree;
    this.#trees.delete(query);
    this.#trees.set(query, tree);
    if (this.#trees.size > QUERIES_MAX) {
      for (const oldest of this.#trees.keys()) {
        this.#trees.delete(oldest);
        break;
      }
    }
    return tree;
  }
}
