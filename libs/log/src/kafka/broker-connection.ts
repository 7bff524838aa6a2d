// One connection to one broker in Kafka's own protocol, for the requests that the native client lacks
// (topic settings). It knows no cluster, keeps nothing and tries nothing twice: whoever calls it can do
// without the answer. Versions are the lowest that both old brokers and Kafka 4 take.
//
// Format: the Kafka protocol guide (kafka.apache.org/protocol); SCRAM: RFC 5802 and 7677.
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WeirError } from '@weir/errors';
import { systemRandom } from '@weir/runtime';
import type { KafkaSettings } from './flags.ts';
import { readToken } from './oauth-token.ts';
import { bytes, int16, int32, ProtocolReader, text } from './protocol-bytes.ts';

const SASL_HANDSHAKE = { key: 17, version: 1 };
const SASL_AUTHENTICATE = { key: 36, version: 0 };
/** Nothing asked here is answered with more. */
const ANSWER_MAX_BYTES = 16 * 1024 * 1024;

export interface BrokerConnection {
  request(api: { key: number; version: number }, body: Buffer): Promise<ProtocolReader>;
  close(): void;
}

/** Connects and authenticates as the settings say; rejects with whatever goes wrong, within the time-out. */
export async function connectBroker(
  broker: string,
  settings: KafkaSettings,
  { timeoutMs, nowMs }: { readonly timeoutMs: number; readonly nowMs: number },
): Promise<BrokerConnection> {
  const socket = await openSocket(broker, settings);
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no answer in time')));
  const connection = overSocket(socket, settings.clientId);
  try {
    await authenticate(connection, settings, nowMs);
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}

async function openSocket(broker: string, settings: KafkaSettings): Promise<Socket> {
  const colon = broker.lastIndexOf(':');
  const host = broker.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(broker.slice(colon + 1));
  if (!settings.tlsEnabled) return await opened(connectPlain({ host, port }), 'connect', settings);
  const file = async (path: string) => (path === '' ? undefined : await readFile(path));
  const [ca, cert, key] = await Promise.all([
    file(settings.tlsCaPath),
    file(settings.tlsCertPath),
    file(settings.tlsKeyPath),
  ]);
  const socket = connectTls({
    ...{ host, port, rejectUnauthorized: !settings.tlsInsecureSkipVerify },
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  });
  return await opened(socket, 'secureConnect', settings);
}

function opened<Kind extends Socket>(
  socket: Kind,
  event: string,
  { dialTimeoutMs }: KafkaSettings,
): Promise<Kind> {
  socket.setTimeout(Math.max(1000, dialTimeoutMs), () =>
    socket.destroy(new Error('no connection')),
  );
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once(event, () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function overSocket(socket: Socket, clientId: string): BrokerConnection {
  let received = Buffer.alloc(0);
  let correlation = 0;
  let waiting: { resolve(answer: ProtocolReader): void; reject(error: unknown): void } | undefined;
  const fail = (error: Error) => {
    waiting?.reject(error);
    waiting = undefined;
  };
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the broker closed the connection')));
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < 4) return;
    const size = received.readInt32BE(0);
    if (size < 4 || size > ANSWER_MAX_BYTES) {
      socket.destroy(new Error(`an answer of ${size} bytes`));
      return;
    }
    if (received.length < 4 + size) return;
    const answer = new ProtocolReader(received.subarray(4, 4 + size));
    received = received.subarray(4 + size);
    const id = answer.int32();
    if (id !== correlation) fail(new Error(`an answer to request ${id}, not ${correlation}`));
    else waiting?.resolve(answer);
    waiting = undefined;
  });
  return {
    request({ key, version }, body) {
      correlation++;
      const header = [int16(key), int16(version), int32(correlation), text(clientId)];
      const payload = Buffer.concat([...header, body]);
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(Buffer.concat([int32(payload.length), payload]));
      });
    },
    close: () => socket.destroy(),
  };
}

async function authenticate(
  connection: BrokerConnection,
  settings: KafkaSettings,
  nowMs: number,
): Promise<void> {
  const { saslMechanism: mechanism, saslUsername: user, saslPassword: password } = settings;
  if (mechanism !== 'OAUTHBEARER' && user === '') return;
  const handshake = await connection.request(SASL_HANDSHAKE, text(mechanism));
  const refused = handshake.int16();
  if (refused !== 0) throw new Error(`SASL ${mechanism}: error ${refused}`);
  const send = async (message: string): Promise<string> => {
    const answer = await connection.request(SASL_AUTHENTICATE, bytes(Buffer.from(message)));
    const code = answer.int16();
    const reason = answer.nullableText();
    if (code !== 0) throw new WeirError('invalid', `SASL ${mechanism}: ${reason ?? code}`);
    return answer.bytes().toString('utf8');
  };
  if (mechanism === 'PLAIN') await send(`\0${user}\0${password}`);
  else if (mechanism === 'OAUTHBEARER') await send(await bearerMessage(settings, nowMs));
  else await scram(mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512', user, password, send);
}

/** RFC 7628, section 3.1. */
async function bearerMessage(settings: KafkaSettings, nowMs: number): Promise<string> {
  const { tokenValue, extensions = {} } = await readToken(settings, nowMs);
  const more = Object.entries(extensions).map(([name, value]) => `${name}=${value}\x01`);
  return `n,,\x01auth=Bearer ${tokenValue}\x01${more.join('')}\x01`;
}

async function scram(
  hash: 'sha256' | 'sha512',
  user: string,
  password: string,
  send: (message: string) => Promise<string>,
): Promise<void> {
  const nonce = Buffer.from(systemRandom.bytes(24)).toString('base64url');
  const name = user.replaceAll('=', '=3D').replaceAll(',', '=2C');
  const first = `n=${name},r=${nonce}`;
  const challenge = await send(`n,,${first}`);
  const { r = '', s = '', i = '' } = attributes(challenge);
  const rounds = Number(i);
  if (!r.startsWith(nonce) || !(rounds >= 4096 && rounds <= 1_000_000)) {
    throw new Error('SCRAM: the broker answers with another nonce, or a bad number of rounds');
  }
  const length = createHash(hash).digest().length;
  const salted = pbkdf2Sync(password, Buffer.from(s, 'base64'), rounds, length, hash);
  const hmac = (key: Buffer, message: string) => createHmac(hash, key).update(message).digest();
  const clientKey = hmac(salted, 'Client Key');
  const withoutProof = `c=biws,r=${r}`;
  const signed = `${first},${challenge},${withoutProof}`;
  const signature = hmac(createHash(hash).update(clientKey).digest(), signed);
  const proof = clientKey.map((byte, index) => byte ^ signature[index]!);
  const answer = await send(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`);
  const { v } = attributes(answer);
  if (v !== hmac(hmac(salted, 'Server Key'), signed).toString('base64')) {
    throw new Error('SCRAM: the broker does not know the password');
  }
}

function attributes(message: string): Readonly<Record<string, string>> {
  return Object.fromEntries(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}
