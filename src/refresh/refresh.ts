// Refreshing, put together: what one process needs to keep tokens fresh and to read them.
import type { Clock, Sleep } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { Egress } from '../oauth/egress.ts';
import type { Doors } from '../storage/doors.ts';
import type { Vault } from '../vault/vault.ts';
import { createAnswerJournal } from './answer-journal.ts';
import { createAnswerKeeper } from './answer-keeper.ts';
import type { Heartbeat } from './heartbeat.ts';
import { isProcessSeen } from './process-store.ts';
import { createProviderAllowance, moveStoredGauges, type ProviderAllowance } from './provider-allowance.ts';
import { standardGauge } from './provider-gauge.ts';
import { createTokenReader, type TokenReader } from './read-token.ts';
import { createReadCredential } from './reading.ts';
import { createRefreshFlight, type RefreshFlight } from './refresh-flight.ts';
import { joinGates, type RefreshGate } from './refresh-gate.ts';
import { type RefreshMeter, silentRefreshMeter } from './refresh-meter.ts';
import { createRefreshOne, type RefreshOne } from './refresh-one.ts';
import { productionTimings, type RefreshTimings } from './refresh-timings.ts';
import { createRefresher, type Refresher } from './refresher.ts';
import { createStoredGrantDesk } from './stored-grant-desk.ts';

export type Refresh = {
  readonly reader: TokenReader;
  readonly refresher: Refresher;
  readonly flight: RefreshFlight;
  readonly refreshOne: RefreshOne;
  /** Everything that speaks against asking providers now. */
  readonly gate: RefreshGate;
  /** Closed while refreshed tokens cannot be stored. */
  readonly commitGate: RefreshGate;
  /** The process is going to end: the background begins nothing more, and answers are offered to the database for a limited time. */
  readonly hurry: () => void;
};

export type RefreshDeps = {
  readonly doors: Doors;
  readonly vault: Vault;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly random: () => number;
  readonly log: Log;
  readonly processId: string;
  readonly heartbeat: Heartbeat;
  /** More reasons against refreshing. */
  readonly gates: readonly RefreshGate[];
  /** Where answers lie until the database has them. */
  readonly journalFolder: string;
  /** No other process lives on this database: whatever lies in the folder was left by one that is gone. */
  readonly isAlone: boolean;
  /** How young a token must be to be answered to a forced refresh without asking the provider. */
  readonly forcedWindowSeconds: number;
  readonly timings?: RefreshTimings;
  /** Rates and breakers; by default those that all processes on this database share. */
  readonly allowance?: ProviderAllowance;
  readonly meter?: RefreshMeter;
};

export function createRefresh(given: RefreshDeps): Refresh {
  const deps = { timings: productionTimings, meter: silentRefreshMeter, ...given };
  const { doors, vault, clock, log, processId, heartbeat, timings } = deps;
  const allowance =
    deps.allowance ??
    createProviderAllowance({ moveGauges: moveStoredGauges(doors), clock, rule: standardGauge });
  const desk = createStoredGrantDesk({ doors, vault, clock, processId, timings });
  const journal = createAnswerJournal({
    folder: deps.journalFolder,
    processId,
    log,
    isAlive: async (id) =>
      !deps.isAlone &&
      (await doors.asScheduler((tx) => isProcessSeen(tx, { id, seconds: timings.deadAfterMs / 1000 }))),
  });
  const keeper = createAnswerKeeper({ ...deps, desk, journal });
  const refreshOne = createRefreshOne({ ...deps, desk, keeper, allowance });
  const gate = joinGates({ mayArm: heartbeat.isSeen, refusal: () => null }, keeper.gate, ...deps.gates);
  const flight = createRefreshFlight({ ...deps, desk, allowance, gate, refreshOne, hurry: keeper.hurry });
  const readCredential = createReadCredential({ doors, vault });
  const refresher = createRefresher({ ...deps, desk, allowance, keeper, gate, refreshOne });
  return {
    refresher,
    reader: createTokenReader({ ...deps, readCredential, fly: flight.fly, gate }),
    flight,
    refreshOne,
    gate,
    commitGate: keeper.gate,
    hurry: () => {
      refresher.rest();
      keeper.hurry();
    },
  };
}
