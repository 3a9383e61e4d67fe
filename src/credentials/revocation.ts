// Takes tokens back at the provider after they are gone here. Deleting never waits for it: the job tries for 24 hours,
// then gives up, and leaves a receipt in the credential's log either way. Before each sending it looks again whether somebody
// would lose his tokens with these: the account may have been connected anew since they were left.
import { audit, systemActor } from '../audit/event.ts';
import type { Clock } from '../kernel/clock.ts';
import { type CredentialId, isUuid, newId, type TenantId } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import { Plain } from '../kernel/plain.ts';
import type { Egress } from '../oauth/egress.ts';
import { createProvider } from '../oauth/provider.ts';
import { type RevocationOutcome, revokeTokens } from '../oauth/revocation.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import { enqueue } from '../storage/job.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import { type AuthClientRow, selectAuthClient } from './auth-client-store.ts';
import { isClientUnproven, openClientSecrets } from './client-secret.ts';
import { findCredential } from './credential.ts';
import { parseTokens, type StoredTokens, serializeTokens } from './grant.ts';
import { writeConnectionLog } from './log-store.ts';
import { getRegistration, type RegistrationId } from './registration.ts';
import {
  closeRevocation,
  countRevocationAttempt,
  insertRevocation,
  type RevocationId,
  type RevocationRow,
  selectHarmed,
  selectRevocation,
} from './revocation-store.ts';

export const revocationJob = 'credential.revoke';
const keepForHours = 24;
const heldForMs = 60_000;

export type RevocationReason = 'disconnected' | 'deleted' | 'superseded' | 'cancelled' | 'replaced';

/** Leaves tokens to be revoked, with the client's secrets of today: the client may be deleted in the same transaction. */
export async function leaveRevocation(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly tenant: TenantId;
  readonly credentialId: CredentialId;
  readonly registrationId: RegistrationId;
  readonly accountRef: Buffer | null;
  readonly client: Pick<AuthClientRow, 'tenantId' | 'id'> | null;
  readonly tokens: StoredTokens;
  readonly reason: RevocationReason;
}): Promise<void> {
  const { tx, vault, tenant, client } = options;
  const id = newId<RevocationId>();
  const key = { tenant_id: tenant, id };
  const row = client === null ? null : await selectAuthClient(tx, client.id);
  const secrets = row === null ? [] : await openClientSecrets(tx, vault, row);
  const secretTexts = Plain.fromText(JSON.stringify(secrets.map(({ secret }) => secret.revealText())));
  await insertRevocation(tx, {
    tenantId: tenant,
    id,
    credentialId: options.credentialId,
    registrationId: options.registrationId,
    accountRef: options.accountRef,
    authClientTenantId: client?.tenantId ?? null,
    authClientId: client?.id ?? null,
    reason: options.reason,
    sealed: await vault.seal(tx, placeOf('revocationTokens', key), serializeTokens(options.tokens)),
    clientSecretsSealed: await vault.seal(tx, placeOf('revocationClientSecrets', key), secretTexts),
    keepForHours,
  });
  await enqueue(tx, revocationJob, { tenantId: tenant, revocationId: id }, { jobKey: `revoke:${id}` });
}

type Opened = {
  readonly row: RevocationRow;
  readonly provider: ReturnType<typeof createProvider>;
  readonly clientId: string;
  readonly secrets: readonly Plain[];
  readonly tokens: StoredTokens;
};

