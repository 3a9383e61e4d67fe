// Which database this is. A copy has the same rows, the same keys and the same refresh tokens as its original, and whichever
// refreshes second destroys the grant at a provider with single-use tokens; so a database that is not the one that its own
// rows remember refreshes nothing until an operator says that it takes over.
//
//   nothing remembered ──remembered──> confirmed <──equal── start
//   a part differs ──> unconfirmed ──take-over by the operator (takeover_no + 1)──> confirmed
//   the timeline differs under a process that was confirmed and finds its own last heartbeat ──vouched──> confirmed
//   a process finds its own heartbeat gone back ──> unconfirmed (doubt, kept in the row)
/** The parts that can be seen from here; null = not to be known on this server. */
export type Standing = {
  /** PostgreSQL's system identifier: made by initdb, kept by copies of the files. */
  readonly system: string | null;
  /** Changes when a standby or a restored base backup is promoted. */
  readonly timeline: number | null;
  /** The database's oid: CREATE DATABASE and a dump's restore make a new one. */
  readonly database: string | null;
  /** The oid of the row's own table: a dump restored into the same database makes a new one. */
  readonly relation: string | null;
  /** Where it lies or how it is reached; the only part in which a copy of the files differs. */
  readonly location: string;
};

/** What the row remembers. Several processes may reach one database by several names. */
export type Identity = Omit<Standing, 'location'> & { readonly locations: readonly string[] };

export type Difference = 'server' | 'database' | 'timeline' | 'location' | 'went_back' | 'unreadable';

/** The row as it is now. `identity` is text, because a damaged one must not stop the heartbeat. */
export type ClusterFacts = {
  readonly identity: string | null;
  readonly takeoverNo: number;
  readonly doubt: string | null;
  /** This process's own heartbeat as the database has it; null when there is no row. */
  readonly ownBeatMs: number | null;
  readonly nowMs: number;
};

/** What a process has found out before: it makes the process a witness. */
export type Known = {
  readonly standing: Standing;
  readonly takeoverNo: number;
  /** By the database's clock. */
  readonly beatMs: number;
};

export type Verdict =
  | { readonly kind: 'confirmed' }
  | { readonly kind: 'remember'; readonly identity: Identity }
  | { readonly kind: 'unconfirmed'; readonly why: Difference };

/** A standby may lack the last seconds; what lacks more is older data. */
const lagMs = 60_000;
/** Rows of processes that are silent for a day are deleted; so a row that is missing soon after its beat was never written. */
const rowLivesMs = 12 * 3_600_000;
const maxLocations = 8;

export function judgeIdentity(facts: {
  readonly here: Standing;
  readonly cluster: ClusterFacts;
  readonly known: Known | null;
  /** Another confirmed process was seen beating on this very database. */
  readonly hasWitness: boolean;
}): Verdict {
  const { here, cluster, known } = facts;
  if (cluster.doubt !== null) return unconfirmed('went_back');
  const isSame = known !== null && difference(known.standing, here) === null;
  if (isSame && hasGoneBack(cluster, known)) return unconfirmed('went_back');
  if (cluster.identity === null) return { kind: 'remember', identity: identityOf(here) };
  const remembered = parseIdentity(cluster.identity);
  if (remembered === null) return unconfirmed('unreadable');
  const other = difference(remembered, here);
  if (other !== null) return unconfirmed(other);
  if (differs(remembered.timeline, here.timeline) && !(isSame && canVouch(remembered, cluster, known))) {
    return unconfirmed('timeline');
  }
  const isKnownPlace = remembered.locations.includes(here.location);
  if (!isKnownPlace && !facts.hasWitness) return unconfirmed('location');
  const merged = merge(remembered, here);
  const isNews = serializeIdentity(merged) !== serializeIdentity(remembered);
  return isNews ? { kind: 'remember', identity: merged } : { kind: 'confirmed' };
}

function unconfirmed(why: Difference): Verdict {
  return { kind: 'unconfirmed', why };
}

type Lasting = Pick<Standing, 'system' | 'database' | 'relation'>;

/** Parts that no promotion changes; a part that one side does not know decides nothing. */
function difference(one: Lasting, other: Lasting): 'server' | 'database' | null {
  if (differs(one.system, other.system)) return 'server';
  const isOther = differs(one.database, other.database) || differs(one.relation, other.relation);
  return isOther ? 'database' : null;
}

function differs<T>(one: T | null, other: T | null): boolean {
  return one !== null && other !== null && one !== other;
}

function hasGoneBack(cluster: ClusterFacts, known: Known): boolean {
  if (cluster.takeoverNo < known.takeoverNo) return true;
  // It has said goodbye.
  if (cluster.ownBeatMs === Number.NEGATIVE_INFINITY) return false;
  if (cluster.ownBeatMs === null) return cluster.nowMs - known.beatMs < rowLivesMs;
  return cluster.ownBeatMs < known.beatMs - lagMs;
}

/** It stood on what is remembered, under the same take-over, and (seen before) finds its own last heartbeat here. */
function canVouch(remembered: Identity, cluster: ClusterFacts, known: Known): boolean {
  return !differs(remembered.timeline, known.standing.timeline) && cluster.takeoverNo === known.takeoverNo;
}

function merge(remembered: Identity, here: Standing): Identity {
  const isKnownPlace = remembered.locations.includes(here.location);
  return {
    system: here.system ?? remembered.system,
    timeline: here.timeline ?? remembered.timeline,
    database: here.database ?? remembered.database,
    relation: here.relation ?? remembered.relation,
    locations: isKnownPlace
      ? remembered.locations
      : [...remembered.locations, here.location].slice(-maxLocations),
  };
}

export function identityOf({ location, ...parts }: Standing): Identity {
  return { ...parts, locations: [location] };
}

export function serializeIdentity({ system, timeline, database, relation, locations }: Identity): string {
  return JSON.stringify({ system, timeline, database, relation, locations });
}

/** Null when it is not what `serializeIdentity` writes. */
export function parseIdentity(text: string): Identity | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null) return null;
  const { system, timeline, database, relation, locations } = parsed as Record<string, unknown>;
  const isText = (value: unknown): value is string | null => value === null || typeof value === 'string';
  if (!isText(system) || !isText(database) || !isText(relation)) return null;
  if (timeline !== null && typeof timeline !== 'number') return null;
  if (!Array.isArray(locations) || !locations.every((one): one is string => typeof one === 'string')) {
    return null;
  }
  return { system, timeline, database, relation, locations };
}

const differenceWords: Readonly<Record<Difference, string>> = {
  server: 'it lies on another database server than it remembers',
  database: 'it is another database than it remembers, as after a restored dump or a copy',
  timeline: 'its server was promoted while no process of ours was alive to see it',
  location: 'it lies at another place than it remembers',
  went_back: 'it has gone back in time: the last heartbeats of a running process are missing',
  unreadable: 'what it remembers of itself cannot be read',
};

/** For operators: half a sentence. */
export function describeDifference(why: Difference): string {
  return differenceWords[why];
}
