// Tokens for SASL OAUTHBEARER: as a flag, from a file that something else keeps fresh, or from a server
// on a Unix socket, in Mimir's notation. The client asks again when four fifths of a lifetime are over.
import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { WeirError } from '@weir/errors';
import type { KafkaSettings } from './flags.ts';

/** Of a token that doesn't say when it expires: the source is read again well before. */
const UNKNOWN_LIFETIME_MS = 5 * 60_000;

/** As the client's callback returns it. */
export interface OAuthToken {
  readonly tokenValue: string;
  /** Milliseconds since 1970 when it ends. */
  readonly lifetime: number;
  readonly principal: string;
  readonly extensions?: Readonly<Record<string, string>>;
}

/** Throws `invalid` for a source that holds no token, or one that has expired. */
export async function readToken(settings: KafkaSettings, nowMs: number): Promise<OAuthToken> {
  const { saslOauthbearerFilePath: file, saslOauthbearerHttpSocketPath: socket } = settings;
  if (file !== '') return parse(await readFile(file, 'utf8'), file, nowMs);
  if (socket !== '') {
    return parse(await ask(socket, settings.saslOauthbearerHttpSocketTimeoutMs), socket, nowMs);
  }
  const flag = '-ingest-storage.kafka.sasl-oauthbearer-token';
  return tokenOf(settings.saslOauthbearerToken, settings.saslOauthbearerExtensions, flag, nowMs);
}

function parse(content: string, source: string, nowMs: number): OAuthToken {
  let value: { token?: unknown; zid?: unknown; extensions?: Record<string, string> };
  try {
    value = JSON.parse(content);
  } catch (cause) {
    // The content may be the token: not in the message, nor as a cause that quotes it.
    const { name } = cause as Error;
    throw new WeirError('invalid', `${source} holds no JSON (${name})`);
  }
  if (typeof value?.token !== 'string') {
    throw new WeirError('invalid', `${source} holds no "token"`);
  }
  if (value.zid) throw new WeirError('invalid', `${source}: "zid" is not supported`);
  return tokenOf(value.token, value.extensions ?? {}, source, nowMs);
}

function tokenOf(
  token: string,
  extensions: Readonly<Record<string, string>>,
  source: string,
  nowMs: number,
): OAuthToken {
  const claims = claimsOf(token);
  const endMs = typeof claims.exp === 'number' ? claims.exp * 1000 : nowMs + UNKNOWN_LIFETIME_MS;
  if (endMs <= nowMs) {
    throw new WeirError(
      'invalid',
      `the token of ${source} expired at ${new Date(endMs).toISOString()}`,
    );
  }
  const principal = typeof claims.sub === 'string' ? claims.sub : '';
  return { tokenValue: token.trim(), lifetime: endMs, principal, extensions };
}

/** What a JSON web token claims; nothing for any other token. */
function claimsOf(token: string): { readonly exp?: unknown; readonly sub?: unknown } {
  const [, payload] = token.split('.');
  try {
    return JSON.parse(Buffer.from(payload ?? '', 'base64url').toString('utf8')) ?? {};
  } catch {
    return {};
  }
}

function ask(socketPath: string, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (why: string) =>
      reject(new WeirError('unavailable', `no token from ${socketPath}: ${why}`));
    const request = get({ socketPath, path: '/', timeout }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body);
        else failed(`status ${response.statusCode}`);
      });
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', (error) => failed(error.message));
  });
}
