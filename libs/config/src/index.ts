// Configuration: flags as data, parsed from the command line and YAML into frozen settings.
export {
  type ConfigModule,
  defaultsOf,
  defineFlags,
  type Flag,
  type FlagKinds,
  type SettingsOf,
} from './flag.ts';
