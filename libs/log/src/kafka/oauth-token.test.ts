// Tokens as users give them; that brokers take them is tested in test/integration/kafka-security.test.ts.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultsOf } from '@weir/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientConfig } from './client-config.ts';
import { kafkaFlags } from './flags.ts';
import { readToken } from './oauth-token.ts';

const NOW_MS = 1_700_000_000_000;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-token-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const settings = (more: object) => ({
  ...defaultsOf(kafkaFlags),
  saslMechanism: 'OAUTHBEARER',
  ...more,
});
const jwt = (claims: object) =>
  `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;
const fromFile = async (content: string) => {
  const file = join(directory, 'token');
  await writeFile(file, content);
  return readToken(settings({ saslOauthbearerFilePath: file }), NOW_MS);
};

describe('readToken', () => {
  it('knows when a JSON web token ends and whose it is', async () => {
    const token = jwt({ sub: 'weir', exp: NOW_MS / 1000 + 60 });
    expect(await readToken(settings({ saslOauthbearerToken: token }), NOW_MS)).toEqual({
      tokenValue: token,
      lifetime: NOW_MS + 60_000,
      principal: 'weir',
      extensions: {},
    });
  });

  it('is asked again within minutes for a token that says nothing', async () => {
    const read = await fromFile('{"token":"opaque","extensions":{"a":"b"}}');
    expect(read).toMatchObject({ tokenValue: 'opaque', extensions: { a: 'b' } });
    expect(read.lifetime - NOW_MS).toBe(300_000);
  });

  it('ends: at its last moment it is refused, a millisecond before it is taken', async () => {
    const token = jwt({ exp: NOW_MS / 1000 });
    const at = (nowMs: number) => readToken(settings({ saslOauthbearerToken: token }), nowMs);
    await expect(at(NOW_MS)).rejects.toThrow('expired at 2023-11-14T22:13:20.000Z');
    expect((await at(NOW_MS - 1)).lifetime).toBe(NOW_MS);
  });

  it('refuses a file that is none, without printing what is in it', async () => {
    const error = await fromFile('secret-secret').catch((reason) => reason);
    expect(error).toMatchObject({ kind: 'invalid' });
    expect(`${error.message} ${error.cause}`).not.toContain('secret-secret');
    await expect(fromFile('{"password":"x"}')).rejects.toThrow('holds no "token"');
    await expect(fromFile('null')).rejects.toThrow('holds no "token"');
    await expect(fromFile('{"token":"a","zid":"b"}')).rejects.toThrow('not supported');
  });
});

describe('clientConfig', () => {
  it('has the rack, and no credentials where none are set', () => {
    const clock = { nowMs: () => NOW_MS } as never;
    const config = clientConfig({ ...defaultsOf(kafkaFlags), clientRack: 'zone-a' }, clock);
    expect(config).toMatchObject({ 'client.rack': 'zone-a', 'security.protocol': 'plaintext' });
    expect(Object.keys(config).filter((name) => /sasl/.test(name))).toEqual([]);
  });
});
