// Certificates of a test's own authority, made with the openssl command (Debian: openssl): PEM files
// that brokers and clients can be pointed to. They live as long as the test's folder.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DAYS = '2';

export interface Authority {
  /** Path of the authority's own certificate. */
  readonly ca: string;
  /** A certificate for these names (`DNS:localhost,IP:127.0.0.1`); both files and one that has both. */
  issue(name: string, subjectAltName?: string): Issued;
}

export interface Issued {
  readonly cert: string;
  readonly key: string;
  /** Key and chain in one file, as a broker's PEM key store wants it. */
  readonly keyStore: string;
}

/** An authority of the given name in a folder; certificates expire after two days. */
export function createAuthority(directory: string, name: string): Authority {
  const path = (file: string) => join(directory, `${name}-${file}`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const ca = path('ca.pem');
  const caKey = path('ca.key');
  const subject = ['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE'];
  openssl('req', '-x509', ...newKey, '-keyout', caKey, '-out', ca, '-days', DAYS, ...subject);
  return {
    ca,
    issue(commonName, subjectAltName) {
      const request = path(`${commonName}.csr`);
      const cert = path(`${commonName}.pem`);
      const key = path(`${commonName}.key`);
      const keyStore = path(`${commonName}.store.pem`);
      const extensions = path(`${commonName}.ext`);
      writeFileSync(extensions, subjectAltName ? `subjectAltName=${subjectAltName}\n` : '\n');
      openssl('req', ...newKey, '-keyout', key, '-out', request, '-subj', `/CN=${commonName}`);
      const signing = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', DAYS];
      openssl('x509', '-req', '-in', request, ...signing, '-extfile', extensions, '-out', cert);
      const chain = [key, cert, ca].map((file) => readFileSync(file, 'utf8')).join('');
      writeFileSync(keyStore, chain, { mode: 0o600 });
      return { cert, key, keyStore };
    },
  };
}
