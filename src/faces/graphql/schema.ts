// The whole schema: every file that adds to it, and the root types.
import { type GraphQLSchema, lexicographicSortSchema } from 'graphql';
import './scalars.ts';
import './authenticated-user.ts';
import './authorization-method.ts';
import './component.ts';
import './config-variable.ts';
import './connection-log.ts';
import './consent-mutations.ts';
import './credential.ts';
import './credential-mutations.ts';
import './customer.ts';
import './customer-mutations.ts';
import './execution.ts';
import './instance.ts';
import './instance-mutations.ts';
import './integration.ts';
import './integration-lists.ts';
import './integration-mutations.ts';
import './log.ts';
import './organization.ts';
import './step-result.ts';
import './test-mutations.ts';
import { builder } from './builder.ts';

let made: GraphQLSchema | null = null;

export function createSchema(): GraphQLSchema {
  if (made === null) {
    builder.queryType({});
    builder.mutationType({});
    made = lexicographicSortSchema(builder.toSchema());
  }
  return made;
}
