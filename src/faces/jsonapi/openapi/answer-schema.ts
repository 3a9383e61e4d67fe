// The parts of answers as schemas, for declarations of operations. Strict: a member that is answered and not declared
// fails the tests.
import { z } from 'zod';

/** Ids that examples are made with. */
export const exampleIds = {
  tenant: '5c1ad7c0-8f8e-4d0e-9a43-0c4f4a1f9d01',
  contract: '1f0d7c52-3f0b-4e55-9d3a-6f2a7f0c7b02',
  workspace: '8a6b1a3e-6d5c-4c39-8f6e-2d1f5b9e4c03',
  user: 'b7d2c9e4-1a2b-4c3d-8e4f-5a6b7c8d9e04',
  client: 'c3e8f1a2-9b7d-4e6c-8a5f-1d2e3f4a5b05',
  secret: 'd9f4a7b6-2c1e-4f8d-9b3a-7e6d5c4b3a06',
  flow: 'e2b6c1d8-4a7f-4b3e-8d9c-5f6a7b8c9d07',
} as const;

export const answeredId = z.string().meta({ format: 'uuid' });
export const answeredTime = z.string().meta({ format: 'date-time' });

const linkToSelf = z.strictObject({ self: z.string() });

export function relationShown(type: string) {
  return z.strictObject({
    data: z.strictObject({ id: answeredId, type: z.literal(type) }),
    links: linkToSelf.optional(),
  });
}

export function resourceShown(type: string, attributes: z.ZodType, relationships?: z.ZodType) {
  return z.strictObject({
    id: answeredId,
    type: z.literal(type),
    links: linkToSelf,
    attributes,
    ...(relationships === undefined ? {} : { relationships }),
  });
}

export function oneShown(resource: z.ZodType) {
  return z.strictObject({ data: resource, meta: z.strictObject({}) });
}

const pageShown = z
  .strictObject({ page: z.int(), per_page: z.int(), total: z.int(), total_pages: z.int() })
  .meta({ id: 'PageMeta' });

/** `isAlwaysPaged`: else a list without page[...] in the question is whole, and says nothing about pages. */
export function listShown(resource: z.ZodType, { isAlwaysPaged }: { readonly isAlwaysPaged: boolean }) {
  const meta = isAlwaysPaged ? pageShown : z.union([pageShown, z.strictObject({})]);
  return z.strictObject({ data: z.array(resource), meta });
}

export const examplePage = { page: 1, per_page: 20, total: 1, total_pages: 1 } as const;

/** `{data: {id, type}, links: {self}}` */
export function exampleRelation(type: string, id: string, links = `/v2/${type}s/${id}`) {
  return { data: { id, type }, links: { self: links } };
}
