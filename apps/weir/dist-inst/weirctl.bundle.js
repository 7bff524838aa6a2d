const bundleUrl = require('node:url').pathToFileURL(__filename).href;
"use strict";

// libs/runtime/src/clock.ts
var systemClock = {
  nowMs: () => Date.now(),
  steadyMs: () => performance.now(),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  },
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  yield: () => new Promise((resolve) => setImmediate(resolve))
};

// libs/errors/src/weir-error.ts
var STATUS = {
  invalid: 400,
  unauthenticated: 401,
  "not-found": 404,
  limited: 429,
  unavailable: 503,
  timeout: 504,
  canceled: 499,
  fenced: 503,
  corrupt: 500,
  closed: 503,
  internal: 500
};
var WeirError = class extends Error {
  kind;
  status;
  constructor(kind, message, options = {}) {
    super(message, options.cause === void 0 ? {} : { cause: options.cause });
    this.name = "WeirError";
    this.kind = kind;
    this.status = options.status ?? STATUS[kind];
  }
};
function toWeirError(error) {
  if (error instanceof WeirError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new WeirError("internal", message, { cause: error });
}
function isKind(error, kind) {
  return error instanceof WeirError && error.kind === kind;
}

// apps/weirctl/src/arguments.ts
var import_node_util = require("node:util");

// libs/config/src/duration.ts
var UNIT_MS = {
  ns: 1e-6,
  us: 1e-3,
  \u00B5s: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 36e5,
  d: 864e5,
  w: 6048e5,
  y: 31536e6
};
var PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h|d|w|y)/y;
function parseDuration(text2) {
  const signed = text2.startsWith("-") || text2.startsWith("+");
  const body = signed ? text2.slice(1) : text2;
  if (body === "0") return 0;
  if (body === "") return void 0;
  let sumMs = 0;
  let at = 0;
  while (at < body.length) {
    PART.lastIndex = at;
    const part = PART.exec(body);
    if (part === null) return void 0;
    sumMs += Number(part[1]) * UNIT_MS[part[2]];
    at = PART.lastIndex;
  }
  if (sumMs > Number.MAX_SAFE_INTEGER) return void 0;
  return text2.startsWith("-") && sumMs !== 0 ? -sumMs : sumMs;
}

