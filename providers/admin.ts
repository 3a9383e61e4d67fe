// The remote control under /_emulator: what tests in other processes turn and read. Loopback only.
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { Fault, isFault, notFound } from '../src/kernel/fault.ts';
import { type Answer, jsonAnswer } from './answer.ts';
import type { EmulatorControls } from './controls.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerRecord } from './ledger-record.ts';
import { parsed } from './parse.ts';
import { quirkNames } from './quirks.ts';
import { readBody } from './token-request.ts';

const settings = z.record(z.string(), z.unknown());
const modeSchema = z.strictObject({
  mode: z.enum(['standards', 'quirky']).optional(),
  quirks: z.array(z.string()).optional(),
  set: settings.optional(),
});
const bodies = {
  outage: z.strictObject({ outage: z.enum(['none', 'unavailable', 'reset', 'hang']) }),
  faults: z.strictObject({ faults: z.array(settings) }),
  grant: z.strictObject({ grant: z.string() }),
  seed: z.strictObject({
    client: z.string().exactOptional(),
    account: z.string().exactOptional(),
    scopes: z.array(z.string()).exactOptional(),
  }),
  token: z.strictObject({ token: z.string() }),
  clock: z.strictObject({ advanceSeconds: z.number().min(0).max(1e10) }),
};

/** Answers one request below /_emulator; the caller has made sure that it comes from this machine. */
export async function answerAdmin(
  controls: EmulatorControls,
  ledger: Ledger,
  req: IncomingMessage,
  url: URL,
): Promise<Answer> {
  try {
    const name = url.pathname.slice('/_emulator/'.length);
    if (req.method === 'GET') return jsonAnswer(200, read(controls, ledger, name, url.searchParams));
    if (req.method !== 'POST') throw new Fault('method_not_allowed', 'Use GET or POST.');
    return jsonAnswer(200, await act(controls, name, await bodyOf(req)));
  } catch (error) {
    if (isFault(error)) return jsonAnswer(error.status, { error: error.code, message: error.public });
    throw error;
  }
}

function read(controls: EmulatorControls, ledger: Ledger, name: string, query: URLSearchParams): unknown {
  switch (name) {
    case 'state':
      return { ...controls.state(), quirks: quirkNames };
    case 'ledger': {
      const wanted = query.get('grant');
      const since = Number(query.get('since') ?? 0);
      const records = ledger
        .records()
        .filter(({ seq, grant }) => seq > since && (wanted === null || grant === wanted));
      return { records, outstandingMax: maxima(records), resourceUses: ledger.resourceUses() };
    }
    default:
      throw notFound('Admin call');
  }
}

async function act(controls: EmulatorControls, name: string, body: unknown): Promise<unknown> {
  switch (name) {
    case 'mode': {
      // `set` is checked field by field where it is applied.
      await controls.setMode(parsed(modeSchema, body) as Parameters<EmulatorControls['setMode']>[0]);
      return controls.state();
    }
    case 'adjust':
      controls.adjust(parsed(settings, body));
      return controls.state();
    case 'outage':
      controls.adjust(parsed(bodies.outage, body));
      return controls.state();
    case 'faults':
      controls.schedule(
        parsed(bodies.faults, body).faults as unknown as Parameters<EmulatorControls['schedule']>[0],
      );
      return controls.state();
    case 'clients':
      return controls.addClient(body as Parameters<EmulatorControls['addClient']>[0]);
    case 'seed-grant':
      return await controls.seedGrant(parsed(bodies.seed, body));
    case 'check-grant':
      return { live: controls.isLiveGrant(parsed(bodies.grant, body).grant) };
    case 'revoke-grant':
      return { revoked: controls.revokeGrant(parsed(bodies.grant, body).grant) };
    case 'check-token':
      return { live: controls.isLiveAccessToken(parsed(bodies.token, body).token) };
    case 'expire-access-tokens':
      return { expired: controls.expireAccessTokens() };
    case 'advance':
      controls.advance(parsed(bodies.clock, body).advanceSeconds);
      return controls.state();
    case 'release':
      return { released: controls.release() };
    case 'reset':
      controls.reset();
      return controls.state();
    default:
      throw notFound('Admin call');
  }
}

function maxima(records: readonly LedgerRecord[]): Record<string, number> {
  const byGrant: Record<string, number> = Object.create(null);
  for (const { grant, kind, concurrent } of records) {
    if (grant === null || kind === 'revoke' || kind === 'resource') continue;
    byGrant[grant] = Math.max(byGrant[grant] ?? 0, concurrent);
  }
  return byGrant;
}

async function bodyOf(req: IncomingMessage): Promise<unknown> {
  const raw = await readBody(req);
  if (raw === null) throw new Fault('too_large', 'The body is too large.');
  if (raw.length === 0) return {};
  try {
    return JSON.parse(raw.toString('utf8'));
  } catch (cause) {
    throw new Fault('bad_request', 'The body is not JSON.', { cause });
  }
}
