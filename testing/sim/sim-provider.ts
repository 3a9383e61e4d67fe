// A simulated provider with its ledger. It may rotate, with grace or strictly, be slow, refuse, lose answers, be down.
import { EgressFault, type EgressRequest, type EgressResponse } from '../../src/oauth/egress.ts';
import type { Rotation } from '../fault-table.ts';
import type { SimClock } from './sim-clock.ts';
import type { SimMachine } from './sim-machine.ts';

export type SimRequest = {
  readonly no: number;
  readonly by: SimMachine;
  readonly grant: string;
  readonly presented: string;
  readonly receivedMs: number;
  endedMs: number;
  isExecuted: boolean;
  /** A whole answer was handed to the process. */
  isDelivered: boolean;
  accessIssued: string | null;
};

export type SimProviderOptions = {
  readonly clock: SimClock;
  readonly random: () => number;
  readonly rotation: Rotation;
  readonly lifeSeconds: number;
};

type Held = { readonly grant: string; retiredMs: number | null };

/** Longer than any waiting time: what is lost here is lost by us. */
const graceMs = 3_600_000;

export class SimProvider {
  readonly requests: SimRequest[] = [];
  /** How often each of these befalls a request, in [0, 1). */
  readonly weather = { lost: 0, refused: 0, throttled: 0, spurious: 0, slow: 0 };
  isDown = false;
  /** Told of each request that comes in. */
  onRequest: (request: SimRequest) => void = () => {};
  readonly #options: SimProviderOptions;
  readonly #refreshTokens = new Map<string, Held>();
  readonly #grantByToken = new Map<string, string>();
  readonly #dead = new Set<string>();
  readonly #liedTo = new Set<string>();
  #count = 0;

  constructor(options: SimProviderOptions) {
    this.#options = options;
  }

  isLive(grant: string): boolean {
    return !this.#dead.has(grant);
  }

  grantOf(token: string): string | null {
    return this.#grantByToken.get(token) ?? null;
  }

  issueGrant(): { readonly grant: string; readonly access: string; readonly refresh: string } {
    const grant = this.#next('grant');
    return { grant, access: this.#mint('at', grant), refresh: this.#mintRefresh(grant) };
  }

  fetch(by: SimMachine, request: EgressRequest): Promise<EgressResponse> {
    const { clock, random } = this.#options;
    return new Promise((resolve, reject) => {
      if (!by.isAlive()) return;
      const wayMs = 5 + 20 * random();
      const isLost = random() < this.weather.lost;
      const sentMs = clock.monotonicMs();
      let isSettled = false;
      const settle = (work: () => void) =>
        by.arrive(() => {
          if (isSettled) return;
          isSettled = true;
          work();
        });
      clock.at(sentMs + request.deadlineMs, () => settle(() => reject(unreachable())));
      clock.at(sentMs + wayMs, () =>
        this.#serve(by, request, (record, response) =>
          clock.at(clock.monotonicMs() + wayMs, () =>
            settle(() => {
              if (isLost) return reject(unreachable());
              record.isDelivered = true;
              resolve(response);
            }),
          ),
        ),
      );
    });
  }

  #serve(
    by: SimMachine,
    request: EgressRequest,
    done: (record: SimRequest, response: EgressResponse) => void,
  ): void {
    const { clock, random } = this.#options;
    const presented = new URLSearchParams(request.body ?? '').get('refresh_token') ?? '';
    const record: SimRequest = {
      no: this.requests.length,
      by,
      grant: this.grantOf(presented) ?? '',
      presented,
      receivedMs: clock.monotonicMs(),
      endedMs: Number.POSITIVE_INFINITY,
      isExecuted: false,
      isDelivered: false,
      accessIssued: null,
    };
    this.requests.push(record);
    this.onRequest(record);
    // Some work for longer than anybody waits, never for longer than the deadline and the settling time.
    const isSlow = random() < this.weather.slow;
    const workMs = isSlow ? 15_000 + 18_000 * random() : 50 + 1_500 * random();
    const luck = random();
    clock.at(clock.monotonicMs() + workMs, () => {
      const response = this.#respond(record, luck);
      record.endedMs = clock.monotonicMs();
      done(record, response);
    });
  }

  #respond(record: SimRequest, luck: number): EgressResponse {
    const { throttled, refused, spurious } = this.weather;
    if (this.isDown || luck < refused) return answer(503, {});
    if (luck < refused + throttled) return answer(429, { error: 'rate_limited' });
    // Once in a while, but not twice about the same grant: then nobody could know better.
    if (luck < refused + throttled + spurious && !this.#liedTo.has(record.grant)) {
      this.#liedTo.add(record.grant);
      return answer(400, { error: 'invalid_grant' });
    }
    return this.#execute(record);
  }

  #execute(record: SimRequest): EgressResponse {
    const { clock, rotation, lifeSeconds } = this.#options;
    const held = this.#refreshTokens.get(record.presented);
    if (held === undefined || this.#dead.has(held.grant)) return answer(400, { error: 'invalid_grant' });
    const isSpent = held.retiredMs !== null;
    if (isSpent && (rotation === 'strict' || clock.monotonicMs() > (held.retiredMs ?? 0) + graceMs)) {
      this.#dead.add(held.grant);
      return answer(400, { error: 'invalid_grant' });
    }
    record.isExecuted = true;
    record.accessIssued = this.#mint('at', held.grant);
    const tokens = { access_token: record.accessIssued, token_type: 'Bearer', expires_in: lifeSeconds };
    if (rotation === 'none') return answer(200, tokens);
    held.retiredMs ??= clock.monotonicMs();
    return answer(200, { ...tokens, refresh_token: this.#mintRefresh(held.grant) });
  }

  #mintRefresh(grant: string): string {
    const token = this.#mint('rt', grant);
    this.#refreshTokens.set(token, { grant, retiredMs: null });
    return token;
  }

  #mint(kind: string, grant: string): string {
    const token = this.#next(kind);
    this.#grantByToken.set(token, grant);
    return token;
  }

  /** Counted, so that a later token has a larger number. */
  #next(kind: string): string {
    this.#count += 1;
    return `${kind}-${this.#count}`;
  }
}

const unreachable = () => new EgressFault('provider_unreachable', { wasSent: true, detail: 'simulated' });

function answer(status: number, body: object): EgressResponse {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
    bodyProblem: null,
  };
}
