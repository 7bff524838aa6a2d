// Settings of the OTLP receiver. The route and its size limit are Mimir's; the gRPC port is Weir's own.
import { defineFlags } from '@weir/config';

export const otlpFlags = defineFlags({
  otlpRequestBytesMax: {
    kind: 'int',
    flag: 'distributor.max-otlp-request-size',
    yaml: 'distributor.max_otlp_request_size',
    default: 104_857_600,
    help: 'The largest OTLP request, compressed or not, bytes.',
  },
  otlpHeadersEnabled: {
    kind: 'bool',
    flag: 'api.otlp-translation-headers-enabled',
    yaml: 'api.otlp_translation_headers_enabled',
    default: false,
    help: "Whether the headers X-Mimir-OTLP-TranslationStrategy and X-Mimir-OTLP-AddSuffixes (true or false) of an OTLP request count instead of its tenant's settings.",
  },
  otlpGrpcPort: {
    kind: 'int',
    flag: 'distributor.otlp-grpc-listen-port',
    yaml: 'distributor.otlp_grpc_listen_port',
    default: 0,
    help: 'Port at which OTLP metrics are taken over gRPC, without TLS; senders expect 4317. 0 takes none.',
  },
  otlpGrpcAddress: {
    kind: 'string',
    flag: 'distributor.otlp-grpc-listen-address',
    yaml: 'distributor.otlp_grpc_listen_address',
    default: '',
    help: 'Address for OTLP over gRPC. Empty: all interfaces.',
  },
});
