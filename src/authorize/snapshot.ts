// What a consent is about, in words, kept with it: what pages and mails show and where redirects go must not change
// while somebody decides.
import { invalidField } from '../kernel/fault.ts';
import type { ConnectionId, TenantId, UnitId } from '../kernel/ids.ts';
import { checkAuthorizeUrl } from '../oauth/endpoint-url.ts';
import type { Tx } from '../storage/doors.ts';
import { findUnit, type Unit } from '../tenancy/unit.ts';
import type { ConsentTarget } from './consent-target.ts';
import { checkRedirects } from './redirect-allow-list.ts';

/** Everything that may stand in `Snapshot.redirectParams`; other names are not sent. */
export const redirectParamNames = [
  'instanceId',
  'instanceName',
  'integrationId',
  'integrationName',
  'requiredConfigVariableId',
  'requiredConfigVariableKey',
  'id',
] as const;

export type Snapshot = {
  readonly organizationName: string;
  /** Null when the credential is the organization's own. */
  readonly customerName: string | null;
  /** Who asks. */
  readonly requesterName: string;
  /** What will be connected, as its owner calls it. */
  readonly subjectLabel: string;
  readonly providerName: string;
  /** The host on which the person will sign in. */
  readonly providerHost: string;
  readonly scopes: readonly string[];
  readonly successRedirect: string | null;
  readonly failureRedirect: string | null;
  readonly redirectParams: Readonly<Record<string, string>>;
  readonly connectionId: ConnectionId | null;
};

/** What only the caller knows; everything left out is taken from the credential. */
export type Subject = {
  readonly connectionId?: ConnectionId | null;
  readonly label?: string;
  readonly redirects?: { readonly success: string | null; readonly failure: string | null };
  /** Names of `redirectParamNames`; what does not exist is left out. */
  readonly redirectParams?: Readonly<Record<string, string>>;
};

/** Refuses redirects to origins that the organization does not list. */
export async function takeSnapshot(
  tx: Tx,
  of: { readonly target: ConsentTarget; readonly requesterName: string; readonly subject: Subject },
): Promise<Snapshot> {
  const { credential, registration, provider, scopes } = of.target;
  const organization = await organizationOf(tx, credential.tenantId);
  const redirects = of.subject.redirects ?? credential.redirects;
  checkRedirects(redirects, organization?.redirectOrigins ?? []);
  return {
    organizationName: organization?.name ?? '',
    customerName: await customerName(tx, credential.unitPath),
    requesterName: of.requesterName,
    subjectLabel: of.subject.label ?? credential.label ?? credential.connectionType.label,
    providerName: provider.name,
    // Auth clients keep addresses as they were typed; nobody is sent, or told to go, to one that is none.
    providerHost: checkAuthorizeUrl(registration.authorizeUrl, 'authorizeUrl').host,
    scopes: scopes.split(/[\s,]+/).filter((scope) => scope !== ''),
    successRedirect: redirects.success,
    failureRedirect: redirects.failure,
    redirectParams: checkParams(of.subject.redirectParams ?? {}),
    connectionId: of.subject.connectionId ?? null,
  };
}

export async function organizationOf(tx: Tx, tenant: TenantId): Promise<Unit | null> {
  return await findUnit(tx, tenant as string as UnitId);
}

async function customerName(tx: Tx, unitPath: readonly UnitId[]): Promise<string | null> {
  for (const id of unitPath) {
    const unit = await findUnit(tx, id);
    if (unit?.kind === 'customer') return unit.name;
  }
  return null;
}

function checkParams(params: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const names: readonly string[] = redirectParamNames;
  const unknown = Object.keys(params).find((name) => !names.includes(name));
  if (unknown === undefined) return params;
  throw invalidField(
    'redirectParams',
    `${unknown.slice(0, 40)} is not a redirect parameter.`,
    `Use ${names.join(', ')}.`,
  );
}