// apps/weirctl/src/arguments.ts
var HELP = `weirctl: looks after a cluster of Weir

  weirctl partitions list [--json]          each partition: state, owners, how far they are, lag, rate, series
  weirctl partitions watch [--interval 2s]  the same, again and again
  weirctl partitions scale --to N           the first N partitions are written, all others only read
  weirctl partitions drain INSTANCE         have others take over an ingester's partitions, so that it can stop
  weirctl partitions drain INSTANCE --undo  let it stay after all
  weirctl partitions lock N...              keep the state of partitions, whatever rollout tools ask
  weirctl partitions unlock N...

  --address URL   any process of the cluster (default: WEIR_ADDRESS, or http://localhost:8080)
  --no-wait       of scale and drain: don't wait until it has happened
  --timeout 10m   how long to wait

Exit code: 0 done, 1 refused or failed, 2 not understood.
`;
var OPTIONS = {
  address: { type: "string" },
  json: { type: "boolean" },
  to: { type: "string" },
  interval: { type: "string" },
  undo: { type: "boolean" },
  "no-wait": { type: "boolean" },
  timeout: { type: "string" },
  help: { type: "boolean", short: "h" }
};
var ALLOWED = {
  list: ["json"],
  watch: ["interval"],
  scale: ["to", "no-wait", "timeout"],
  drain: ["undo", "no-wait", "timeout"],
  lock: [],
  unlock: []
};
function parseArguments(argv, defaultAddress) {
  const { values, positionals } = parse(argv);
  const address = addressOf(values.address ?? defaultAddress);
  if (values.help || positionals.length === 0) return { command: { kind: "help" }, address };
  const [noun, verb = "", ...rest] = positionals;
  const allowed = ALLOWED[verb];
  if (noun !== "partitions" || !Object.hasOwn(ALLOWED, verb) || allowed === void 0) {
    throw misused(`unknown command: ${positionals.join(" ")}`);
  }
  const strange = Object.keys(values).find(
    (name) => name !== "address" && !allowed.includes(name)
  );
  if (strange !== void 0) throw misused(`partitions ${verb} has no --${strange}`);
  return { command: commandOf(verb, rest, values), address };
}
function parse(argv) {
  try {
    return (0, import_node_util.parseArgs)({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw misused(error instanceof Error ? error.message : String(error));
  }
}
function commandOf(verb, rest, values) {
  switch (verb) {
    case "list":
      none(verb, rest);
      return { kind: "list", json: values.json ?? false };
    case "watch":
      none(verb, rest);
      return { kind: "watch", intervalMs: duration("interval", values.interval ?? "2s") };
    case "scale":
      none(verb, rest);
      if (values.to === void 0) throw misused("partitions scale needs --to N");
      return { kind: "scale", to: whole(values.to), waitMs: waitMsOf(values) };
    case "drain": {
      const [instance] = rest;
      if (instance === void 0 || rest.length > 1) {
        throw misused("partitions drain needs one INSTANCE");
      }
      return { kind: "drain", instance, undo: values.undo ?? false, waitMs: waitMsOf(values) };
    }
    default:
      if (rest.length === 0) throw misused(`partitions ${verb} needs partitions: ${verb} 3 4`);
      return { kind: "lock", partitions: rest.map(whole), locked: verb === "lock" };
  }
}
function waitMsOf(values) {
  return values["no-wait"] ? 0 : duration("timeout", values.timeout ?? "10m");
}
function duration(name, text2) {
  const ms = parseDuration(text2);
  if (ms === void 0 || ms <= 0) throw misused(`--${name} ${text2} is not a duration like 30s`);
  return ms;
}
function whole(text2) {
  if (!/^\d{1,9}$/.test(text2)) throw misused(`${text2} is not a number of partitions`);
  return Number(text2);
}
function none(verb, rest) {
  if (rest.length > 0) throw misused(`partitions ${verb} takes no ${rest.join(" ")}`);
}
function addressOf(text2) {
  const url = text2.includes("://") ? text2 : `http://${text2}`;
  if (!URL.canParse(url)) throw misused(`--address ${text2} is no URL`);
  return url.replace(/\/+$/, "");
}
function misused(message) {
  return new WeirError("invalid", `${message}
weirctl --help tells what there is`);
}

// apps/weirctl/src/plans.ts
function planScale({ partitions }, count) {
  const nothing = { activate: [], deactivate: [] };
  const sorted = [...partitions].sort((a, b) => a.id - b.id);
  if (!Number.isInteger(count) || count < 1) {
    return { ...nothing, refusals: ["at least one partition must be written, or pushes fail"] };
  }
  if (count > sorted.length) {
    const more = `the cluster has ${sorted.length} partitions: add some to the topic and restart first`;
    return { ...nothing, refusals: [more] };
  }
  const activate = sorted.slice(0, count).filter(({ state }) => state !== "ACTIVE");
  const deactivate = sorted.slice(count).filter(({ state }) => state === "ACTIVE");
  const refusals = [
    ...[...activate, ...deactivate].flatMap(lockRefusal),
    ...activate.flatMap(activateRefusal),
    ...deactivate.flatMap(deactivateRefusal)
  ];
  return { activate: ids(activate), deactivate: ids(deactivate), refusals };
}
function activateRefusal(one) {
  const { id, state, drainedFor } = one;
  if (drainedFor !== void 0) {
    return [
      `partition ${id} goes from ${drainedFor}, which drains, to another ingester, and is written again by itself then`
    ];
  }
  if (state === "PENDING" || isServed(one)) return [];
  return [
    `partition ${id} has no ingester that has caught up: what is pushed to it could not be queried`
  ];
}
function deactivateRefusal(one) {
  if (isServed(one)) return [];
  return [
    `partition ${one.id} has no ingester that has caught up: nobody ships what it holds, and the log drops it in time; get it an ingester first`
  ];
}
function planDrain({ partitions, ingesters }, id) {
  const leaver = ingesters.find((one) => one.id === id);
  if (leaver === void 0) {
    const known = ingesters.map((one) => one.id).join(", ") || "none";
    return [`there is no ingester ${id}; there are: ${known}`];
  }
  if (!leaver.healthy) {
    return [`ingester ${id} has not been heard of; others take its partitions without being told`];
  }
  const owned = partitions.filter(({ owners }) => owners.some(({ instance }) => instance === id));
  return [
    ...owned.flatMap((one) => [...lockRefusal(one), ...pendingRefusal(one)]),
    ...heirRefusal(owned, leaver, { partitions, ingesters })
  ];
}
function heirRefusal(owned, leaver, { partitions, ingesters }) {
  const { id, zone } = leaver;
  const heir = ingesters.some(
    (one) => one.id !== id && one.zone === zone && one.healthy && !one.draining
  );
  if (heir) return [];
  const alone = owned.filter(
    ({ owners }) => !owners.some(({ instance, serving }) => instance !== id && serving)
  );
  if (alone.length === 0) return [];
  const others = partitions.filter((one) => one.state === "ACTIVE" && !owned.includes(one));
  const writes = others.length === 0 ? "no push would be taken" : `only ${others.length} partitions would be written`;
  const where = zone === "" ? "no other ingester" : `no other ingester in zone ${zone}`;
  return [
    `${where} can take over ${listed(alone)}, and no other zone has caught up with them: once ${id} has stopped, queries would fail and ${writes}; start another ingester first`
  ];
}
function planLock({ partitions }, wanted) {
  const known = new Set(ids(partitions));
  return wanted.filter((id) => !known.has(id)).map((id) => `there is no partition ${id}`);
}
function lockRefusal({ id, locked }) {
  return locked ? [`partition ${id} is locked: unlock it first, if who locked it agrees`] : [];
}
function pendingRefusal({ id, state }) {
  return state === "PENDING" ? [`partition ${id} is PENDING: wait until it is written`] : [];
}
function isServed({ owners }) {
  return owners.some(({ serving }) => serving);
}
function ids(partitions) {
  return partitions.map(({ id }) => id);
}
var LISTED = 10;
function listed(partitions) {
  const shown = ids(partitions).slice(0, LISTED).join(", ");
  const more = partitions.length > LISTED ? ` and ${partitions.length - LISTED} more` : "";
  return `${partitions.length === 1 ? "partition" : "partitions"} ${shown}${more}`;
}

// apps/weirctl/src/partition-table.ts
var COLUMNS = [
  { title: "PARTITION", right: true, cell: ({ id }, _owner, first) => first ? String(id) : "" },
  { title: "STATE", cell: (partition, _owner, first) => first ? stateText(partition) : "" },
  { title: "OWNER", cell: (_partition, owner) => ownerText(owner) },
  {
    title: "APPLIED",
    right: true,
    cell: (_partition, owner) => text(owner?.own?.applied ?? owner?.applied)
  },
  { title: "END", right: true, cell: ({ end }, owner) => text(owner?.own?.end ?? end) },
  { title: "LAG", right: true, cell: (partition, owner) => text(lagRecords(partition, owner)) },
  { title: "LAG TIME", right: true, cell: (_partition, owner) => seconds(owner?.own?.lagSeconds) },
  {
    title: "LOGGED/S",
    right: true,
    cell: (_partition, owner) => rate(owner?.own?.loggedPerSecond)
  },
  {
    title: "APPLIED/S",
    right: true,
    cell: (_partition, owner) => rate(owner?.own?.appliedPerSecond)
  },
  { title: "SERIES", right: true, cell: (_partition, owner) => text(owner?.own?.series) }
];
function partitionLines(state) {
  const partitions = [...state.partitions].sort((a, b) => a.id - b.id);
  const rows = partitions.flatMap((partition) => {
    const owners = partition.owners.length === 0 ? [void 0] : partition.owners;
    return owners.map(
      (owner, at) => COLUMNS.map((column) => column.cell(partition, owner, at === 0))
    );
  });
  const all = [COLUMNS.map(({ title }) => title), ...rows];
  const widths = COLUMNS.map((_, at) => Math.max(...all.map((row) => row[at].length)));
  const lines = all.map(
    (row) => row.map(
      (cell, at) => COLUMNS[at].right ? cell.padStart(widths[at]) : cell.padEnd(widths[at])
    ).join("  ").trimEnd()
  );
  return [...lines, "", summary(state), ...warnings(state)];
}
function summary({ partitions, ingesters }) {
  const counts = ["ACTIVE", "INACTIVE", "PENDING"].flatMap((state) => {
    const count = partitions.filter((one) => one.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  const healthy = ingesters.filter((one) => one.healthy).length;
  const draining = ingesters.filter((one) => one.draining).map(({ id }) => id);
  const leaving = draining.length === 0 ? "" : `; draining: ${draining.join(", ")}`;
  const behind = worstLag(partitions);
  const lag = behind === void 0 ? "" : `; furthest behind: ${behind}`;
  return `${partitions.length} partitions (${counts.join(", ") || "none"}), ${healthy} of ${ingesters.length} ingesters healthy${leaving}${lag}`;
}
function worstLag(partitions) {
  let worst;
  for (const partition of partitions) {
    for (const owner of partition.owners) {
      const records = lagRecords(partition, owner) ?? 0;
      const own = owner.own?.lagSeconds;
      if (records === 0 || worst !== void 0 && worst.records >= records) continue;
      worst = { id: partition.id, records, ...own !== void 0 && { own } };
    }
  }
  if (worst === void 0) return void 0;
  const time = worst.own === void 0 ? "" : `, ${seconds(worst.own)}`;
  return `partition ${worst.id} by ${worst.records} records${time}`;
}
function warnings({ partitions, ingesters }) {
  const found = [];
  if (partitions.every(({ state }) => state !== "ACTIVE")) {
    found.push("No partition is ACTIVE: pushes are answered 503.");
  }
  const unread = partitions.filter((one) => one.state !== "PENDING" && !isServed(one));
  if (unread.length > 0) {
    found.push(`Nobody answers for ${listed(unread)}: queries that need them fail.`);
  }
  for (const { id, healthy } of ingesters) {
    if (!healthy) found.push(`Ingester ${id} has not been heard of.`);
  }
  return found.map((warning) => `! ${warning}`);
}
function stateText({ state, locked, drainedFor }) {
  const why = [...locked ? ["locked"] : [], ...drainedFor ? [`for ${drainedFor}`] : []];
  return why.length === 0 ? state : `${state} (${why.join(", ")})`;
}
function ownerText(owner) {
  if (owner === void 0) return "nobody";
  const place = owner.zone === "" ? owner.instance : `${owner.instance} (${owner.zone})`;
  if (!owner.healthy) return `${place} gone`;
  return owner.serving ? place : `${place} catching up`;
}
function lagRecords({ end }, owner) {
  if (owner?.own !== void 0) return owner.own.lagRecords;
  if (end === void 0 || owner?.applied === void 0) return void 0;
  return Math.max(0, end - owner.applied);
}
function text(value) {
  return value === void 0 ? "-" : String(value);
}
function rate(value) {
  if (value === void 0) return "-";
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}
function seconds(value) {
  if (value === void 0) return "-";
  if (value < 10) return `${value.toFixed(1)}s`;
  if (value < 120) return `${Math.round(value)}s`;
  if (value < 7200) return `${Math.round(value / 60)}m`;
  return `${(value / 3600).toFixed(1)}h`;
}

// apps/weirctl/src/changes.ts
var POLL_MS = 1e3;
async function scale(to, waitMs, parts) {
  const { api, screen } = parts;
  const { activate, deactivate, refusals } = planScale(await api.state({ brief: true }), to);
  refuse(refusals);
  if (activate.length + deactivate.length === 0) {
    screen.line(`already ${to} partitions are written`);
    return;
  }
  const changes = [
    ...activate.map((id) => [id, "PartitionActive"]),
    ...deactivate.map((id) => [id, "PartitionInactive"])
  ];
  for (const [done, [id, state]] of changes.entries()) {
    await changeState(api, id, state).catch((error) => {
      throw halfDone(error, id, done, changes.length);
    });
  }
  screen.line(
    `${activate.length} partitions are written from now on, ${deactivate.length} are no longer; those are read until their data is in the bucket`
  );
  const wanted = new Set(activate);
  await wait(waitMs, parts, ({ partitions }) => {
    const left = partitions.filter(({ id, state }) => wanted.has(id) && state !== "ACTIVE");
    return left.length === 0 ? void 0 : `${left.length} partitions are not written yet`;
  });
  for (const warning of warnings(await api.state({ brief: true }))) screen.line(warning);
}
function halfDone(error, id, done, all) {
  const { kind, message } = toWeirError(error);
  const soFar = `${done} of ${all} partitions were changed, then partition ${id} failed`;
  return new WeirError(kind, `${soFar}: ${message}
the same command does what is left`);
}
async function changeState(api, id, state) {
  await api.change({ action: "change_state", partition_id: String(id), partition_state: state });
}
async function lock(partitions, locked, { api, screen }) {
  refuse(planLock(await api.state({ brief: true }), partitions));
  for (const id of partitions) {
    const fields = { action: "state_change_lock", partition_id: String(id) };
    await api.change({ ...fields, locked: String(locked) });
    screen.line(`partition ${id} is ${locked ? "locked" : "unlocked"}`);
  }
}
async function drain(instance, waitMs, parts) {
  const { api, screen } = parts;
  const state = await api.state({ brief: true });
  refuse(planDrain(state, instance));
  const leaver = state.ingesters.find(({ id }) => id === instance);
  await api.drain(leaver.address, false);
  screen.line(`${instance} drains: its partitions are not written until others have them`);
  const heirs = state.ingesters.some(
    (one) => one.id !== instance && one.zone === leaver.zone && one.healthy && !one.draining
  );
  if (!heirs) {
    screen.line(
      `nobody else in its zone takes over: its partitions stay INACTIVE, and other zones answer for them`
    );
    return;
  }
  const all = ownedBy(state, instance).length;
  await wait(waitMs, parts, (now) => remainingOf(now, instance, all));
  if (waitMs > 0) screen.line(`${instance} owns nothing any more, and can be stopped`);
}
async function undrain(instance, { api, screen }) {
  const { ingesters } = await api.state({ brief: true });
  const found = ingesters.find(({ id }) => id === instance);
  if (found === void 0) refuse([`there is no ingester ${instance}`]);
  await api.drain(found.address, true);
  screen.line(`${instance} stays, and takes its share of partitions again`);
}
function remainingOf(state, instance, all) {
  const left = state.partitions.filter(
    (one) => one.drainedFor === instance || one.owners.some((owner) => owner.instance === instance)
  );
  if (left.length === 0) return void 0;
  const moving = left.find(({ owners }) => owners.some(({ instance: by }) => by !== instance));
  const how = moving === void 0 ? "" : `; ${catchingUp(moving, instance)}`;
  return `${Math.max(0, all - left.length)} of ${all} partitions are with others${how}`;
}
function catchingUp(partition, leaver) {
  const heir = partition.owners.find(({ instance }) => instance !== leaver);
  const lag = lagRecords(partition, heir);
  const left = lag === void 0 ? "" : ` (${lag} records to go)`;
  return `partition ${partition.id} at ${heir.instance}${left}`;
}
function ownedBy({ partitions }, instance) {
  return partitions.filter(({ owners }) => owners.some((one) => one.instance === instance));
}
async function wait(waitMs, { api, screen, clock, signal }, remaining) {
  const deadlineMs = clock.steadyMs() + waitMs;
  for (; ; ) {
    if (waitMs === 0) return;
    const left = await api.state({ brief: true }).then(remaining, (error) => {
      return `no answer: ${error instanceof Error ? error.message : error}`;
    });
    if (left === void 0) return;
    screen.progress(left);
    if (clock.steadyMs() >= deadlineMs) {
      throw new WeirError(
        "unavailable",
        `not there after ${waitMs / 1e3} s, and going on: ${left}`
      );
    }
    await clock.sleep(POLL_MS, signal);
  }
}
function refuse(reasons) {
  if (reasons.length === 0) return;
  const lines = reasons.map((reason) => `- ${reason}`);
  throw new WeirError("invalid", `refused, and nothing was changed:
${lines.join("\n")}`);
}

// apps/weirctl/src/cluster-api.ts
var TIMEOUT_MS = 3e4;
function createClusterApi(base, { fetch: fetch2, clock }) {
  async function ask(url, method, form) {
    const patience = new AbortController();
    const late = new WeirError("timeout", `no answer within ${TIMEOUT_MS / 1e3} s`);
    const timer = clock.after(TIMEOUT_MS, () => patience.abort(late));
    const type = { "content-type": "application/x-www-form-urlencoded" };
    try {
      const answer = await fetch2(url, {
        ...{ method, redirect: "manual", signal: patience.signal },
        headers: { accept: "application/json", ...form !== void 0 && type },
        ...form !== void 0 && { body: form }
      });
      const text2 = await answer.text();
      if (answer.status < 400) return text2;
      const kind = answer.status < 500 ? "invalid" : "unavailable";
      throw new WeirError(kind, text2.trim() || `${method} ${url} answered ${answer.status}`);
    } catch (error) {
      if (error instanceof WeirError) throw error;
      const cause = patience.signal.aborted ? patience.signal.reason : error;
      throw new WeirError("unavailable", `${method} ${url}: ${reasonOf(cause)}`, { cause });
    } finally {
      timer.cancel();
    }
  }
  async function json(url) {
    const text2 = await ask(url, "GET");
    try {
      return JSON.parse(text2);
    } catch (cause) {
      throw new WeirError("invalid", `${url} is not a Weir process: no JSON`, { cause });
    }
  }
  async function ownOf({ id, address, healthy }) {
    if (!healthy) return [];
    const found = await json(`http://${address}/ingester/partitions`).catch(() => void 0);
    return listOf(found?.partitions).map((one) => [`${id}/${one.id}`, ownStatus(one)]);
  }
  return {
    async state({ brief = false } = {}) {
      const [ring, instances] = await Promise.all([
        json(`${base}/ingester/partition-ring`),
        json(`${base}/ingester/ring`)
      ]);
      const ingesters = listOf(instances.shards).map(ingesterStatus);
      const own = new Map(brief ? [] : (await Promise.all(ingesters.map(ownOf))).flat());
      const partitions = listOf(ring.partitions).map((one) => partitionStatus(one, own));
      return { ingesters, partitions };
    },
    async change(fields) {
      await ask(`${base}/ingester/partition-ring`, "POST", new URLSearchParams(fields).toString());
    },
    async drain(address, undo) {
      const url = `http://${address}/ingester/prepare-partition-downscale`;
      await ask(url, undo ? "DELETE" : "POST");
    }
  };
}
function listOf(value) {
  return Array.isArray(value) ? value : [];
}
function numberOf(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : void 0;
}
function partitionStatus(fields, own) {
  const id = Number(fields.id);
  return {
    id,
    state: String(fields.state_name),
    locked: fields.state_change_locked === true,
    drainedFor: typeof fields.drained_for === "string" ? fields.drained_for : void 0,
    end: numberOf(fields.end_offset),
    owners: listOf(fields.owners).map((owner) => {
      const instance = String(owner.instance);
      const found = own.get(`${instance}/${id}`);
      return {
        ...{ instance, zone: String(owner.zone ?? "") },
        ...{ healthy: owner.healthy === true, serving: owner.serving === true },
        applied: numberOf(owner.applied_offset),
        ...found !== void 0 && { own: found }
      };
    })
  };
}
function ingesterStatus(fields) {
  return {
    ...{ id: String(fields.id), address: String(fields.address), zone: String(fields.zone ?? "") },
    ...{ healthy: fields.state === "ACTIVE", draining: fields.read_only === true }
  };
}
function ownStatus(fields) {
  const number = (value) => numberOf(value) ?? 0;
  return {
    ...{ applied: number(fields.applied_offset), end: number(fields.end_offset) },
    lagRecords: number(fields.lag_records),
    lagSeconds: numberOf(fields.lag_seconds),
    delaySeconds: number(fields.delay_seconds),
    loggedPerSecond: number(fields.logged_per_second),
    appliedPerSecond: number(fields.applied_per_second),
    series: number(fields.series),
    status: String(fields.status ?? "")
  };
}
function reasonOf(error) {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message || String(cause.code ?? error.message);
}

// apps/weirctl/src/screen.ts
var CLEAR_LINE = "\r\x1B[K";
var HOME = "\x1B[H";
var CLEAR_REST = "\x1B[J";
var CLEAR_LINE_REST = "\x1B[K";
function createScreen(write, terminal) {
  let last = "";
  return {
    line(text2) {
      write(terminal && last !== "" ? `${CLEAR_LINE}${text2}
` : `${text2}
`);
      last = "";
    },
    progress(text2) {
      if (text2 === last) return;
      last = text2;
      write(terminal ? `${CLEAR_LINE}${text2}` : `${text2}
`);
    },
    frame(lines) {
      if (!terminal) {
        write(`${lines.join("\n")}

`);
        return;
      }
      const ended2 = lines.map((line) => `${line}${CLEAR_LINE_REST}
`);
      write(`${HOME}${ended2.join("")}${CLEAR_REST}`);
    }
  };
}

// apps/weirctl/src/weirctl.ts
var DEFAULT_ADDRESS = "http://localhost:8080";
var DONE = 0;
var FAILED = 1;
var MISUSED = 2;
async function runWeirctl(argv, parts) {
  let parsed;
  try {
    parsed = parseArguments(argv, parts.address || DEFAULT_ADDRESS);
  } catch (error) {
    parts.writeError(`${messageOf(error)}
`);
    return MISUSED;
  }
  const screen = createScreen(parts.write, parts.terminal);
  try {
    await run(parsed.command, createClusterApi(parsed.address, parts), screen, parts);
    return DONE;
  } catch (error) {
    if (parts.signal.aborted && !isKind(error, "invalid")) return DONE;
    parts.writeError(`${parts.terminal ? "\n" : ""}weirctl: ${messageOf(error)}
`);
    return FAILED;
  }
}
async function run(command, api, screen, parts) {
  const { clock, signal, write } = parts;
  const changing = { api, screen, clock, signal };
  switch (command.kind) {
    case "help":
      write(HELP);
      return;
    case "list": {
      const state = await api.state();
      if (command.json) write(`${JSON.stringify(state, void 0, 2)}
`);
      else write(`${partitionLines(state).join("\n")}
`);
      return;
    }
    case "watch":
      return watch(command.intervalMs, api, screen, parts);
    case "scale":
      return scale(command.to, command.waitMs, changing);
    case "drain":
      if (command.undo) return undrain(command.instance, changing);
      return drain(command.instance, command.waitMs, changing);
    case "lock":
      return lock(command.partitions, command.locked, changing);
  }
}
async function watch(intervalMs, api, screen, { clock, signal }) {
  let lines = [];
  while (!signal.aborted) {
    try {
      lines = partitionLines(await api.state());
      screen.frame(lines);
    } catch (error) {
      screen.frame([...lines, "", `! No answer: ${messageOf(error)}`]);
    }
    await clock.sleep(intervalMs, signal);
  }
}
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

// apps/weir/src/weirctl.ts
var ended = new AbortController();
process.once("SIGINT", () => ended.abort(new Error("interrupted")));
void runWeirctl(process.argv.slice(2), {
  fetch,
  clock: systemClock,
  write: (text2) => process.stdout.write(text2),
  writeError: (text2) => process.stderr.write(text2),
  terminal: process.stdout.isTTY === true,
  address: process.env.WEIR_ADDRESS ?? "",
  signal: ended.signal
}).then((code) => {
  process.exitCode = code;
});
//# sourceMappingURL=weirctl.bundle.js.map
