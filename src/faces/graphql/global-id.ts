// Global ids: padded base64 of `Type:uuid`, as relay clients pass them around. One decoder for all of them: an id of
// another type, of another tenant and of nothing at all are the same answer, so that ids cannot be probed.
import { createHash } from 'node:crypto';
import { isFault, notFound } from '../../kernel/fault.ts';
import { type Id, isUuid } from '../../kernel/ids.ts';

/** The type names that stand in ids, and what an error calls the thing. */
const nouns = {
  AuthorizationMethod: 'Authorization method',
  Component: 'Component',
  Credential: 'Credential',
  Customer: 'Customer',
  Instance: 'Instance',
  InstanceConfigVariable: 'Config variable',
  InstanceExecutionResult: 'Execution',
  InstanceFlowConfig: 'Flow',
  InstanceStepResult: 'Step result',
  Integration: 'Integration',
  IntegrationFlow: 'Flow',
  Organization: 'Organization',
  RequiredConfigVariable: 'Required config variable',
  Role: 'Role',
  User: 'User',
} as const;

export type GlobalType = keyof typeof nouns;

const maxLength = 200;

export function toGlobalId(type: GlobalType, id: string): string {
  return Buffer.from(`${type}:${id}`, 'utf8').toString('base64');
}

/** Fault not_found, naming `field`, unless it is an id of exactly this type. */
export function fromGlobalId<T extends Id<string>>(type: GlobalType, id: string, field = 'id'): T {
  const found = parseGlobalId(id);
  if (found === null || found.type !== type) throw notFound(nouns[type], field);
  return found.id as T;
}

/** What the id names. Absent, invisible and wrong are the same answer: not_found, naming `field`. */
export async function byGlobalId<I extends Id<string>, T>(
  of: { readonly type: GlobalType; readonly id: string; readonly field: string },
  load: (id: I) => Promise<T>,
): Promise<T> {
  const id = fromGlobalId<I>(of.type, of.id, of.field);
  try {
    return await load(id);
  } catch (error) {
    if (isFault(error, 'not_found')) throw notFound(nouns[of.type], of.field);
    throw error;
  }
}

/** Null unless it is written exactly as `toGlobalId` writes it. */
export function parseGlobalId(text: string): { readonly type: GlobalType; readonly id: string } | null {
  if (text.length > maxLength) return null;
  const decoded = Buffer.from(text, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  const type = decoded.slice(0, Math.max(colon, 0));
  const id = decoded.slice(colon + 1);
  if (!isGlobalType(type) || !isUuid(id) || toGlobalId(type, id) !== text) return null;
  return { type, id };
}

function isGlobalType(text: string): text is GlobalType {
  return Object.hasOwn(nouns, text);
}

/** For things without rows of their own: clients want an id that stays the same. */
export function derivedId(...parts: readonly string[]): string {
  const hex = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}
