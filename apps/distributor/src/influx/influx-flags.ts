// Settings of the receiver of InfluxDB's line protocol, Mimir's names and defaults.
import { defineFlags } from '@weir/config';

export const influxFlags = defineFlags({
  influxEnabled: {
    kind: 'bool',
    flag: 'distributor.influx-endpoint-enabled',
    yaml: 'distributor.influx_endpoint_enabled',
    default: false,
    help: "Takes InfluxDB's line protocol at /api/v1/push/influx/write and /api/v1/push/influx/api/v2/write.",
  },
  influxRequestBytesMax: {
    kind: 'int',
    flag: 'distributor.max-influx-request-size',
    yaml: 'distributor.max_influx_request_size',
    default: 104_857_600,
    help: 'The largest request in line protocol, compressed or not, bytes.',
  },
});
