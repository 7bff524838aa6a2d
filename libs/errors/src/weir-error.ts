// The one error class of Weir. A kind says what the caller does next; the message is for people and
// carries Mimir's `err-mimir-*` id where one exists. HTTP status follows from the kind unless given.

/** What the caller does next. Adding a kind needs a decision record. */
export type ErrorKind =
  | 'invalid' // fix the request (400)
  | 'unauthenticated' // say who you are (401)
  | 'not-found' // ask for something that exists (404)
  | 'limited' // slow down, then retry (429)
  | 'unavailable' // retry later (503)
  | 'timeout' // retry, or ask for less (504)
  | 'canceled' // nobody waits for the answer (499)
  | 'fenced' // stop owning: somebody else does (503)
  | 'corrupt' // quarantine and alert (500)
  | 'closed' // the part is shut down (503)
  | 'internal'; // a bug (500)

const STATUS: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  'not-found': 404,
  limited: 429,
  unavailable: 503,
  timeout: 504,
  canceled: 499,
  fenced: 503,
  corrupt: 500,
  closed: 503,
  internal: 500,
};

export interface WeirErrorOptions {
  /** Overrides the HTTP status that the kind implies. */
  readonly status?: number;
  readonly cause?: unknown;
}

export class WeirError extends Error {
  readonly kind: ErrorKind;
  readonly status: number;

  constructor(kind: ErrorKind, message: string, options: WeirErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'WeirError';
    this.kind = kind;
    this.status = options.status ?? STATUS[kind];
  }
}

/** Narrows what a catch clause got; anything unknown becomes an internal error that keeps its cause. */
export function toWeirError(error: unknown): WeirError {
  if (error instanceof WeirError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new WeirError('internal', message, { cause: error });
}

export function isKind(error: unknown, kind: ErrorKind): boolean {
  return error instanceof WeirError && error.kind === kind;
}