/** The handler of `revocationJob`. */
export function createRevoker(deps: {
  readonly doors: Doors;
  readonly vault: Vault;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  /** False on a database that may be a copy: the tokens in it may be somebody else's in use. */
  readonly mayRevoke: () => boolean;
}): (payload: unknown) => Promise<void> {
  const { doors, vault, egress, clock, log } = deps;

  async function open(tx: Tx, id: RevocationId): Promise<Opened | 'later' | null> {
    const row = await selectRevocation(tx, id);
    if (row === null || row.doneAt !== null || row.sealed === null || row.clientSecretsSealed === null)
      return null;
    const harmed = await selectHarmed(tx, row);
    if (harmed === 'consent') return 'later';
    if (harmed === 'grant') {
      await close(tx, row, 'skipped');
      return null;
    }
    const key = { tenant_id: row.tenantId, id };
    const tokens = parseTokens(await vault.open(tx, placeOf('revocationTokens', key), row.sealed));
    const secretTexts = await vault.open(
      tx,
      placeOf('revocationClientSecrets', key),
      row.clientSecretsSealed,
    );
    const registration = await getRegistration(tx, row.registrationId);
    return {
      row,
      tokens,
      clientId: registration.clientId,
      provider: createProvider(registration),
      secrets: (JSON.parse(secretTexts.revealText()) as string[]).map((text) => Plain.fromText(text)),
    };
  }

  async function holdBack(tx: Tx, tenantId: TenantId, revocationId: RevocationId): Promise<void> {
    const runAt = new Date(clock.now().getTime() + heldForMs);
    await enqueue(tx, revocationJob, { tenantId, revocationId }, { runAt, jobKey: `revoke:${revocationId}` });
  }

  return async (payload) => {
    const { tenantId, revocationId } = payload as { tenantId: TenantId; revocationId: RevocationId };
    if (!isUuid(tenantId) || !isUuid(revocationId)) return;
    const opened = await doors.withTenant(tenantId, async (tx) => {
      const found = deps.mayRevoke() ? await open(tx, revocationId) : 'later';
      if (found !== 'later') return found;
      await holdBack(tx, tenantId, revocationId);
      return null;
    });
    if (opened === null) return;
    const outcome = await revoke(egress, opened);
    const isOver = outcome.kind !== 'retry' || opened.row.isExpired;
    await doors.withTenant(tenantId, async (tx) => {
      if (isOver) return await close(tx, opened.row, outcome.kind);
      await countRevocationAttempt(tx, revocationId, outcome.code);
      const waitMs = Math.max(
        outcome.retryAfterMs ?? 0,
        Math.min(30_000 * 2 ** opened.row.attempts, 3_600_000),
      );
      const runAt = new Date(clock.now().getTime() + waitMs);
      await enqueue(
        tx,
        revocationJob,
        { tenantId, revocationId },
        { runAt, jobKey: `revoke:${revocationId}` },
      );
    });
    log.info('revocation', { outcome: outcome.kind, tenant: tenantId, revocation: revocationId });
  };
}

/** The newest secret first; an older one after the provider has refused the client itself. */
async function revoke(egress: Egress, opened: Opened): Promise<RevocationOutcome> {
  const { provider, clientId, tokens } = opened;
  const [newest = null, ...older] = opened.secrets;
  const send = (clientSecret: Plain | null) =>
    revokeTokens({
      egress,
      provider,
      client: { clientId, clientSecret },
      accessToken: tokens.accessToken,
      refreshToken: tokens.refreshToken,
    });
  let outcome = await send(newest);
  for (const secret of older) {
    if (outcome.kind !== 'refused' || !isClientUnproven(outcome.code)) break;
    outcome = await send(secret);
  }
  return outcome;
}

type RevocationEnd = RevocationOutcome['kind'] | 'skipped';

const receipts: Readonly<Record<RevocationEnd, string>> = {
  done: 'The tokens were revoked at the provider.',
  unsupported:
    'The provider has no revocation address; the tokens were deleted here and end there by themselves.',
  refused:
    'The provider refused to revoke the tokens; they were deleted here. Revoke them in the provider’s settings.',
  retry:
    'The provider could not be reached for 24 hours; the tokens were deleted here. Revoke them in its settings.',
  skipped:
    'The former tokens were deleted here but not revoked at the provider: the same account and app were connected again meanwhile, and revoking the former tokens could end the new ones.',
};

async function close(tx: Tx, row: RevocationRow, end: RevocationEnd): Promise<void> {
  const isWell = end === 'done' || end === 'skipped';
  await closeRevocation(tx, row.id, end);
  await audit(tx, {
    action: 'grant.revocation_ended',
    actor: systemActor,
    object: { kind: 'credential', id: row.credentialId },
    result: isWell ? 'ok' : 'failed',
    detail: { outcome: end, reason: row.reason },
  });
  // The credential may be gone: its log went with it, and the audit event is the receipt that stays.
  if ((await findCredential(tx, row.credentialId)) === null) return;
  await writeConnectionLog(tx, {
    credentialId: row.credentialId,
    severity: isWell ? 'info' : 'warn',
    code: `revocation_${end}`,
    message: receipts[end],
  });
}
