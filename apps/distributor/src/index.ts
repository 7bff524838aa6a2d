// The distributor: takes pushes and logs them. Stateless.
export {
  createDistributor,
  type Distributor,
  type DistributorParts,
} from './distributor.ts';
export { type DistributorSettings, distributorFlags } from './distributor-flags.ts';
export { type InstanceLimits, instanceLimitsFlags } from './instance-limits-flags.ts';
export type { PushAnswer } from './push-answer.ts';
export type { PushRequest } from './push-request.ts';
export type { RecordBuffers } from './record-builder.ts';
