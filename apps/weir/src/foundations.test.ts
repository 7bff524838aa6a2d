// Which settings of one part another one falls back to.
import { describe, expect, it } from 'vitest';
import { parseCommandLine } from './configuration.ts';
import { kafkaSettings } from './foundations.ts';

const settingsOf = (...argv: string[]) => parseCommandLine(argv, {}, () => '').settings;

describe('kafkaSettings', () => {
  it("takes the zone for the client's rack, unless one is given", () => {
    const zone = '-ingester.ring.instance-availability-zone=zone-a';
    expect(kafkaSettings(settingsOf()).clientRack).toBe('');
    expect(kafkaSettings(settingsOf(zone)).clientRack).toBe('zone-a');
    const both = settingsOf(zone, '-ingest-storage.kafka.client-rack=rack-1');
    expect(kafkaSettings(both).clientRack).toBe('rack-1');
  });
});
