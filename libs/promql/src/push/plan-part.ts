// What an owner of series is asked for beside series; part.ts makes and reads it.
import type { EngineSettings } from '../evaluate/settings.ts';

export interface PlanPart {
  /** With matchers as specs. */
  readonly node: unknown;
  readonly settings: EngineSettings;
  /** The series that were read are to be told by their prints: others may have the same ones. */
  readonly prints: boolean;
}
