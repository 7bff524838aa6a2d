// Why brokers can't be used. The client's own errors say "timed out" or "transport failure"; what
// happened (a refused password, a certificate, a closed port) stands in its log only. So that log is
// read, told at most once a minute for each broker and reason, and put into the errors of calls.
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import { CODE, codeOf, disconnect, type KafkaConsumer, type KafkaProducer } from './driver.ts';
import type { KafkaSettings } from './flags.ts';
import { certificateReason } from './tls-reason.ts';

/** How long a reason explains calls that fail; the client repeats the same one every 30 s at most. */
const KEPT_MS = 90_000;
const TOLD_EVERY_MS = 60_000;
/** Another broker may take what one has refused. */
const REFUSED_WITHIN_MS = 1500;
/** Severities of syslog: from there on a line is no trouble by itself (an idle connection was closed). */
const NOTICE = 5;

type Client = KafkaConsumer | KafkaProducer;

interface LogLine {
  readonly severity: number;
  readonly fac: string;
  readonly message: string;
}

export interface Reason {
  /** host:port; empty when no broker has said it. */
  readonly broker: string;
  readonly text: string;
  /** Time alone does not mend it: credentials or certificates are refused. */
  readonly refused: boolean;
}

export interface Trouble {
  /** How brokers are told who this is, in words. */
  readonly security: string;
  /** Before the client connects. */
  watch(client: Client): void;
  /** `unavailable` when nobody answers in time, `invalid` when brokers refuse this client. */
  connect(client: Client, timeoutMs: number): Promise<void>;
  /** The error with what brokers said, where it is the kind of error that says nothing itself. */
  explain(error: unknown): unknown;
}

/** `ssl://host:9093/1: text (after 3ms in state CONNECT, 2 identical error(s) suppressed)`. */
const LINE =
  /^(?:\[thrd:[^\]]*\]: )?(?:[a-z_]+:\/\/)?([^/\s]+:\d+)\/(?:bootstrap|\d+): (.*?)(?: \(after \d+ms in state .*\))?$/s;
const REFUSED = /SASL authentication error|SSL handshake failed|SSL alert|oauthbearer/i;
/** Not even a port is open: no consequence of a refusal. */
const UNREACHED = /^Connect to |^Failed to resolve /;
/** They only say that something is wrong, and the log has said what. */
const EMPTY_ERRORS =
  /transport failure|connections are down|authentication failure|ssl error|resolution failure|timed out/i;

/** Errors of calls that say nothing but that there is trouble. */
const SILENT = new Set<number>([
  ...[CODE.timedOut, CODE.transport, CODE.messageTimedOut],
  ...[CODE.fatal, CODE.purgedInQueue, CODE.purgedInFlight],
]);

function textOf(message: string): string {
  return message.replace(/^\[thrd:[^\]]*\]: /, '');
}

/** What a line of the client's log says of a broker; undefined when it is of something else. */
export function reasonOf(message: string): Reason | undefined {
  const found = LINE.exec(message);
  if (found === null) return undefined;
  const [, broker, text] = found;
  const closed = text!.includes('receive 0 after POLLIN');
  const hint = ' (brokers close so on clients that leave out TLS or SASL where they want it)';
  return {
    broker: broker!,
    text: closed ? text + hint : text!,
    refused: REFUSED.test(text!),
  };
}

/** How this process tells brokers who it is, without its secrets. */
export function securityOf(settings: KafkaSettings): string {
  const { saslMechanism, saslUsername, tlsEnabled } = settings;
  const channel = tlsEnabled ? 'TLS' : 'no TLS';
  if (saslMechanism === 'OAUTHBEARER') return `${channel}, OAUTHBEARER`;
  if (saslUsername !== '') return `${channel}, ${saslMechanism} as ${saslUsername}`;
  return `${channel}, ${settings.tlsCertPath === '' ? 'no SASL' : 'client certificate'}`;
}

