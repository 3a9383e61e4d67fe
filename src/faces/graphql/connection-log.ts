// The log beside a credential or a connection: consent, refreshes and errors, in words without secrets.
import { builder } from './builder.ts';
import { ConnectionLogRef } from './objects.ts';

const Severity = builder.enumType('ConnectionLogSeverity', { values: ['INFO', 'WARN', 'ERROR'] as const });

ConnectionLogRef.implement({
  fields: (t) => ({
    timestamp: t.field({ type: 'DateTime', nullable: false, resolve: (entry) => entry.at }),
    severity: t.field({
      type: Severity,
      nullable: false,
      resolve: (entry) => entry.severity.toUpperCase() as 'INFO' | 'WARN' | 'ERROR',
    }),
    code: t.exposeString('code', { nullable: false }),
    message: t.exposeString('message', { nullable: false }),
  }),
});
