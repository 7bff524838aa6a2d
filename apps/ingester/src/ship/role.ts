// Which of a partition's owners ships it. Owners in several zones apply and answer alike; one of them
// uploads, decided by everybody from the cluster's view: those that serve go first, then the lowest zone.
// Views may differ for a moment, so the manifest's epoch fences: who begins to ship takes a claim above it.
import { type Cluster, type ClusterView, ownersOf } from '@weir/cluster';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { ManifestFile } from './manifest-file.ts';

export interface RoleSettings {
  readonly partition: number;
  readonly zone: string;
  readonly instanceId: string;
  readonly heartbeatTimeoutMs: number;
}

export interface RoleParts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly manifest: ManifestFile;
  serving(): boolean;
  /** The cluster still says that this instance owns the partition in its zone. */
  stillOwner(): boolean;
  /** Claims the partition above this epoch, and above every other claim. */
  claimAbove(epoch: number): Promise<void>;
  /** Before the first shipment after another zone's: what that one may have left behind. */
  takeOver(): Promise<void>;
}

export interface ShippingRole {
  /** This instance ships, as far as it knows. */
  readonly ships: boolean;
  /** Decides anew. What it takes to begin is done first; a failure leaves it following. */
  decide(): Promise<boolean>;
  /** Fenced by the manifest: true when another zone ships, false when nobody is known who might. */
  stepDown(): boolean;
}

export function createShippingRole(settings: RoleSettings, parts: RoleParts): ShippingRole {
  const { partition, zone } = settings;
  const { cluster, clock, manifest, logger } = parts;
  /** Whether somebody else shipped since this instance took its claim. */
  let following = false;

  const isFirst = (): boolean => {
    const { instanceId, heartbeatTimeoutMs } = settings;
    const owners = ownersOf(cluster.view, clock.nowMs(), heartbeatTimeoutMs).get(partition) ?? [];
    const others = owners.filter((owner) => owner.zone !== zone);
    if (others.length === 0) return true;
    // Unknown to the others, who then have chosen one of themselves.
    if (!owners.some((owner) => owner.zone === zone && owner.instance === instanceId)) return false;
    const serving = parts.serving();
    return !others.some((other) => (other.serving === serving ? other.zone < zone : other.serving));
  };

  return {
    get ships() {
      return !following && parts.stillOwner() && isFirst();
    },
    async decide() {
      if (!parts.stillOwner()) return false;
      if (!isFirst()) {
        if (!following) logger.info({ partition, zone }, 'another zone ships this partition');
        following = true;
        await manifest.refresh();
        return false;
      }
      if (following) {
        await manifest.load();
        await parts.claimAbove(manifest.current.epoch ?? 0);
        following = false;
        try {
          await parts.takeOver();
        } catch (error) {
          following = true;
          throw error;
        }
        logger.info({ partition, zone }, 'this zone ships the partition from here on');
      }
      return true;
    },
    stepDown() {
      following = hasOtherZone(cluster.view, partition, zone);
      return following;
    },
  };
}

function hasOtherZone(view: ClusterView, partition: number, zone: string): boolean {
  return [...view.owners.values()].some(
    (owner) => owner.partition === partition && owner.zone !== zone,
  );
}
