// Who did what to what. A row is written in the transaction of the change, so there is no change without its record
// and no record of a change that did not happen. Values never enter: fields are named, secrets fingerprinted.
import { Fault } from '../kernel/fault.ts';
import type { Tx } from '../storage/doors.ts';
import { insertAuditEvents } from './event-store.ts';

export const auditActions = [
  'api_token.created',
  'api_token.revoked',
  'auth_client.broken',
  'auth_client.created',
  'auth_client.deleted',
  'auth_client.mended',
  'auth_client.secret_added',
  'auth_client.secret_retired',
  'auth_client.updated',
  'authentication.failed',
  'authentication.succeeded',
  'authorization.cancelled',
  'authorization.completed',
  'authorization.confirmed',
  'authorization.denied',
  'authorization.failed',
  'authorization.page_viewed',
  'authorization.recipient_mismatch',
  'authorization.started',
  'backup.restored',
  'backup.taken',
  'cli_login.approved',
  'cli_login.revoked',
  'component.deleted',
  'component.published',
  'config.changed',
  'connection.bound',
  'connection.created',
  'connection.deleted',
  'connection.unbound',
  'connection.updated',
  'credential.created',
  'credential.deleted',
  'credential.read',
  'credential.revealed',
  'credential.updated',
  'egress.refused',
  'embedded_token.accepted',
  'embedded_token.refused',
  'execution.invoked',
  'flow.created',
  'flow.deleted',
  'flow.started',
  'flow.stopped',
  'flow.updated',
  'grant.disconnected',
  'grant.lifetime_learned',
  'grant.lost',
  'grant.refresh_ending',
  'grant.refresh_failed',
  'grant.refreshed',
  'grant.replaced',
  'grant.revocation_ended',
  'grant.tokens_set',
  'installation.set_up',
  'instance.created',
  'instance.deleted',
  'instance.deployed',
  'instance.disabled',
  'instance.enabled',
  'instance.updated',
  'integration.created',
  'integration.deleted',
  'integration.imported',
  'integration.published',
  'invitation.completed',
  'invitation.opened',
  'invitation.revoked',
  'invitation.sent',
  'membership.added',
  'membership.removed',
  'operator.access',
  'password.reset',
  'principal.created',
  'principal.deleted',
  'principal.disabled',
  'principal.enabled',
  'principal.updated',
  'provider.incident_ended',
  'rate_limit.hit',
  'role.created',
  'role.deleted',
  'role.updated',
  'root_key.rotated',
  'session.ended',
  'session.started',
  'signing_key.created',
  'signing_key.deactivated',
  'signing_key.deleted',
  'signing_key.imported',
  'takeover.confirmed',
  'template.created',
  'template.deleted',
  'template.frozen',
  'template.updated',
  'tenant.shredded',
  'tenant_key.destroyed',
  'tenant_key.rotated',
  'unit.created',
  'unit.deleted',
  'unit.updated',
] as const;

export type AuditAction = (typeof auditActions)[number];

/** Any principal fits as it is; `systemActor` is Latchkey itself (refresh, sweeps). */
export type AuditActor = {
  readonly kind: 'person' | 'embedded' | 'service' | 'step' | 'operator' | 'system';
  readonly principalId: string | null;
  readonly name: string | null;
};

export const systemActor: AuditActor = { kind: 'system', principalId: null, name: null };

export type AuditEvent = {
  readonly actor: AuditActor;
  readonly action: AuditAction;
  /** `id` null = several of a kind, which `objects` names. */
  readonly object: { readonly kind: string; readonly id: string | null } | null;
  /** How often each was the object; for events that sum up many reads. */
  readonly objects?: Readonly<Record<string, number>>;
  readonly result?: 'ok' | 'refused' | 'failed';
  /** Names of the fields that changed; never their values. */
  readonly fields?: readonly string[];
  readonly requestId?: string | null;
  /** Small facts that are no secret: a reason code, a count, an address. */
  readonly detail?: Readonly<Record<string, string | number | boolean | null>>;
};

const maxDetailLength = 2000;

/** `tx` is the transaction of the change; the event belongs to its tenant. */
export async function audit(tx: Tx, event: AuditEvent): Promise<void> {
  await auditAll(tx, [event]);
}

export async function auditAll(tx: Tx, events: readonly AuditEvent[]): Promise<void> {
  if (events.length > 0) await insertAuditEvents(tx, events.map(rowOf));
}

function rowOf(event: AuditEvent) {
  const detail = event.detail ?? {};
  if (JSON.stringify(detail).length > maxDetailLength)
    throw new Fault('internal', 'An audit detail is too long.');
  return {
    actor_kind: event.actor.kind,
    actor_id: event.actor.principalId,
    actor_name: event.actor.name === null ? null : storable(event.actor.name),
    action: event.action,
    object_kind: event.object?.kind ?? null,
    object_id: event.object === null || event.object.id === null ? null : storable(event.object.id),
    result: event.result ?? 'ok',
    fields: (event.fields ?? []).map(storable),
    request_id: event.requestId ? storable(event.requestId) : null,
    detail: {
      ...Object.fromEntries(
        Object.entries(detail).map(([key, value]) => [
          key,
          typeof value === 'string' ? storable(value) : value,
        ]),
      ),
      ...(event.objects === undefined ? {} : { objects: event.objects }),
    },
  };
}

// Names come from outside: PostgreSQL refuses U+0000, and half a character would not come back as it went in.
function storable(text: string): string {
  return Buffer.from(text.slice(0, maxDetailLength), 'utf8').toString('utf8').replaceAll('\u0000', '\ufffd');
}
