// Flags as data: each module declares its own, named as Mimir's where Mimir has them. The type of a
// module's settings follows from its declaration, so that a flag cannot exist without its setting.

export interface FlagKinds {
  string: string;
  int: number;
  float: number;
  bool: boolean;
  /** Go notation (`90s`, `2h`, `1d`); in settings, milliseconds. */
  duration: number;
  /** A comma-separated list. */
  strings: readonly string[];
  /** `name:text;name:text`, in YAML a mapping too; a semicolon in quotes is the text's. */
  map: Readonly<Record<string, string>>;
  /** A list of anything, which whoever uses it checks: in text as JSON. */
  list: readonly unknown[];
}

export interface Flag<Kind extends keyof FlagKinds = keyof FlagKinds> {
  readonly kind: Kind;
  /** Without the leading dash: `server.http-listen-port`. */
  readonly flag: string;
  /** Path in the YAML file: `server.http_listen_port`. */
  readonly yaml: string;
  readonly default: FlagKinds[Kind];
  readonly help: string;
  /** Printed as asterisks at /config. */
  readonly secret?: boolean;
  /** Left out of `-help`, shown by `-help-all`. */
  readonly advanced?: boolean;
}

export type ConfigModule = Readonly<Record<string, Flag>>;

export type SettingsOf<Module extends ConfigModule> = {
  readonly [Key in keyof Module]: FlagKinds[Module[Key]['kind']];
};

/** Keeps each flag's kind literal, so that SettingsOf can infer from it. */
export function defineFlags<
  const Module extends Readonly<
    Record<string, { [Kind in keyof FlagKinds]: Flag<Kind> }[keyof FlagKinds]>
  >,
>(module: Module): Module {
  return module;
}

/** The defaults of a module, for tests and for embedding. */
export function defaultsOf<Module extends ConfigModule>(module: Module): SettingsOf<Module> {
  const entries = Object.entries(module).map(([key, flag]) => [key, flag.default]);
  return Object.freeze(Object.fromEntries(entries)) as SettingsOf<Module>;
}
