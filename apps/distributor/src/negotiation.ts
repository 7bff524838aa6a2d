// Which remote write protocol a push speaks, from its headers alone, before anything is decompressed.
// No content type is 1.0, as old senders have it. Mimir takes any other media type for 1.0 too; Weir
// answers 415, as the 2.0 specification wants and Prometheus does. The version header is not looked at.
import { WeirError } from '@weir/errors';

export type RemoteWriteVersion = 1 | 2;

const MEDIA_TYPE = 'application/x-protobuf';
const VERSION_1 = 'prometheus.WriteRequest';
const VERSION_2 = 'io.prometheus.write.v2.Request';

/** Throws `invalid` with status 415 for what Weir doesn't take, 400 for malformed parameters. */
export function negotiate(
  contentType: string | undefined,
  contentEncoding: string | undefined,
): RemoteWriteVersion {
  const version = versionOf(contentType ?? '');
  const encoding = (contentEncoding ?? '').trim().toLowerCase();
  if (encoding !== '' && encoding !== 'snappy') {
    throw unsupported(`unsupported content encoding: got ${contentEncoding}; expected snappy`);
  }
  return version;
}

/** What a push speaks by its content type; 1.0 where that makes no sense. */
export function versionAsked(contentType: string | undefined): RemoteWriteVersion {
  try {
    return versionOf(contentType ?? '');
  } catch {
    return 1;
  }
}

function versionOf(contentType: string): RemoteWriteVersion {
  const [media, ...parameters] = contentType.split(';').map((part) => part.trim());
  if (contentType.trim() === '') return 1;
  if (media!.toLowerCase() !== MEDIA_TYPE) {
    throw unsupported(`got ${contentType} content type; expected ${MEDIA_TYPE}`);
  }
  let version: RemoteWriteVersion = 1;
  for (const parameter of parameters) {
    const [key, value, ...rest] = parameter.split('=');
    if (value === undefined || rest.length > 0) {
      throw new WeirError(
        'invalid',
        `as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters to be key-values, got ${parameter} in ${contentType} content type`,
      );
    }
    if (key!.trim() !== 'proto') continue;
    const proto = value.trim().replace(/^"(.*)"$/, '$1');
    if (proto === VERSION_1) version = 1;
    else if (proto === VERSION_2) version = 2;
    else {
      throw unsupported(`got ${contentType} content type; expected ${VERSION_1} or ${VERSION_2}`);
    }
  }
  return version;
}

function unsupported(message: string): WeirError {
  return new WeirError('invalid', message, { status: 415 });
}
