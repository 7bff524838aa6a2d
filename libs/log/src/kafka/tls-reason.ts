// Why a broker's certificate is not taken. The Kafka client says "could not be verified" for a wrong
// authority, a wrong host name and an expired certificate alike; a handshake of Node's own says which.
// It decides nothing: the Kafka client has refused already.
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { KafkaSettings } from './flags.ts';

const WITHIN_MS = 3000;

/** In words for an operator; undefined when the handshake succeeds or nobody answers. */
export async function certificateReason(
  broker: string,
  { tlsCaPath }: KafkaSettings,
): Promise<string | undefined> {
  const colon = broker.lastIndexOf(':');
  const host = broker.slice(0, colon).replace(/^\[|\]$/g, '');
  const ca = tlsCaPath === '' ? undefined : await readFile(tlsCaPath);
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const socket = connect({
      host,
      port: Number(broker.slice(colon + 1)),
      ...(isIP(host) === 0 && { servername: host }),
      ...(ca !== undefined && { ca }),
      timeout: WITHIN_MS,
    });
    const end = (reason?: NodeJS.ErrnoException) => {
      socket.destroy();
      resolve(reason);
    };
    socket.once('secureConnect', () => end());
    socket.once('timeout', () => end());
    socket.once('error', end);
  });
  const code = error?.code ?? '';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `the certificate is for another host name: ${error!.message}`;
  }
  if (code === 'CERT_HAS_EXPIRED') return 'the certificate has expired';
  if (!/CERT|ISSUER|SIGNATURE/.test(code)) return undefined;
  const authorities = tlsCaPath === '' ? "the system's authorities" : tlsCaPath;
  return `its issuer is not among ${authorities} (-ingest-storage.kafka.tls-ca-path): ${error!.message}`;
}
