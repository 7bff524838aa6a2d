// Configuration: flags as data, parsed from the command line and YAML into frozen settings.
export type { Environment } from './config-file.ts';
export { parseDuration, printDuration } from './duration.ts';
export {
  type ConfigModule,
  defaultsOf,
  defineFlags,
  type Flag,
  type FlagKinds,
  type SettingsOf,
} from './flag.ts';
export {
  type OverridesOf,
  parseOverrides,
  parseRuntimeSection,
  printOverrides,
  printRuntimeSection,
} from './overrides.ts';
export {
  type ConfigInput,
  type ConfigModules,
  type ParsedConfig,
  parseConfig,
  type SettingsOfAll,
} from './parse.ts';
export { type PrintMode, printConfig, printHelp } from './print.ts';