export function createTrouble(
  settings: KafkaSettings,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Trouble {
  const reasons = new Map<string, Reason & { readonly atMs: number }>();
  const toldMs = new Map<string, number>();
  const waiting = new Set<() => void>();
  const security = securityOf(settings);

  const note = (reason: Reason, severity: number) => {
    const nowMs = clock.steadyMs();
    const before = reasons.get(reason.broker);
    // What follows from a refusal (a closed connection, a time-out) must not hide it.
    const follows = !reason.refused && !UNREACHED.test(reason.text);
    const isHidden = before?.refused === true && follows && nowMs - before.atMs < KEPT_MS;
    if (!isHidden) reasons.set(reason.broker, { ...reason, atMs: nowMs });
    const key = `${reason.broker} ${reason.text}`;
    const told = toldMs.get(key);
    if (severity < NOTICE && (told === undefined || nowMs - told > TOLD_EVERY_MS)) {
      toldMs.set(key, nowMs);
      log.warn({ broker: reason.broker, security }, `kafka: ${reason.text}`);
    }
    if (reason.refused) for (const wake of waiting) wake();
  };

  const recent = () => {
    const sinceMs = clock.steadyMs() - KEPT_MS;
    return [...reasons.values()].filter(({ atMs }) => atMs >= sinceMs);
  };
  const told = (found: readonly Reason[]) =>
    found
      .map(({ broker, text }) => (broker === '' ? text : `broker ${broker}: ${text}`))
      .join('; ');

  /** Rejects a while after a broker has refused this client. */
  const refusal = () => {
    let wake = () => {};
    const rejected = new Promise<never>((_resolve, reject) => {
      wake = () => {
        waiting.delete(wake);
        clock.after(REFUSED_WITHIN_MS, () => void refused().then(reject));
      };
      waiting.add(wake);
    });
    rejected.catch(() => {});
    return { rejected, forget: () => waiting.delete(wake) };
  };

  const refused = async () => {
    const found = recent().filter((reason) => reason.refused);
    const certificate = found.find(({ text }) => text.includes('certificate verify failed'));
    const more = certificate && (await certificateReason(certificate.broker, settings));
    const message = `Kafka refuses this client (${security}): ${told(found)}`;
    return new WeirError('invalid', more ? `${message}; ${more}` : message);
  };

  return {
    security,
    watch(client) {
      // The client's types leave out the events of librdkafka that it emits beside its own.
      const lines = client as unknown as {
        on(event: string, listener: (value: never) => void): void;
      };
      lines.on('event.log', ({ severity, fac, message }: LogLine) => {
        const reason = reasonOf(message);
        if (reason !== undefined && fac === 'FAIL') note(reason, severity);
        else if (fac === 'FATAL')
          note({ broker: '', text: textOf(message), refused: false }, severity);
        else if (severity < NOTICE) log.warn({ fac }, `kafka: ${message}`);
      });
      // A token that can't be had: without a listener the event would end the process.
      lines.on('error', (error: Error) => {
        const text = error.message.replace(/^(oauthbearer_token_refresh_cb: )+/, '');
        note({ broker: '', text: `no OAUTHBEARER token: ${text}`, refused: true }, 3);
      });
      lines.on('event.error', (error: Error) => {
        if (!EMPTY_ERRORS.test(error.message)) log.warn({ err: error }, 'kafka client');
      });
    },
    async connect(client, timeoutMs) {
      const { rejected, forget } = refusal();
      const connecting = new Promise<void>((resolve, reject) => {
        const options = { timeout: timeoutMs, allTopics: false };
        client.connect(options, (error: unknown) => (error ? reject(error) : resolve()));
      });
      try {
        await Promise.race([connecting, rejected]);
      } catch (error) {
        void connecting.then(() => disconnect(client)).catch(() => {});
        if (error instanceof WeirError) throw error;
        const found = recent();
        if (found.some((reason) => reason.refused)) throw await refused();
        const address = settings.address.join(',');
        const message = `no Kafka broker answers at ${address} (-ingest-storage.kafka.address; ${security})`;
        const why = found.length > 0 ? told(found) : (error as Error).message;
        throw new WeirError('unavailable', `${message}: ${why}`, { cause: error });
      } finally {
        forget();
      }
    },
    explain(error) {
      if (!SILENT.has(codeOf(error) ?? 0)) return error;
      const found = recent();
      if (found.length === 0) return error;
      const { kind, message } = error as WeirError;
      return new WeirError(kind, `${message}: ${told(found)}`, { cause: error });
    },
  };
}
