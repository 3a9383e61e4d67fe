// The schema is written in code; this is the pen. The files beside this one register their types and fields with it.
import SchemaBuilder from '@pothos/core';
import type { RequestContext } from './request-context.ts';

type SchemaTypes = {
  Context: RequestContext;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    JSONString: { Input: unknown; Output: unknown };
    BigInt: { Input: number; Output: number };
  };
};

export const builder = new SchemaBuilder<SchemaTypes>({});

export type Builder = typeof builder;
/** The pen of an object's fields. */
export type FieldPen<T> = PothosSchemaTypes.ObjectFieldBuilder<Builder['$inferSchemaTypes'], T>;
export type QueryPen = PothosSchemaTypes.QueryFieldBuilder<
  Builder['$inferSchemaTypes'],
  Builder['$inferSchemaTypes']['Root']
>;
/** The pen of an input's fields. */
export type InputPen = PothosSchemaTypes.InputFieldBuilder<Builder['$inferSchemaTypes'], 'InputObject'>;
