// Addresses of step results. Clients fetch them without their token, so the address itself carries the right: for ten
// minutes, for one result, in the name of whoever asked, whose rights are looked at again when it is used.
import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { type Fault, isFault, notFound } from '../../kernel/fault.ts';
import { type ExecutionId, isUuid, type PrincipalId, type TenantId } from '../../kernel/ids.ts';
import type { Plain } from '../../kernel/plain.ts';
import { openStepResult } from '../../runner/execution.ts';
import { pack } from '../../runner/packed.ts';
import type { Tx } from '../../storage/doors.ts';
import type { Actor } from '../../tenancy/actor.ts';
import type { Vault } from '../../vault/vault.ts';
import type { GraphqlRooms, RequestContext } from './request-context.ts';

const path = '/api/results';
const lifetimeSeconds = 600;
const label = 'step-result-link';
/** Three ids, the position, the time, and the proof. */
const lengths = { ids: 48, numbers: 8, proof: 32 } as const;

type Claim = {
  readonly tenant: TenantId;
  readonly principalId: PrincipalId;
  readonly executionId: ExecutionId;
  readonly position: number;
  readonly expiresAtSeconds: number;
};

export async function resultsUrl(
  context: RequestContext,
  of: Pick<Claim, 'executionId' | 'position'>,
): Promise<string> {
  const { actor, house } = context;
  const expiresAtSeconds = Math.floor(house.clock.now().getTime() / 1_000) + lifetimeSeconds;
  const { tenant, principalId } = actor;
  const claim = write({ tenant, principalId, ...of, expiresAtSeconds });
  const proof = await context.read((tx) => prove(tx, house.vault, tenant, claim));
  return `${house.publicUrl()}${path}/${Buffer.concat([claim, proof]).toString('base64url')}`;
}

// A fingerprint key is the tenant's own and is not rotated with the sealing keys.
async function prove(tx: Tx, vault: Vault, tenant: TenantId, claim: Buffer): Promise<Buffer> {
  return await vault.fingerprint(tx, tenant, label, claim.toString('base64url'));
}

export function addResultsRoute(scope: FastifyInstance, rooms: GraphqlRooms): void {
  scope.get<{ Params: { link: string } }>(`${path}/:link`, async (request, reply) => {
    const packed = await openLink(rooms, request.params.link);
    return await reply
      .type('application/msgpack')
      .header('content-disposition', 'attachment; filename="result.msgpack"')
      .send(packed.revealBytes());
  });
}

async function openLink(rooms: GraphqlRooms, link: string): Promise<Plain> {
  const bytes = Buffer.from(link, 'base64url');
  const claimLength = lengths.ids + lengths.numbers;
  if (bytes.length !== claimLength + lengths.proof || bytes.toString('base64url') !== link) throw gone();
  const claim = bytes.subarray(0, claimLength);
  const { tenant, principalId, executionId, position, expiresAtSeconds } = read(claim);
  if (![tenant, principalId, executionId].every(isUuid)) throw gone();
  if (expiresAtSeconds * 1_000 < rooms.clock.now().getTime()) throw gone();
  const { doors, vault } = rooms;
  // First of all: keys are looked for only where somebody lives.
  const actor = await actorOf(rooms, tenant, principalId);
  return await doors.withTenant(tenant, async (tx) => {
    const proof = await prove(tx, vault, tenant, claim);
    if (!timingSafeEqual(proof, bytes.subarray(claimLength))) throw gone();
    return pack(inClientForm(await openStepResult({ tx, vault, actor, executionId, position })));
  });
}

type Result = Awaited<ReturnType<typeof openStepResult>>;

/** Clients parse what says that it is JSON, so it must be text then; and they want a string as content type. */
function inClientForm({ data, contentType }: Result): Result {
  const type = contentType ?? '';
  const isText = typeof data === 'string' || data instanceof Uint8Array;
  const isJson = /^application\/(json|[\w.-]+\+json)\b/i.test(type);
  return { data: isJson && !isText ? JSON.stringify(data) : data, contentType: type };
}

async function actorOf(rooms: GraphqlRooms, tenant: TenantId, principalId: PrincipalId): Promise<Actor> {
  try {
    return await rooms.authority.actorByPrincipal(tenant, principalId);
  } catch (error) {
    if (isFault(error, 'not_authenticated')) throw gone();
    throw error;
  }
}

function gone(): Fault {
  return notFound('Step result');
}

function write(claim: Claim): Buffer {
  const numbers = Buffer.alloc(lengths.numbers);
  numbers.writeUInt32BE(claim.position, 0);
  numbers.writeUInt32BE(claim.expiresAtSeconds, 4);
  const ids = [claim.tenant, claim.principalId, claim.executionId].map((id) =>
    Buffer.from(id.replaceAll('-', ''), 'hex'),
  );
  return Buffer.concat([...ids, numbers]);
}

function read(bytes: Buffer): Claim {
  const id = (index: number) =>
    bytes
      .subarray(index * 16, index * 16 + 16)
      .toString('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return {
    tenant: id(0) as TenantId,
    principalId: id(1) as PrincipalId,
    executionId: id(2) as ExecutionId,
    position: bytes.readUInt32BE(lengths.ids),
    expiresAtSeconds: bytes.readUInt32BE(lengths.ids + 4),
  };
}
