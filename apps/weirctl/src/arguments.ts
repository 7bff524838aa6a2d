// weirctl's command line as data. Node's own parser splits it; what it means is decided here. Anything that is not
// understood is an error that says what is: a typing mistake must not change a cluster.
import { parseArgs } from 'node:util';
import { parseDuration } from '@weir/config';
import { WeirError } from '@weir/errors';

export const HELP = `weirctl: looks after a cluster of Weir

  weirctl partitions list [--json]          each partition: state, owners, how far they are, lag, rate, series
  weirctl partitions watch [--interval 2s]  the same, again and again
  weirctl partitions scale --to N           the first N partitions are written, all others only read
  weirctl partitions drain INSTANCE         have others take over an ingester's partitions, so that it can stop
  weirctl partitions drain INSTANCE --undo  let it stay after all
  weirctl partitions lock N...              keep the state of partitions, whatever rollout tools ask
  weirctl partitions unlock N...

  --address URL   any process of the cluster (default: WEIR_ADDRESS, or http://localhost:8080)
  --no-wait       of scale and drain: don't wait until it has happened
  --timeout 10m   how long to wait

Exit code: 0 done, 1 refused or failed, 2 not understood.
`;

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'list'; readonly json: boolean }
  | { readonly kind: 'watch'; readonly intervalMs: number }
  | { readonly kind: 'scale'; readonly to: number; readonly waitMs: number }
  | {
      readonly kind: 'drain';
      readonly instance: string;
      readonly undo: boolean;
      readonly waitMs: number;
    }
  | { readonly kind: 'lock'; readonly partitions: readonly number[]; readonly locked: boolean };

export interface ParsedArguments {
  readonly command: Command;
  /** Without a slash at its end. */
  readonly address: string;
}

const OPTIONS = {
  address: { type: 'string' },
  json: { type: 'boolean' },
  to: { type: 'string' },
  interval: { type: 'string' },
  undo: { type: 'boolean' },
  'no-wait': { type: 'boolean' },
  timeout: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parse>['values'];

/** Which options a command has, beside those of all. */
const ALLOWED: Readonly<Record<string, readonly (keyof Values)[]>> = {
  list: ['json'],
  watch: ['interval'],
  scale: ['to', 'no-wait', 'timeout'],
  drain: ['undo', 'no-wait', 'timeout'],
  lock: [],
  unlock: [],
};

/** Throws `invalid` for anything that is not a whole command. */
export function parseArguments(argv: readonly string[], defaultAddress: string): ParsedArguments {
  const { values, positionals } = parse(argv);
  const address = addressOf(values.address ?? defaultAddress);
  if (values.help || positionals.length === 0) return { command: { kind: 'help' }, address };
  const [noun, verb = '', ...rest] = positionals;
  const allowed = ALLOWED[verb];
  if (noun !== 'partitions' || !Object.hasOwn(ALLOWED, verb) || allowed === undefined) {
    throw misused(`unknown command: ${positionals.join(' ')}`);
  }
  const strange = (Object.keys(values) as (keyof Values)[]).find(
    (name) => name !== 'address' && !allowed.includes(name),
  );
  if (strange !== undefined) throw misused(`partitions ${verb} has no --${strange}`);
  return { command: commandOf(verb, rest, values), address };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw misused(error instanceof Error ? error.message : String(error));
  }
}

function commandOf(verb: string, rest: readonly string[], values: Values): Command {
  switch (verb) {
    case 'list':
      none(verb, rest);
      return { kind: 'list', json: values.json ?? false };
    case 'watch':
      none(verb, rest);
      return { kind: 'watch', intervalMs: duration('interval', values.interval ?? '2s') };
    case 'scale':
      none(verb, rest);
      if (values.to === undefined) throw misused('partitions scale needs --to N');
      return { kind: 'scale', to: whole(values.to), waitMs: waitMsOf(values) };
    case 'drain': {
      const [instance] = rest;
      if (instance === undefined || rest.length > 1) {
        throw misused('partitions drain needs one INSTANCE');
      }
      return { kind: 'drain', instance, undo: values.undo ?? false, waitMs: waitMsOf(values) };
    }
    default:
      if (rest.length === 0) throw misused(`partitions ${verb} needs partitions: ${verb} 3 4`);
      return { kind: 'lock', partitions: rest.map(whole), locked: verb === 'lock' };
  }
}

/** 0: not at all. */
function waitMsOf(values: Values): number {
  return values['no-wait'] ? 0 : duration('timeout', values.timeout ?? '10m');
}

function duration(name: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw misused(`--${name} ${text} is not a duration like 30s`);
  return ms;
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw misused(`${text} is not a number of partitions`);
  return Number(text);
}

function none(verb: string, rest: readonly string[]): void {
  if (rest.length > 0) throw misused(`partitions ${verb} takes no ${rest.join(' ')}`);
}

function addressOf(text: string): string {
  const url = text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(url)) throw misused(`--address ${text} is no URL`);
  return url.replace(/\/+$/, '');
}

function misused(message: string): WeirError {
  return new WeirError('invalid', `${message}\nweirctl --help tells what there is`);
}
